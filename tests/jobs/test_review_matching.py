"""Matching, where it once made a link that it should not have made, or destroyed one."""

from __future__ import annotations

import pytest
from deciding import approved, part
from world import account, delta, household, household_id, link, member, name_of, roster, run, snapshot, take, water

from integration.domain.matching import Candidate, NewLink, with_link
from integration.domain.matching import HolderEvidence as Shown
from integration.domain.similarity import Near, compare_dwellings
from integration.jobs.hub import Hub
from integration.jobs.link_evidence import LinkRefused
from integration.jobs.match_queue import confirm_link, match_queue
from schemas.addresses import parse_address
from schemas.values import OPEN_DAY, Service


def test_an_occupied_account_met_by_near_keys_links_itself_to_nobody_else(sqlite_hub: Hub) -> None:
    take(sqlite_hub, snapshot([household("A", 1, home=7, accounts={"city_water": "W1"})]))
    roster(sqlite_hub, "city_water", [account("W1", name=name_of(9), home=7)])
    link(sqlite_hub)
    second = household("B", member(9, id_number=""), home=7, version=50, grant=True)
    take(sqlite_hub, delta([second], position=60))
    assert link(sqlite_hub).matched == 0
    assert [one.candidates[0].doubts for one in match_queue(sqlite_hub, service=Service.WATER)] == [["taken"]]


def test_who_has_left_leads_to_no_account(sqlite_hub: Hub) -> None:
    take(sqlite_hub, snapshot([household("A", 1, member(2, status="left"))]))
    roster(sqlite_hub, "city_water", [account("W1", 2, home=55)])
    assert link(sqlite_hub).made == 0


def test_one_person_does_not_override_two(sqlite_hub: Hub) -> None:
    take(sqlite_hub, snapshot([household("A", 1, accounts={"city_water": "W1"})]))
    roster(sqlite_hub, "city_water", [account("W1", 1)])
    run(sqlite_hub, "2026-11")
    approved(sqlite_hub, part(sqlite_hub, "A", "W1", "2026-01-01"))
    link(sqlite_hub)
    one = household_id(sqlite_hub, "A")
    with pytest.raises(LinkRefused, match="undo"):
        confirm_link(sqlite_hub, one, Service.WATER, "W1", evidence=Shown.LEASE, actor="clerk")


def test_the_order_of_earlier_links_decides_nothing() -> None:
    old = NewLink(5, "c", 20200101, 20261015, "holder_id", True)
    now = NewLink(3, "c", 20261016, OPEN_DAY, "holder_id", True)
    fresh = Candidate(9, "c", "active", True, 0, OPEN_DAY, False, 0, False, False, False)
    wanted = with_link([old, now], fresh, "confirmed", 20270218)
    assert with_link([now, old], fresh, "confirmed", 20270218) == wanted
    assert wanted[:2] == [old, now._replace(valid_to=20270217)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3栋2单元501-2室", "3栋2单元601-2室"), ("3栋5层1室", "3栋6层1室"), ("附3号501室", "附5号501室"),
        ("甲栋501室", "乙栋501室"), ("东楼501室", "西楼501室"), ("一期3栋501室", "二期3栋501室"),
        ("3栋501室东", "3栋501室西"), ("3栋501室(东)", "3栋501室(西)"), ("3栋-1室", "3栋1室"),
    ],
)  # fmt: skip
def test_two_doors_of_one_house_are_not_the_same(one: str, other: str) -> None:
    a, b = (parse_address("和平社区", f"和平路12号{text}") for text in (one, other))
    assert compare_dwellings(a, b) in (Near.OTHER, Near.UNKNOWN)
    assert compare_dwellings(a, a) is compare_dwellings(b, b) is Near.SAME


def test_a_house_that_is_written_in_part_is_not_certain() -> None:
    a, b = parse_address("", "和平路100弄5号501室"), parse_address("", "和平路5号501室")
    assert compare_dwellings(a, b) is Near.HOUSE


@pytest.mark.parametrize(("opened", "stays"), [(20150602, True), (20261101, False)])
def test_a_corrected_opening_day_leaves_what_a_person_confirmed_and_a_takeover_ends_it(
    sqlite_hub: Hub, opened: int, stays: bool
) -> None:
    hub = sqlite_hub
    take(hub, snapshot([household("A", 1, home=1)]))
    roster(hub, "city_water", [account("W1", 9, home=1)])
    link(hub)
    confirm_link(hub, household_id(hub, "A"), Service.WATER, "W1", evidence=Shown.LEASE, actor="clerk")
    run(hub, "2026-11")
    hub.clock.set("2026-11-18T10:00:00+08:00")
    roster(hub, "city_water", [account("W1", 8, home=1, opened=opened)])
    run(hub, "2026-12")
    assert water(hub, "2026-12") == {"A": {"W1" if stays else None: 3000}}
