"""Who may come in, from the command line: persons, machines, and one matrix of rights for every command."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from argon2 import PasswordHasher
from hub_shell import PASSWORD, Shell
from joserfc.jwk import OKPKey
from sqlalchemy import update
from typer.testing import CliRunner

from integration.cli.program import program
from integration.domain.rights import ROLE_RIGHTS, Right, Role
from integration.storage import users
from integration.storage.engine import Store
from integration.storage.tables import users as users_table

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
TYPED = f"{PASSWORD}\n"
MACHINE = ("client", "add", "water-1", "--kind", "company", "--party", "city_water", "--as", "sec")


#: A hash that costs next to nothing to verify; a hash says what it costs.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture(scope="module")
def fresh_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub with ``sec``, who came first, and one person of each other role, named like it."""
    shell = Shell(tmp_path_factory.mktemp("access") / "data")
    shell("init")
    shell("user", "add", "sec", "--role", "security_admin", typed=TYPED)
    shell("user", "add", "company_operator", "--role", "company_operator", "--company", "city_water", "--as", "sec",
          typed=TYPED * 2)  # fmt: skip
    store = Store.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
    with store.write() as connection:
        connection.execute(update(users_table).values(password_hash=CHEAP))
        for role in set(Role) - {Role.COMPANY_OPERATOR}:
            users.insert_user(connection, lambda: NOW, users.NewUser(role, role, CHEAP))
    store.close()
    return shell.data


@pytest.fixture
def fresh(fresh_once: Path, tmp_path: Path) -> Shell:
    return Shell(Path(shutil.copytree(fresh_once, tmp_path / "fresh")))


def listed(shell: Shell, name: str) -> dict[str, object]:
    return next(one for one in shell.json("user", "list") if one["name"] == name)


# --- one matrix ----------------------------------------------------------------------------------------------------

#: A command of each right that the command line asks for; none of them gets as far as doing anything.
ASKED = {
    Right.HOUSEHOLDS_FIND: ("household", "find", "account", "--company", "city_water"),
    Right.HOUSEHOLDS_ERASE: ("household", "erase", "1", "--reason", "x"),
    Right.HOLDS_PROPOSE: ("hold", "propose", "999", "--reason", "x"),
    Right.HOLDS_DECIDE: ("hold", "approve", "999"),
    Right.LINKS_CONFIRM: ("link", "confirm", "999", "water"),
    Right.DECISIONS_PROPOSE: ("decision", "undo", "999", "--papers", "x", "x"),
    Right.DECISIONS_APPROVE: ("decision", "approve", "999"),
    Right.CASES_WORK: ("case", "assign", "999", "--to", "clerk"),
    Right.CASES_APPROVE: ("case", "approve", "999"),
    Right.SAMPLES_DRAW: ("sample", "close", "999"),
    Right.SAMPLES_RECORD: ("sample", "record", "999", "--bill", "#1", "--result", "agrees"),
    Right.MONTHS_SETTLE: ("settle", "city_water", "2026-10"),
    Right.MONTHS_RUN: ("link",),
    Right.SERVICE_RUN: ("purge",),
    Right.ACCESS_MANAGE: ("user", "disable", "nobody"),
}


@pytest.mark.parametrize("right", ASKED)
def test_a_command_lets_in_whom_the_matrix_lets_in_and_tells_others_whom_to_ask(fresh: Shell, right: Right) -> None:
    allowed = next(role for role in Role if right in ROLE_RIGHTS[role])
    other = next(role for role in (Role.SUPERVISOR, Role.SYSTEM_ADMIN) if right not in ROLE_RIGHTS[role])
    for role in (allowed, other):
        words = [*ASKED[right], "--as", role]
        result = CliRunner().invoke(program, words, input=f"{PASSWORD}\nnumber\n", env=fresh.env())
        assert (result.exit_code != 6) is (right in ROLE_RIGHTS[role]), (role, result.output)
        if result.exit_code == 6:
            asked = ", ".join(one for one in Role if right in ROLE_RIGHTS[one])
            assert f"this takes: {asked}" in result.stderr


# --- persons -------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_and_the_sixth_is_not_looked_at(fresh: Shell) -> None:
    for _ in range(5):
        assert "wrong password" in fresh("link", "--as", "clerk", typed="wrong\n", ends=6).stderr
    assert "try again in 900 s" in fresh("link", "--as", "clerk", typed=TYPED, ends=6).stderr
    fresh("link", "--as", "supervisor", typed=TYPED)


def test_users_are_listed_with_company_and_districts(fresh: Shell) -> None:
    fresh("user", "districts", "clerk", "110101", "110102", "--as", "sec", typed=TYPED)
    assert listed(fresh, "clerk")["districts"] == ["110101", "110102"]
    assert listed(fresh, "company_operator")["company"] == "city_water"
    table = fresh("user", "list").stdout
    assert "110101 110102" in table
    fresh("user", "districts", "clerk", "--as", "sec", typed=TYPED)
    assert listed(fresh, "clerk")["districts"] == []
    fresh("user", "districts", "clerk", "x", "--as", "sec", typed=TYPED, ends=1)


