"""Cases through the command: opened by the hub, noted, resolved by one person, approved by another."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hub_shell import FIRST, PASSWORD, Shell
from sqlalchemy import update

from integration.storage.engine import Store
from integration.storage.tables import users

#: A hash that costs next to nothing to verify; a hash says what it costs.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def quick(shell: Shell) -> Shell:
    store = Store.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
    with store.write() as connection:
        connection.execute(update(users).values(password_hash=CHEAP))
    store.close()
    return shell


def test_a_case_goes_from_the_hub_to_two_persons(quick: Shell) -> None:
    made = quick.json("case", "refresh")
    assert made["opened"] > 0
    found = quick.json("case", "list", "--limit", 10_000)
    assert sum(found["under_work"].values()) == made["opened"] == len(found["cases"])
    number = found["cases"][0]["number"]
    quick("case", "assign", number, "--to", "wang", "--as", "li", typed=f"{PASSWORD}\n")
    quick("case", "note", number, "--as", "wang", typed=f"{PASSWORD}\n欧阳阿依古丽来访\n")
    assert "欧阳" not in quick("case", "show", number).stdout
    assert "欧阳阿依古丽来访" in quick("case", "show", number, "--as", "li", typed=f"{PASSWORD}\n").stdout
    quick("case", "resolve", number, "--as", "li", typed=f"{PASSWORD}\n\n", ends=1)
    quick("case", "resolve", number, "--as", "li", typed=f"{PASSWORD}\nconfirmed\n")
    own = quick("case", "approve", number, "--as", "li", typed=f"{PASSWORD}\n", ends=1)
    assert "their own work" in own.stderr
    assert quick.json("case", "approve", number, "--as", "zhao", typed=f"{PASSWORD}\n")["state"] == "closed"
    assert quick.json("case", "refresh") == {"opened": 0, "reopened": 0, "gone": 0}
    household = found["cases"][0]["household_id"]
    assert "is no refusal" in quick("explain", household, FIRST).stdout
