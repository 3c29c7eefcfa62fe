"""Keeping what was decided of matches, and the sample of it that another person checks (edge cases 57, 59).

A wrong decision that is found is put to the office: two persons part the pair by a decision of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us
from integration.domain.policy import MonthPolicy
from integration.domain.similarity import Score
from integration.jobs.cases import About, open_case
from integration.jobs.hub import Hub
from integration.jobs.intake import parts
from integration.jobs.link_evidence import LinkRefused
from integration.jobs.reasons import fault_of
from integration.storage import audit, match_decisions, matches
from integration.storage.engine import take_lock
from integration.storage.match_decisions import Decided
from integration.storage.pii import keyed_hasher
from schemas.cases import CaseKind
from schemas.values import Service

#: Who decides what no person has; anybody may check it.
BY_ITSELF: Final = "hub"
Outcome = Literal["linked", "confirmed", "refused"]


class Decider(NamedTuple):
    """Who decides, under which policy, and the knowledge version that the decisions bring."""

    hub: Hub
    policy: MonthPolicy
    by: str
    version: int

    def keep(
        self,
        connection: Connection,
        pairs: Sequence[tuple[int, Service, Score]],
        outcome: Outcome,
        *,
        evidence: str = "",
        note: str = "",
    ) -> None:
        """Write decisions on (household, service, score), and which of them are to be checked."""
        first = match_decisions.next_decision(connection) if pairs else 0
        decided = [
            Decided(
                decision_id=number,
                household_id=household,
                service=service.value,
                account_id=score.account_id,
                outcome=outcome,
                per_mille=score.per_mille,
                reasons=",".join(score.reasons),
                doubts=",".join(score.doubts),
                evidence=evidence,
                note=note,
                sampled=int(is_sampled(self.hub, number, self.policy.match_sample_per_mille)),
                decided_by=self.by,
                decided_us=now_us(self.hub.clock),
                known_from=self.version,
            )
            for number, (household, service, score) in enumerate(pairs, first)
        ]
        match_decisions.decide(connection, decided)


def is_sampled(hub: Hub, number: int, per_mille: int) -> bool:
    """Tell whether a decision is checked: by a keyed digest of its number, which nobody can foresee or choose."""
    draw = keyed_hasher(hub.ring, "match sample")
    draw.update(str(number).encode())
    return int.from_bytes(draw.digest()[:8], "big") % 1000 < per_mille


class SampledMatch(msgspec.Struct, frozen=True):
    """A decision that another person checks; ``found`` is right, wrong, or empty while it waits."""

    decision: int
    household: int
    service: str
    company: str
    account: str
    outcome: str
    per_mille: int
    reasons: list[str]
    evidence: str
    decided_by: str
    found: str
    checked_by: str


def sample(hub: Hub) -> list[SampledMatch]:
    """Return the decisions that other people check: those not checked first, then those found wrong, then the rest."""
    with hub.store.read() as connection:
        found = match_decisions.decisions(connection, sampled=True)
        known: dict[int, matches.SealedCustomer] = {}
        for part in parts(sorted({one.account_id for one in found})):
            known |= matches.customers(connection, part)
    shown = [_sampled(one, known[one.account_id]) for one in found]
    return sorted(shown, key=lambda one: (("", "wrong", "right").index(one.found), one.decision))


def _sampled(one: Decided, known: matches.SealedCustomer) -> SampledMatch:
    return SampledMatch(
        decision=one.decision_id,
        household=one.household_id,
        service=one.service,
        company=known.company,
        account=known.number,
        outcome=one.outcome,
        per_mille=one.per_mille,
        reasons=[reason.value for reason in matches.reasons_in(one.reasons)],
        evidence=one.evidence,
        decided_by=one.decided_by,
        found=one.found,
        checked_by=one.checked_by,
    )


def check_match(hub: Hub, household: int, service: Service, *, right: bool, note: str = "", actor: str) -> None:
    """Keep what another person found of a household's newest sampled decision; a wrong one is put to the office.

    Raises:
        LinkRefused: no decision there is to be checked, or this person took it; or the note cannot be kept.
    """
    if (not right or note) and (fault := fault_of(note)):
        raise LinkRefused(fault)
    with hub.store.write() as connection:
        take_lock(connection, "knowledge")
        found = match_decisions.decisions(connection, sampled=True, household=household)
        open_ones = [one for one in found if one.service == service and not one.found]
        if not open_ones:
            raise LinkRefused("没有待抽查的决定 / no decision there waits to be checked; see: link sample")
        one = open_ones[-1]
        if one.decided_by == actor:
            raise LinkRefused("抽查须由另一人办理 / the one who decided may not check it; ask another person")
        said = "right" if right else "wrong"
        match_decisions.check(connection, one, found=said, note=note, by=actor, at_us=now_us(hub.clock))
        detail = {"decision": one.decision_id, "account_id": one.account_id, "found": said}
        audit.record(connection, hub.clock, actor, "match_checked", f"{household}:{service}", detail)
        if not right:
            about: About = {"household_id": household, "service": service.value}
            open_case(hub, connection, CaseKind.WRONG_LINK, f"match:{one.decision_id}", actor=actor, **about)