def test_a_role_is_changed_by_another_and_never_by_oneself(fresh: Shell) -> None:
    fresh("user", "role", "clerk", "supervisor", "--as", "sec", typed=TYPED)
    assert listed(fresh, "clerk")["role"] == "supervisor"
    assert "his own role" in fresh("user", "role", "sec", "clerk", "--as", "sec", typed=TYPED, ends=1).stderr
    assert (
        "needs a company"
        in fresh("user", "role", "clerk", "company_operator", "--as", "sec", typed=TYPED, ends=1).stderr
    )
    fresh("user", "role", "sec", "clerk", "--as", "clerk", typed=TYPED, ends=6)


def test_whoever_is_disabled_does_not_come_in_any_more(fresh: Shell) -> None:
    fresh("user", "disable", "clerk", "--as", "sec", typed=TYPED)
    assert listed(fresh, "clerk")["disabled"] is True
    fresh("link", "--as", "clerk", typed=TYPED, ends=6)


def test_a_second_factor_is_shown_once_and_asked_for_from_then_on(fresh: Shell) -> None:
    uri = fresh("user", "totp", "clerk", "--as", "clerk", typed=TYPED).stdout.strip()
    phone = pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])
    assert listed(fresh, "clerk")["second_factor"] is True
    fresh("link", "--as", "clerk", typed=TYPED, ends=6)
    fresh("link", "--as", "clerk", typed=f"{PASSWORD}\n{phone.at(NOW)}\n")
    fresh("link", "--as", "clerk", typed=f"{PASSWORD}\n{phone.at(NOW)}\n", ends=6)  # good once
    fresh("user", "totp", "clerk", "--reset", "--as", "sec", typed=TYPED)
    fresh("link", "--as", "clerk", typed=TYPED)


def test_a_password_is_changed_by_its_person_or_a_security_administrator(fresh: Shell) -> None:
    fresh("user", "password", "clerk", "--as", "clerk", typed=f"{PASSWORD}\nanother one\n")
    fresh("link", "--as", "clerk", typed=TYPED, ends=6)
    fresh("link", "--as", "clerk", typed="another one\n")
    fresh("user", "password", "clerk", "--as", "supervisor", typed=TYPED * 2, ends=6)
    fresh("user", "password", "clerk", "--as", "sec", typed=TYPED * 2)
    fresh("link", "--as", "clerk", typed=TYPED)


# --- machines ------------------------------------------------------------------------------------------------------


def test_a_secret_stands_alone_on_stdout_and_only_when_it_is_made(fresh: Shell) -> None:
    added = fresh(*MACHINE, "--title", "自来水", typed=TYPED)
    secret = added.stdout.strip()
    assert secret.startswith("whs_")
    assert secret not in added.stderr
    assert secret not in fresh("client", "list").stdout
    rotated = fresh.json("client", "rotate", "water-1", "--grace-s", 3600, "--as", "sec", typed=TYPED)
    assert rotated["client_id"] == "water-1"
    assert rotated["secret"] not in (None, secret)
    (one,) = fresh.json("client", "list")
    assert [proof["ends_at"] is None for proof in one["proofs"]] == [False, True]
    assert (one["title"], one["party"], one["revoked_at"]) == ("自来水", "city_water", None)


def test_a_machine_with_a_key_gets_no_secret(fresh: Shell, tmp_path: Path) -> None:
    jwk = tmp_path / "key.json"
    jwk.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=False)))
    rights = ("--right", "lists:own", "--right", "reports:send")
    given = fresh.json(*MACHINE, "--jwk", jwk, "--must-sign", *rights, typed=TYPED)
    assert given == {"client_id": "water-1", "secret": None}
    (one,) = fresh.json("client", "list")
    assert (one["must_sign"], one["rights"], one["proofs"][0]["kind"]) == (True, ["lists:own", "reports:send"], "key")
    assert "sign" in fresh("client", "list").stdout
    assert "no secret" in fresh("client", "rotate", "water-1", "--as", "sec", typed=TYPED, ends=1).stderr


def test_a_machine_that_cannot_be_is_refused_with_the_remedy(fresh: Shell, tmp_path: Path) -> None:
    for extra, remedy in (
        (("--party", "no_company"), "city_water"),
        (("--right", "registry:send"), "lists:own"),
        (("--must-sign",), "needs a key"),
        (("--jwk", Path(__file__)), "JWK"),
    ):
        assert remedy in fresh(*MACHINE, *extra, typed=TYPED, ends=1).stderr
    fresh(*MACHINE, "--right", "no:such", typed=TYPED, ends=2)
    assert fresh.json("client", "list") == []


def test_a_revoked_machine_stays_in_the_list(fresh: Shell) -> None:
    fresh(*MACHINE, typed=TYPED)
    assert "revoked" in fresh("client", "revoke", "water-1", "--as", "sec", typed=TYPED).stdout
    assert fresh.json("client", "list")[0]["revoked_at"] == "2026-11-20T21:00:00+08:00"
    assert "was revoked" in fresh("client", "revoke", "water-1", "--as", "sec", typed=TYPED, ends=1).stderr


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.SYSTEM_ADMIN])
def test_nobody_else_adds_a_machine(fresh: Shell, role: Role) -> None:
    assert "this takes: security_admin" in fresh(*MACHINE[:-1], role, typed=TYPED, ends=6).stderr
