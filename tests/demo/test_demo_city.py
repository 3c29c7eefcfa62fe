"""The demo city: equal seeds, true-looking people, and files as their partners' contracts have them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.registry import SNIFF_BYTES, companies_in, registry_reader
from integration.demo import City, Step, build_city, expected_ledger, write_story
from integration.demo.people import address, check_digit, long_id
from integration.demo.truth import ALLOWANCE_MILLI
from schemas.addresses import normal_address
from schemas.registry import RegistryRow
from schemas.values import Category, Month, Service

FIRST = Month(2026, 10)
COMPANIES = Path(__file__).parents[2] / "config" / "companies"


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(7, 300, 900, FIRST)


@pytest.fixture(scope="module")
def steps(city: City, tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return write_story(city, tmp_path_factory.mktemp("demo"))


def content(step: Step) -> bytes:
    assert step.path is not None
    return step.path.read_bytes()


def run_of(steps: list[Step], month: Month) -> int:
    (index,) = (i for i, step in enumerate(steps) if step.kind == "run" and step.month == month)
    return index


def registry_rows(step: Step) -> list[RegistryRow]:
    raw = content(step)
    _, rows = registry_reader(raw[:SNIFF_BYTES]).read([raw])
    return [row.record for row in rows if row.record is not None]


def named(steps: list[Step], kind: str, part: str, state: str = "applied") -> list[Step]:
    return [s for s in steps if s.kind == kind and part in s.name and s.expect.state == state]


# --- the city -------------------------------------------------------------------------------------------------


def test_equal_seeds_write_equal_files_and_another_seed_does_not(steps: list[Step], tmp_path: Path) -> None:
    again = write_story(build_city(7, 300, 900, FIRST), tmp_path / "again")
    other = write_story(build_city(8, 300, 900, FIRST), tmp_path / "other")
    written = [content(step) for step in steps if step.path]
    assert [content(step) for step in again if step.path] == written
    assert [content(step) for step in other if step.path] != written


def test_every_id_number_of_the_city_has_the_right_check_digit(city: City) -> None:
    numbers = [long_id(m.id_number) for h in city.households for m in h.members]
    assert len(numbers) > 500
    assert all(len(n) == 18 and check_digit(n[:17]) == n[17] for n in numbers)


def test_two_people_have_two_numbers_save_those_whom_two_certificates_claim(city: City) -> None:
    claimed = Counter(long_id(m.id_number) for h in city.households for m in h.members)
    assert sum(count == 2 for count in claimed.values()) == len(city.cast["claimed_twice"])
    assert max(claimed.values()) == 2


def test_every_clerks_way_of_writing_an_address_has_one_normal_form(city: City) -> None:
    accounts = [a for a in city.accounts.values() if a.where is not None]
    assert all(normal_address(a.address) == normal_address(address(a.where)) for a in accounts if a.where)
    homes = {normal_address(a.address): a.where for a in accounts}
    assert len(homes) == len({a.where for a in accounts})
    assert any(a.address != address(a.where) for a in accounts if a.where)


def test_a_city_too_small_for_its_story_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        build_city(1, 20, 60, FIRST)


# --- the files ------------------------------------------------------------------------------------------------


def test_steps_come_in_order_of_time_and_every_arrival_has_its_file(steps: list[Step]) -> None:
    assert [s.day for s in steps] == sorted(s.day for s in steps)
    arrivals = {"roster", "registry", "aliases"}
    assert all((s.path is not None) == (s.kind in arrivals) for s in steps)


def test_trailers_count_what_stands_in_the_files(steps: list[Step]) -> None:
    for step in named(steps, "roster", "city_water"):
        *_, last = lines = content(step).decode("gb18030").splitlines()
        assert last == f"TRL|{len(lines) - 2}"
    for step in named(steps, "roster", "suburb_water"):
        *_, last = rows = list(csv.reader(content(step).decode("utf-8-sig").splitlines()))
        assert last == ["合计", str(len(rows) - 2)]
    for step in named(steps, "roster", "city_gas"):
        *_, last = records = content(step).removesuffix(b"\r\n").split(b"\r\n")
        assert last == b"T%08d" % (len(records) - 2)
        assert {len(record) for record in records[1:-1]} == {190}


def test_the_bureaus_trailers_count_and_hash_what_stands_before_them(steps: list[Step]) -> None:
    for step in named(steps, "registry", "snapshot"):
        *before, trailer = content(step).splitlines(keepends=True)
        _, households, people, districts, digest = trailer.decode("gb18030").strip().split(",")
        assert digest == hashlib.sha256(b"".join(before)).hexdigest()
        assert int(people) == len(before) - 2
        assert int(households) == sum(int(part.split("=")[1]) for part in districts.split(";"))
    for step in named(steps, "registry", "delta"):
        *before, last = content(step).splitlines(keepends=True)
        trailer = json.loads(last)
        assert trailer["sha256"] == hashlib.sha256(b"".join(before)).hexdigest()
        assert trailer["rows"] == len(before) - 1 == sum(trailer["districts"].values())


def test_the_hub_reads_every_roster_whole(steps: list[Step]) -> None:
    companies = companies_in(COMPANIES)
    for step in (s for s in steps if s.kind == "roster"):
        reader = companies[step.company].roster_reader()
        assert reader is not None
        assert not [row.fault for row in reader.read([content(step)]) if row.fault]


def test_the_hub_refuses_of_the_first_snapshot_what_the_story_says_and_nothing_else(steps: list[Step]) -> None:
    first, right = named(steps, "registry", "snapshot")
    assert len(registry_rows(first)) == (first.expect.applied or 0) + (first.expect.held or 0)
    assert len(registry_rows(right)) == (right.expect.applied or 0) + (right.expect.unchanged or 0)


def test_a_snapshot_repeats_what_the_deltas_said_word_for_word(steps: list[Step]) -> None:
    deltas = {r.source_version: r for s in named(steps, "registry", "delta") for r in registry_rows(s)}
    _, right = named(steps, "registry", "snapshot")
    repeated = [row for row in registry_rows(right) if row.source_version in deltas]
    assert len(repeated) > 20
    assert all(row == deltas[row.source_version] for row in repeated)


# --- the truth ------------------------------------------------------------------------------------------------


def test_nobody_is_ever_due_more_or_less_than_one_allowance(city: City, steps: list[Step]) -> None:
    ledger = expected_ledger(city, len(steps) - 1)
    assert {sum(places.values()) for places in ledger.values()} == {ALLOWANCE_MILLI}
    assert {month for _, _, month in ledger} == {FIRST, FIRST.plus(1), FIRST.plus(2)}


def test_nothing_that_was_once_due_is_ever_taken_back(city: City, steps: list[Step]) -> None:
    months = [FIRST.plus(n) for n in range(3)]
    ledgers = [expected_ledger(city, run_of(steps, month)) for month in months]
    assert all(before.keys() < after.keys() for before, after in pairwise(ledgers))


def test_before_the_first_run_nothing_is_due(city: City, steps: list[Step]) -> None:
    assert expected_ledger(city, run_of(steps, FIRST) - 1) == {}


def test_only_urban_allowance_certificates_are_served(city: City, steps: list[Step]) -> None:
    other = {h.key for h in city.households if h.category is not Category.DIBAO_URBAN}
    served = {key for key, _, _ in expected_ledger(city, len(steps) - 1)}
    assert other
    assert not other & served


def test_a_place_belongs_to_one_household_and_is_an_open_account(city: City, steps: list[Step]) -> None:
    ledger = expected_ledger(city, run_of(steps, FIRST))
    places = Counter(place for places in ledger.values() for place in places if place)
    assert set(places.values()) == {1}
    assert all(city.accounts[place].state == "open" and city.accounts[place].domestic for place in places)


#: What each role of the story has posted at the end: (due at an account, due at none yet) by month of the story.
ROLES = {
    "grant": "AAA",
    "back_dated": "AAA",
    "lost_grant": "AAA",
    "wrong_id": "AAA",
    "timely_end": "A--",
    "late_end": "A--",
    "category": "A--",
    "appeal": "AAA",
    "sole_death": "A--",
    "head_death": "AAA",
    "move": "AAA",
    "late_move": "AAA",
    "reissue": "AAA",
    "overtaken": "AAA",
    "short_id": "AAA",
    "renewed": "AAA",
    "absent": "AA-",
    "lapsed": "A--",
    "lapsing": "AA-",
    "review": "AA-",
    "single_end": "AA-",
    "letter": "AAA",
    "late_holder": "AAA",
    "closing": "AAn",
    "shared": "nnn",
    "claimed_twice": "nnn",
    "cross_move": "AAA",
}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_of_the_story_ends_as_its_edge_case_says(role: str, city: City, steps: list[Step]) -> None:
    ledger = expected_ledger(city, len(steps) - 1)
    for household in city.cast[role]:
        for service in (Service.WATER, Service.GAS):
            places = [ledger.get((household.key, service, FIRST.plus(n)), {}) for n in range(3)]
            assert "".join("n" if None in p else "A" if p else "-" for p in places) == ROLES[role]


def test_every_role_is_played(city: City) -> None:
    assert set(ROLES) == set(city.cast)
    assert all(city.cast.values())


def test_a_late_move_takes_its_months_to_the_new_home_and_leaves_the_month_of_the_move(
    city: City, steps: list[Step]
) -> None:
    before, after = (expected_ledger(city, run_of(steps, FIRST.plus(n))) for n in (1, 2))
    for household in city.cast["late_move"]:
        key = (household.key, Service.GAS, FIRST)
        assert before[key] == after[key]
        key = (household.key, Service.GAS, FIRST.plus(1))
        assert before[key] != after[key]


def test_a_letter_brings_earlier_months_from_none_yet_to_the_account(city: City, steps: list[Step]) -> None:
    before, after = (expected_ledger(city, run_of(steps, FIRST.plus(n))) for n in (1, 2))
    for household in (*city.cast["letter"], *city.cast["late_holder"]):
        key = (household.key, Service.WATER, FIRST)
        assert list(before[key]) == [None]
        assert list(after[key]) != [None]


def test_a_renumbered_account_keeps_its_months_under_its_new_number(city: City, steps: list[Step]) -> None:
    first, second = (expected_ledger(city, run_of(steps, FIRST.plus(n))) for n in (0, 1))
    old_number = {place[1] for places in first.values() for place in places if place}
    renumbered = [(key, places) for key, places in second.items() if any(p and p[1].startswith("33") for p in places)]
    assert renumbered
    for (household, service, month), places in renumbered:
        ((company, number),) = (p for p in places if p)
        assert company == "city_water"
        if (household, service, month) in first:
            assert number.removeprefix("33") in old_number


def test_months_before_the_grant_began_are_due_only_where_the_city_granted_them(tmp_path: Path) -> None:
    earlier = build_city(7, 300, 900, FIRST, granted_from=FIRST.plus(-2))
    steps = write_story(earlier, tmp_path)
    months = {month for _, _, month in expected_ledger(earlier, run_of(steps, FIRST))}
    assert months == {FIRST.plus(-2), FIRST.plus(-1), FIRST}


@pytest.mark.parametrize("seed", range(3))
def test_another_start_and_another_seed_tell_the_same_story(seed: int, tmp_path: Path) -> None:
    """The year's turn lies within the story, and every role still ends as it should."""
    city = build_city(seed, 320, 700, Month(2027, 1))
    steps = write_story(city, tmp_path)
    ledger = expected_ledger(city, len(steps) - 1)
    for role, pattern in ROLES.items():
        for household in city.cast[role]:
            months = [ledger.get((household.key, Service.GAS, Month(2027, 1).plus(n)), {}) for n in range(3)]
            assert "".join("n" if None in p else "A" if p else "-" for p in months) == pattern, role
