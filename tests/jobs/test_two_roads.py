"""The set-wise road and the pure road give the same postings, row by row, on both databases."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from deciding import PAPERS, approved
from sqlalchemy import BigInteger, Column, Connection, Table, select
from test_convergence import unbraked
from world import account, delta, household, link, member, roster, snapshot, take

from integration.domain.allowance import NO_PLACE
from integration.domain.decisions import Kind
from integration.domain.households import Verdict
from integration.domain.policy import MidMonth, load_policy
from integration.jobs import decide
from integration.jobs.compute_month import TotalsDisagree, compute_month
from integration.jobs.hub import Hub
from integration.jobs.month_keys import KeyJudge
from integration.storage import ledger, rosters, setwise
from integration.storage.decisions import refused_pairs
from integration.storage.errors import UniqueTaken
from integration.storage.links import current_links
from integration.storage.tables import OPEN_VERSION, contests, postings
from schemas.values import MONTHLY, OPEN_DAY, Month, Service

MONTH = Month(2026, 11)
_DAYS = (20250301, 20260930, 20261001, 20261031, 20261101, 20261102, 20261115, 20261129, 20261130, 20261201, 20270115)
_SIZE = 260


def population(rng: random.Random) -> list[dict[str, Any]]:
    """First records of households of every category, dated around the month."""
    return [_first(rng, one) for one in range(1, _SIZE + 1)]


def _first(rng: random.Random, one: int) -> dict[str, Any]:
    people: list[Any] = [one * 3, one * 3 + 1]
    if rng.random() < 0.05 and one > 1:
        people.append((one - 1) * 3)  # a person of the household before
    if rng.random() < 0.08:
        people = [member(one * 3, died_on=rng.choice(_DAYS[:-1]))]
    valid_from, valid_to = sorted((rng.choice((20240101, *_DAYS)), rng.choice((*_DAYS, 20271231, OPEN_DAY))))
    return household(
        f"C{one}",
        *people,
        home=one,
        category=rng.choice(["dibao_urban"] * 6 + ["dibao_rural", "tekun", "dibao_edge"]),
        valid_from=valid_from,
        valid_to=valid_to,
        effective_on=valid_from,
        version=one,
        accounts={"city_water": f"W{one}"} if rng.random() < 0.7 else {},
    )


def changes(rng: random.Random, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Later records of a third of them: ends, reviews, other categories, other accounts."""
    changed = []
    for version, row in enumerate(rng.sample(rows, _SIZE // 3), 1000):
        accounts = dict(row["accounts"])
        if rng.random() < 0.3:
            accounts["city_water"] = f"N{version}"
        status = rng.choice(["active", "active", "suspended_review", "ended"])
        category = rng.choice(["dibao_urban", "dibao_urban", "tekun"])
        later = {"status": status, "category": category, "accounts": accounts, "source_version": version}
        changed.append(row | later | {"effective_on": rng.choice(_DAYS)})
    return changed


def mergers(rng: random.Random, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Households of which a later record says that the next one is part of them."""
    merged = []
    for version, one in enumerate(range(0, len(rows) - 1, 9), 1500):
        keep, gone = rows[one], rows[one + 1]
        said = {"effective_on": rng.choice(_DAYS), "source_version": version}
        both = {
            "certificates": keep["certificates"] + gone["certificates"],
            "members": keep["members"] + gone["members"],
        }
        merged.append(keep | both | said)
    return merged


def accounts(rng: random.Random, rows: list[dict[str, Any]], changed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Accounts that agree, that do not, that are closed in the month, shop-houses, and new ones of movers."""
    found = []
    for one in range(1, _SIZE + 1):
        closed = rng.choice([20261110, 20261030, None, None, None, None])
        state = {"state": "销户", "closed": closed} if closed else {}
        holder = one * 3 if rng.random() < 0.8 else 9000 + one
        found.append(account(f"W{one}", holder, home=one, domestic=rng.random() > 0.05, **state))
    movers = [row for row in changed if row["accounts"].get("city_water", "").startswith("N")]
    for row in movers:
        number, people = row["accounts"]["city_water"], row["certificates"][0]["number"]
        found.append(account(number, int(people[1:]) * 3, opened=rng.choice((20261005, 20261110, 20261120))))
    return found


def build(hub: Hub, rng: random.Random) -> None:
    """A small town with every kind of knot."""
    rows = population(rng)
    changed = changes(rng, rows)
    assert take(hub, snapshot(rows, position=900)).state == "applied"
    people = accounts(rng, rows, changed)
    openings = [row | {"state": "正常", "closed": None} for row in people if not row["number"].startswith("N")]
    roster(hub, "city_water", openings)
    roster(hub, "city_gas", [account(f"G{one}", one * 3) for one in range(1, _SIZE, 2)])
    link(hub)
    assert take(hub, delta(changed + mergers(rng, rows), position=2000)).state == "applied"
    roster(hub, "city_water", people)
    link(hub)
    decide_of_some(hub, rng)
    link(hub)


def decide_of_some(hub: Hub, rng: random.Random) -> None:
    """Some want nothing from a day on, and some were linked to an account that was never theirs."""
    with hub.store.read() as connection:
        linked = current_links(connection, list(ledger.household_ids(connection)))
        numbers = {one: rosters.number_at(connection, one, OPEN_VERSION - 1) for one in range(1, 2 * _SIZE)}
    for who in sorted(linked)[::12]:
        since = rng.choice((20261001, 20261101, 20261115))
        approved(hub, decide.propose_refusal(hub, Kind.OPT_OUT, who, Service.WATER, since, PAPERS, actor="clerk"))
    for who in sorted(linked)[5::12]:
        one = linked[who][-1]
        number = (numbers[one.span.account_id] or ("", ""))[1]
        since = rng.choice((one.span.valid_from, min(20261110, one.span.valid_to)))
        filed = decide.propose_wrong_link(hub, who, Service(one.service), number, since, PAPERS, actor="clerk")
        approved(hub, filed)


def varied(hub: Hub, rule: MidMonth) -> Hub:
    """The hub with a wide brake and the given rule for a month in which a right begins."""
    policy = unbraked(hub.policy)
    content = msgspec.json.decode(policy.content)
    content["mid_month"]["values"][0]["value"] = rule.value
    return replace(hub, policy=load_policy({"test": content}))


def both_roads(hub: Hub) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """Compute the month, and return its postings beside what the pure rules say of every household."""
    summary = compute_month(hub, MONTH, actor="tester")
    with hub.store.read() as connection:
        ids = list(ledger.household_ids(connection))
        judge = KeyJudge(connection, ids, summary.cut_off, {MONTH: hub.policy.at(MONTH)})
        pure = {
            (int(MONTH), service.value, one, 1, place, quantity, 1, 0)
            for one in ids
            for service in MONTHLY
            for place, quantity in judge.wanted(one, service, MONTH).items()
        }
        return {tuple(row) for row in connection.execute(select(postings))}, pure


@pytest.mark.parametrize(("seed", "rule"), [(1, MidMonth.ANY_DAY), (2, MidMonth.FIRST_DAY), (3, MidMonth.NEXT_MONTH)])
def test_both_roads_post_the_same_rows(hub: Hub, seed: int, rule: MidMonth) -> None:
    """What one statement posts for a town is what the rules say household by household."""
    hub = varied(hub, rule)
    build(hub, random.Random(seed))
    written, pure = both_roads(hub)
    assert written == pure


def test_the_town_has_every_kind_of_knot(sqlite_hub: Hub) -> None:
    """The comparison is worth something: every verdict, moves, shared persons and unplaced allowances occur."""
    hub = varied(sqlite_hub, MidMonth.ANY_DAY)
    seen: Counter[str] = Counter()
    build(hub, random.Random(1))
    summary = compute_month(hub, MONTH, actor="tester")
    with hub.store.read() as connection:
        ids = list(ledger.household_ids(connection))
        judge = KeyJudge(connection, ids, summary.cut_off, {MONTH: hub.policy.at(MONTH)})
        seen.update(judge.verdict(one, MONTHLY[0], MONTH) for one in ids)
        seen["parted"] = len(refused_pairs(connection, ids))
        seen["contested"] = len(connection.execute(select(contests)).all())
        seen["none yet"] = len(connection.execute(select(postings).where(postings.c.account_id == NO_PLACE)).all())
        links = ledger.links_of(connection, ids, summary.cut_off)
        seen["moved"] = sum(len(spans) > 1 for spans in links.values())
    wanted = {*Verdict} - {Verdict.ABSENT, Verdict.NOT_IN_REGISTRY, Verdict.SPLIT_MONTH} | {
        "contested",
        "none yet",
        "moved",
        "parted",
    }
    assert {one for one in wanted if not seen[one]} == set()


def test_the_pure_road_finds_nothing_to_add_after_the_quick_one(hub: Hub) -> None:
    """``--full`` recomputes everything and posts nothing; so does running the month again."""
    hub = varied(hub, MidMonth.ANY_DAY)
    build(hub, random.Random(5))
    first = compute_month(hub, MONTH, actor="tester")
    again = compute_month(hub, MONTH, actor="tester")
    full = compute_month(hub, MONTH, actor="tester", full=True)
    assert first.rows > 0
    assert (again.rows, full.rows) == (0, 0)


def test_the_comparison_would_find_a_wrong_statement(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with every knot taken for plain, the roads part, or a key is posted twice."""

    @contextmanager
    def none_at_all(connection: Connection, *_: object) -> Iterator[Table]:
        columns = [Column("household_id", BigInteger, primary_key=True)]
        with setwise.temp_table(connection, "knotty", columns) as table:
            yield table

    hub = varied(hub, MidMonth.ANY_DAY)
    build(hub, random.Random(1))
    monkeypatch.setattr(setwise, "knotty_households", none_at_all)
    try:
        written, pure = both_roads(hub)
    except (UniqueTaken, TotalsDisagree):
        return
    assert written != pure
