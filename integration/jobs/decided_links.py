"""What a decision changes in the links between households and accounts (edge case 59).

A wrong link ends the day before it was wrong; what was posted on it moves with the next run. Undoing the decision
puts the link back as it was, confirmed by the two persons who undid it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from integration.domain.decisions import Kind
from integration.domain.matching import Evidence
from integration.jobs.decision_rules import wrong_ones
from integration.storage import decisions, links
from integration.storage.decisions import Proposal
from integration.storage.links import Current
from schemas.values import day_before


def apply(connection: Connection, proposal: Proposal, version: int) -> None:
    """Change the links as an approved wrong link, or the undoing of one, says."""
    if proposal.kind is Kind.WRONG_LINK:
        _cut(connection, version, wrong_ones(connection, proposal), proposal.from_on)
    elif proposal.account_id:
        _put_back(connection, version, proposal)


def _cut(connection: Connection, version: int, found: Sequence[Current], from_on: int) -> None:
    """End links the day before a day; those that begin later are gone."""
    links.close(connection, version, [_key(one) for one in found])
    kept = [one for one in found if one.span.valid_from < from_on]
    links.add(connection, [_row(_until(one, day_before(from_on)), version) for one in kept])


def _put_back(connection: Connection, version: int, proposal: Proposal) -> None:
    """Write the links that a decision cut as they were before it, in the place of what was linked there since."""
    (undone,) = decisions.filed(connection, number=proposal.undoes)
    if undone.outcome is None or undone.outcome.known_from is None:
        raise ValueError("an undone decision was approved")
    since = undone.outcome.known_from
    before = [one for one in links.links_at(connection, proposal.household_id, since - 1) if _is_there(one, proposal)]
    cut = [one for one in before if _is_on(one, proposal) and one.span.valid_to >= proposal.from_on]
    current = links.current_links(connection, [proposal.household_id]).get(proposal.household_id, ())
    now = [one for one in current if _is_there(one, proposal)]
    spans = {one.span for one in before}
    wrong = [one for one in now if one.span not in spans and _meets(one, cut)]
    stays = [one for one in now if one not in wrong]
    displaced = [one for one in before if one not in cut and _meets(one, wrong) and not _meets(one, stays)]
    _cut(connection, version, wrong, min(one.span.valid_from for one in (*cut, *displaced)))
    links.add(connection, [_row(one, version) for one in (*map(_confirmed, cut), *displaced)])
    _ask_again(connection, version, proposal, since)


def _ask_again(connection: Connection, version: int, proposal: Proposal, since: int) -> None:
    """Let people confirm what other households got on the account since, by nobody's word (edge case 54)."""
    others = [
        one
        for one in links.links_on(connection, proposal.service, proposal.account_id)
        if one.household_id != proposal.household_id and one.known_from >= since and one.span.confirmed
    ]
    asked = [one for one in others if one.evidence != Evidence.CONFIRMED.value]
    links.close(connection, version, [_key(one) for one in asked])
    rows = [_row(one._replace(span=one.span._replace(confirmed=False)), version) for one in asked]
    links.add(connection, rows)


def _is_there(one: Current, proposal: Proposal) -> bool:
    return one.service == proposal.service


def _is_on(one: Current, proposal: Proposal) -> bool:
    return one.span.account_id == proposal.account_id


def _meets(one: Current, others: Sequence[Current]) -> bool:
    """Whether a link has a day in common with any of others."""
    return any(
        one.span.valid_from <= other.span.valid_to and other.span.valid_from <= one.span.valid_to for other in others
    )


def _until(one: Current, day: int) -> Current:
    return one._replace(span=one.span._replace(valid_to=day))


def _confirmed(one: Current) -> Current:
    return one._replace(span=one.span._replace(confirmed=True), evidence=Evidence.CONFIRMED.value)


def _key(one: Current) -> tuple[int, str, int, int]:
    return one.household_id, one.service, one.span.account_id, one.span.valid_from


def _row(one: Current, version: int) -> tuple[Any, ...]:
    span = one.span
    return (
        one.household_id, one.service, span.account_id, version, span.valid_from, span.valid_to,
        one.company, one.evidence, int(span.confirmed), one.reference,
    )  # fmt: skip


def others_on(connection: Connection, proposal: Proposal) -> set[int]:
    """Return the other households that a decision about a link concerns: named, or on the account as well."""
    named = {proposal.other_household_id} if proposal.other_household_id else set()
    if not proposal.account_id:
        return named
    sharing = decisions.households_on(connection, proposal.service, proposal.account_id)
    return named | sharing - {proposal.household_id}
