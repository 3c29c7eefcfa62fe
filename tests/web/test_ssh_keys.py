"""SSH keys of machines: which are taken, what is kept of them, and how one takes the place of another."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

import asyncssh
import pytest
from typer.testing import CliRunner

from integration.cli.program import program
from integration.domain.rights import ClientKind, Role
from integration.jobs.credentials import CredentialFault, ssh_key_of
from integration.jobs.hub import Hub
from integration.jobs.manage_access import AccessRefused
from integration.jobs.manage_clients import add_client, list_clients, revoke_client, rotate_client
from integration.storage import users
from integration.storage.clients import CredentialKind, client_of_ssh_key

GOOD = {
    "ed25519": ("ssh-ed25519", {}),
    "p256": ("ecdsa-sha2-nistp256", {}),
    "p384": ("ecdsa-sha2-nistp384", {}),
    "p521": ("ecdsa-sha2-nistp521", {}),
    "rsa": ("ssh-rsa", {"key_size": 3072}),
}


def public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key("openssh").decode()


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519", comment="wang.wei@waterworks")


@pytest.fixture
def office(city: Hub) -> Hub:
    """A hub where ``sec`` manages access."""
    with city.store.write() as connection:
        users.insert_user(connection, city.clock, users.NewUser("keys", Role.SECURITY_ADMIN, "no hash"))
    return city


def works(hub: Hub, key: asyncssh.SSHKey) -> str | None:
    return add_client(
        hub,
        client_id="works",
        title="x",
        kind=ClientKind.COMPANY,
        party="city_water",
        ssh_key=public(key),
        actor="keys",
    )


def proves(hub: Hub, key: asyncssh.SSHKey, client_id: str = "works") -> bool:
    with hub.store.read() as connection:
        return client_of_ssh_key(connection, hub.clock, client_id, key.get_fingerprint()) is not None


@pytest.mark.parametrize("name", GOOD)
def test_a_key_is_kept_without_its_comment_under_the_name_that_everybody_gives_it(name: str) -> None:
    kind, options = GOOD[name]
    key = asyncssh.generate_private_key(kind, comment="wang.wei@waterworks", **options)
    kept = ssh_key_of(public(key))
    assert (kept.kind, kept.key_id) == (CredentialKind.SSH_KEY, key.get_fingerprint())
    assert kept.value == " ".join(public(key).split()[:2])


@cache
def faults() -> dict[str, str]:
    """Return what is no key, or no good one, by what is wrong with it."""
    key = new_key()
    short = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    return {
        "private": key.export_private_key("openssh").decode(),
        "3072": public(short),
        "empty": "",
        "two": public(key) + public(new_key()),
        "options": f'command="sh" {public(key)}',
        "certificate": key.generate_user_certificate(key, "x").export_certificate("openssh").decode(),
        "damaged": public(key)[:40],
        "dsa": "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
        "rfc4716": key.export_public_key("rfc4716").decode(),
    }


@pytest.mark.parametrize("what", faults())
def test_what_is_no_key_or_no_good_one_is_refused_and_the_remedy_told(what: str) -> None:
    with pytest.raises(CredentialFault, match=r" / .*") as refused:
        ssh_key_of(faults()[what])
    told = {"private": "public half", "3072": "3072 bits"}
    assert told.get(what, "ssh-keygen -i") in str(refused.value)


def test_a_machine_with_an_ssh_key_has_no_secret_and_is_listed_by_its_fingerprint(office: Hub) -> None:
    key = new_key()
    assert works(office, key) is None
    listed = next(one for one in list_clients(office) if one.client_id == "works")
    assert [(proof.kind, proof.key_id) for proof in listed.proofs] == [("ssh_key", key.get_fingerprint())]
    assert proves(office, key)
    assert not proves(office, new_key())
    assert not proves(office, key, "water")
    assert not proves(office, key, "自来水")


def test_a_new_key_takes_the_place_of_the_old_and_of_nothing_else(office: Hub) -> None:
    first, second, third = new_key(), new_key(), new_key()
    works(office, first)
    rotate_client(office, "works", grace_s=60, ssh_key=public(second), actor="keys")
    assert (proves(office, first), proves(office, second)) == (True, True)
    office.clock.advance(seconds=61)
    assert (proves(office, first), proves(office, second)) == (False, True)
    rotate_client(office, "water", grace_s=0, ssh_key=public(third), actor="keys")
    assert proves(office, third, "water")
    water = next(one for one in list_clients(office) if one.client_id == "water")
    assert [proof.kind for proof in water.proofs] == ["secret", "ssh_key"]


def test_a_revoked_machine_is_proved_by_nothing(office: Hub) -> None:
    key = new_key()
    works(office, key)
    revoke_client(office, "works", actor="keys")
    assert not proves(office, key)


def test_a_bad_key_is_refused_as_a_whole(office: Hub) -> None:
    with pytest.raises(AccessRefused, match="ssh-keygen"):
        rotate_client(office, "water", grace_s=0, ssh_key="no key", actor="keys")
    assert not proves(office, new_key(), "water")


def test_the_command_gives_a_machine_its_key(tmp_path: Path) -> None:
    env = {"WAIVERHUB_DATA_DIR": str(tmp_path / "data"), "WAIVERHUB_LANGUAGE": "en", "WAIVERHUB_DATABASE_URL": ""}

    def hub(*words: str, typed: str = "") -> str:
        result = CliRunner().invoke(program, words, input=typed, env=env)
        assert result.exit_code == 0, result.output
        return result.stdout

    file = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    hub("init")
    hub("user", "add", "sec", "--role", "security_admin", typed="right horse battery\n")
    who = ("--party", "city_water", "--as", "sec", "--ssh-key", f"{file}.pub")
    hub("client", "add", "works", "--kind", "company", *who, typed="right horse battery\n")
    (one,) = json.loads(hub("client", "list", "--json"))
    assert [proof["kind"] for proof in one["proofs"]] == ["ssh_key"]
    assert one["proofs"][0]["key_id"] == asyncssh.read_public_key(f"{file}.pub").get_fingerprint()
