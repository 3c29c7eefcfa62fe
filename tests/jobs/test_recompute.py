"""Every published list comes out the same again, byte for byte, whatever was learnt since (design: two axes)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from played import copied, on_each, play
from sqlalchemy import select, update
from tampering import tampering
from test_explain import wider
from world import account, delta, household, household_id, link, publish, roster, run, snapshot, take

from integration.jobs.erase_household import erase_household
from integration.jobs.hub import Hub
from integration.jobs.recompute_list import Recomputed, recompute_all, recompute_list
from integration.storage.keys import KeyRing
from integration.storage.tables import contests, facts, list_chunks, lists, postings

ACCOUNTS = {"city_water": "W{}", "city_gas": "G{}"}


def one(number: int, *people: int, version: int = 1, **more: object) -> dict[str, object]:
    """Household ``A<number>``, who names its accounts, of 2024."""
    named = {company: form.format(number) for company, form in ACCOUNTS.items()}
    about = {"valid_from": 20240101, "accounts": named, "version": version} | more
    return household(f"A{number}", *(people or (number,)), **about)


def rosters(hub: Hub, **water: dict[str, object]) -> None:
    """Accounts 1 to 12 of water, as told; and the same of gas at first."""
    roster(hub, "city_water", [account(f"W{n}", n) | water.get(f"W{n}", {}) for n in range(1, 13)])
    if not water:
        roster(hub, "city_gas", [account(f"G{n}", n) for n in range(1, 13)])


def short(hub: Hub) -> Hub:
    """The hub with a look-back of two months, so that somebody may be erased soon."""
    return hub.under(wider(hub.policy, look_back_months=2))


def history(hub: Hub) -> None:
    """Six months in which everything moves that can, with a list a month; then more is learnt of the past."""
    hub = short(hub)
    # the ninth names the first's person as well
    take(hub, snapshot([*(one(n) for n in range(1, 9)), one(9, 9, 1)], as_of=20250120))
    rosters(hub)
    month(hub, "2025-02")
    month(hub, "2025-03")
    ended = [one(n, *people, status="ended", effective_on=20250301, version=102) for n, *people in ((1, 1), (9, 9, 1))]
    take(hub, delta(ended, position=107, as_of=20250301))
    renumbered = {"W2": {"number": "W22", "predecessor": "W2"}}
    rosters(hub, **renumbered)
    month(hub, "2025-04")
    month(hub, "2025-05")
    moved = {"home": 11, "accounts": {"city_water": "W11", "city_gas": "G3"}, "effective_on": 20250410}
    late = [one(10, valid_from=20250301, grant=True, version=103), one(3, version=104, **moved)]
    take(hub, delta(late, position=110, as_of=20250420))  # granted for months that are over, and moved
    rosters(hub, **renumbered, W11=_holder(3))
    month(hub, "2025-05")  # supplements
    take(hub, delta([one(4, status="ended", effective_on=20250401, version=105)], position=120, as_of=20250420))
    run(hub, "2025-06", full=True)
    publish(hub, "2025-06")
    dearer = {"categories": ["dibao_urban"], "allowance_milli": 4000}
    other = hub.under(wider(hub.policy, water=dearer))
    month(other, "2025-07")
    take(hub, delta([one(5, status="ended", effective_on=20250401, version=106)], position=130, as_of=20250620))
    rosters(hub, W6={"number": "W66", "predecessor": "W6"})
    link(hub)


def month(hub: Hub, text: str) -> None:
    """A month computed and published."""
    run(hub, text)
    publish(hub, text)


def _holder(person: int) -> dict[str, object]:
    told = account("", person)
    return {key: told[key] for key in ("name", "id_number")}


START = "2025-01-20T20:00:00+08:00"


@pytest.fixture(scope="module")
def played(sqlite_template: Path, ring: KeyRing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return play(sqlite_template, tmp_path_factory.mktemp("played"), ring, START, history)


@pytest.fixture
def past(played: Path, ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    """The hub after its history, to be tampered with."""
    with copied(played, tmp_path, ring, "2025-07-01T20:00:00+08:00") as hub:
        yield hub


@pytest.fixture(params=["sqlite", "postgresql"])
def hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    """The same on each database."""
    with on_each(request, START, history) as made:
        yield made


def faults(made: Recomputed) -> list[object]:
    """Whatever is not the same."""
    return [one for one in (*made.lists, *made.runs) if not one.same]


def test_every_list_and_run_comes_out_the_same_after_all_that_was_learnt_since(hub: Hub) -> None:
    """Moves, renumberings, late grants and ends, another policy, an erased household: then is then."""
    made = recompute_all(hub)
    assert faults(made) == []
    assert {one.kind for one in made.lists} == {"regular", "supplement"}
    assert len(made.lists) > 15
    assert sum(run.rows for run in made.runs) > 80
    with hub.store.read() as connection:
        told = [set(json.loads(manifest)["changes"]) for manifest in connection.scalars(select(lists.c.manifest))]
    assert set.union(*told) == {"NEW", "KEEP", "STOP", "RETRO", "MOVE"}
    erase_household(short(hub), household_id(hub, "A1"), reason="保存期满", actor="officer")
    single = recompute_list(hub, "city_water", 3)
    assert (single.same, [one.number for one in single.lists]) == (True, [3])
    assert [run.month for run in single.runs] == ["2025-04"]


def test_of_an_erased_household_nobody_finds_whom_it_shared_but_that_it_did_stays_known(past: Hub) -> None:
    """Control: were that gone as well, the months in which the ninth had to wait would come out otherwise."""
    digests = select(contests.c.digest).where(contests.c.household_id == 1).distinct()
    with past.store.read() as connection:
        (before,) = connection.scalars(digests)
    erase_household(short(past), 1, reason="保存期满", actor="officer")
    assert faults(recompute_all(past)) == []
    with past.store.read() as connection:
        (after,) = connection.scalars(digests)
    assert after != before
    with past.store.write() as connection:
        connection.execute(contests.delete().where(contests.c.digest == after))
    assert {key.household for run in recompute_all(past).runs for key in run.named} == {9}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_posting_that_somebody_changed_is_found_and_named(past: Hub, sign: int) -> None:
    """In the ledger and on the list: the household, the month, what stands and what should."""
    third = household_id(past, "A3")
    where = (postings.c.household_id == third, postings.c.month == 202504, postings.c.service == "water")
    with tampering(past.store) as connection:
        changed = {"quantity_milli": postings.c.quantity_milli + sign * 1000}
        assert connection.execute(update(postings).where(*where, postings.c.n == 1).values(**changed)).rowcount == 1
    made = recompute_all(past)
    named = [key for run in made.runs for key in run.named]
    assert not made.same
    assert {(key.household, key.service) for key in named} == {(third, "water")}
    first = next(key for key in named if key.month == "2025-04")
    assert [row.quantity_milli for row in first.posted] == [3000 + sign * 1000]
    assert [(row.company, row.account, row.quantity_milli) for row in first.derived] == [("city_water", "W3", 3000)]
    listed = recompute_list(past, "city_water", 3)
    assert {row.household for one in listed.lists for row in one.named} == {third}
    assert {row.side for one in listed.lists for row in one.named} == {"stored", "recomputed"}


def test_a_posting_for_nobody_and_one_in_a_wrong_month_are_found(past: Hub) -> None:
    """Rows that no judgement of a household would ever look at."""
    row = {"service": "water", "n": 1, "account_id": 1, "quantity_milli": 3000, "run_id": 3, "retro": 0}
    with tampering(past.store) as connection:
        connection.execute(postings.insert(), [row | {"month": 202504, "household_id": 9999}])
        connection.execute(postings.insert(), [row | {"month": 202501, "household_id": 1}])
    found = next(run for run in recompute_all(past).runs if run.run_id == 3)
    assert (found.keys_differing, found.stray_rows, found.named[0].household) == (1, 1, 9999)


def test_what_the_hub_knew_is_what_is_judged(past: Hub) -> None:
    """A fact of then that somebody changed since shows in the runs; the list is still made of the ledger."""
    with tampering(past.store) as connection:
        connection.execute(update(facts).where(facts.c.household_id == 7).values(valid_from=20250601))
    made = recompute_list(past, "city_water", 1)
    assert (made.same, made.lists[0].same) == (False, True)
    assert {key.household for run in made.runs for key in run.named} == {7}


def test_bytes_or_a_manifest_that_somebody_changed_are_found(past: Hub) -> None:
    """Another rendering's bytes under its name, and a manifest that states another number of rows."""

    chunks, manifest = list_chunks.c, lists.c.manifest
    at = (lists.c.company == "city_water", lists.c.number == 2)
    with tampering(past.store) as connection:
        of = (chunks.company == "city_water", chunks.number == 1, chunks.rendering == "ndjson")
        content = gzip.decompress(connection.scalars(select(chunks.content).where(*of)).one())
        changed = content.replace(b'"quantity_milli":3000', b'"quantity_milli":9000', 1)
        connection.execute(update(list_chunks).where(*of).values(content=gzip.compress(changed)))
        stated = json.loads(connection.scalars(select(manifest).where(*at)).one())
        told = json.dumps(stated | {"rows": 99}, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        connection.execute(update(lists).where(*at).values(manifest=told))
    first, second = (recompute_list(past, "city_water", number).lists[0] for number in (1, 2))
    assert [form.name for form in first.forms if not form.same] == ["ndjson"]
    assert (first.faults, first.rows_differing) == ([], 2)
    assert set(second.faults) >= {"SIGNATURE_WRONG", "TOTALS_DISAGREE", "MANIFEST_DIFFERS"}
