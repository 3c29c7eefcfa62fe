"""The world that the job tests are built in: its people differ, and its files are read without a fault."""

from __future__ import annotations

import pytest
from world import account, due, household, id_of, name_of, roster, run, snapshot, take

from integration.jobs.hub import Hub
from schemas.citizen_id import CitizenId, read_citizen_id


def test_people_have_right_numbers_and_are_told_apart() -> None:
    assert all(read_citizen_id(id_of(n)) == CitizenId(id_of(n), True) for n in range(500))
    assert len({id_of(n) for n in range(2000)}) == len({name_of(n) for n in range(2000)}) == 2000


@pytest.mark.parametrize("company", ["city_water", "suburb_water", "city_gas"])
def test_a_household_reaches_its_account_at_every_company(hub: Hub, company: str) -> None:
    assert take(hub, snapshot([household("A1", 1, accounts={company: "N1"})])).state == "applied"
    assert roster(hub, company, [account("N1", 1)]).counts["applied"] == 1
    run(hub, "2026-11")
    service = "gas" if company == "city_gas" else "water"
    assert due(hub, "2026-11")["A1", service] == {"N1": 3000}
