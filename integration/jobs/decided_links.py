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
    """Write the links that a decision cut as they were before it, and end what was linked since at their first day."""
    (undone,) = decisions.filed(connection, number=proposal.undoes)
    if undone.outcome is None or undone.outcome.known_from is None:
        raise ValueError("an undone decision was approved")
    before = links.links_at(connection, proposal.household_id, undone.outcome.known_from - 1)
    cut = [
        one
        for one in before
        if (one.service, one.span.account_id) == (proposal.service, proposal.account_id)
        and one.span.valid_to >= proposal.from_on
    ]
    start = min(one.span.valid_from for one in cut)
    now = links.current_links(connection, [proposal.household_id]).get(proposal.household_id, ())
    _cut(connection, version, [one for one in now if one.service == proposal.service and _reaches(one, start)], start)
    links.add(connection, [_row(_confirmed(one), version) for one in cut])


def _reaches(one: Current, day: int) -> bool:
    return one.span.valid_to >= day


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
