"""Machines as kept: no secret can be read back, what ended proves nothing, and a nonce is good once."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from integration.clock import now_us
from integration.domain.rights import CLIENT_RIGHTS, ClientKind, Right
from integration.storage import clients
from integration.storage.clients import Client, ClientTaken, Credential, CredentialKind
from integration.storage.engine import Store
from integration.storage.nonces import forget_nonces, note_nonce
from integration.storage.tables import clients as clients_table
from integration.storage.tables import credentials, nonces

SECRET, KEY, CERTIFICATE, SSH_KEY = CredentialKind


def water(client_id: str = "water-1", **changes) -> Client:
    rights = CLIENT_RIGHTS[ClientKind.COMPANY]
    made = Client(client_id, "自来水", ClientKind.COMPANY, "city_water", rights, False, True, 1, 5, None)
    return made._replace(**changes)


def add(store: Store, client: Client) -> None:
    with store.write() as connection:
        clients.add_client(connection, client)


def current(store: Store, clock, kind: CredentialKind | None = None) -> list[str]:
    with store.read() as connection:
        return [one.value for one in clients.current_credentials(connection, clock, "water-1", kind)]


def test_a_machine_comes_back_as_it_was_kept(store: Store) -> None:
    add(store, water())
    with store.read() as connection:
        assert clients.find_client(connection, "water-1") == water()
        assert clients.all_clients(connection) == [water()]
        assert clients.find_client(connection, "gas") is None
        assert clients.find_client(connection, "wa\x00ter") is None


def test_an_id_is_given_once(store: Store) -> None:
    add(store, water())
    with pytest.raises(ClientTaken):
        add(store, water(title="another"))


def test_a_right_that_the_matrix_does_not_give_is_not_had_whatever_the_row_says(store: Store) -> None:
    add(store, water())
    with store.write() as connection:
        wild = '["lists:own","access:manage","no:such"]'
        connection.execute(update(clients_table).values(rights=wild))
    with store.read() as connection:
        found = clients.find_client(connection, "water-1")
    assert found is not None
    assert found.rights == {Right.LISTS_OWN}


def test_a_secret_is_random_and_only_its_digest_is_kept(store: Store, clock) -> None:
    add(store, water())
    (secret, kept), (other, _) = clients.new_secret(), clients.new_secret()
    assert secret != other
    assert len(secret) >= 4 + 43  # 256 bits in base64
    with store.write() as connection:
        clients.add_credential(connection, clock, "water-1", kept)
        assert secret not in str(connection.execute(select(credentials)).all())
    assert clients.secret_is([kept], secret)
    assert not clients.secret_is([kept], other)
    assert not clients.secret_is([], other)


def test_a_proof_that_is_rotated_out_ends_with_its_grace_and_never_later_than_it_would_have(
    store: Store, clock
) -> None:
    now = now_us(clock)
    add(store, water())
    given = [
        Credential(SECRET, "s"),
        Credential(KEY, "k", "k", now + 30_000_000),
        Credential(CERTIFICATE, "c", "c"),
    ]
    with store.write() as connection:
        for one in given:
            clients.add_credential(connection, clock, "water-1", one)
        clients.end_credentials(connection, "water-1", (SECRET, KEY), now + 60_000_000)
    assert current(store, clock) == ["s", "k", "c"]
    assert current(store, clock, KEY) == ["k"]
    clock.advance(seconds=30)
    assert current(store, clock) == ["s", "c"]
    clock.advance(seconds=30)
    assert current(store, clock) == ["c"]


def test_a_certificate_finds_its_machine_until_either_ends(store: Store, clock) -> None:
    add(store, water())
    with store.write() as connection:
        ends = now_us(clock) + 1_000_000
        clients.add_credential(connection, clock, "water-1", Credential(CERTIFICATE, "aa", "aa"))
        clients.add_credential(connection, clock, "water-1", Credential(CERTIFICATE, "bb", "bb", ends))
        clients.add_credential(connection, clock, "water-1", Credential(KEY, "{}", "cc"))
    clock.advance(seconds=1)
    with store.write() as connection:
        found = {sha: clients.client_of_certificate(connection, clock, sha) for sha in ("aa", "bb", "cc")}
        assert {sha for sha, client in found.items() if client} == {"aa"}
        clients.revoke(connection, clock, "water-1")
        assert clients.client_of_certificate(connection, clock, "aa") is None


def test_an_ssh_key_proves_its_own_machine_until_either_ends(store: Store, clock) -> None:
    add(store, water())
    add(store, water("water-2"))
    with store.write() as connection:
        ends = now_us(clock) + 1_000_000
        for kind, name, end in ((SSH_KEY, "aa", None), (SSH_KEY, "bb", ends), (KEY, "cc", None)):
            clients.add_credential(connection, clock, "water-1", Credential(kind, name, name, end))
    clock.advance(seconds=1)
    asked = [("water-1", "aa"), ("water-1", "bb"), ("water-1", "cc"), ("water-2", "aa"), ("", "aa"), ("\0", "aa")]
    with store.write() as connection:
        assert [one for one in asked if clients.client_of_ssh_key(connection, clock, *one)] == [("water-1", "aa")]
        clients.revoke(connection, clock, "water-1")
        assert clients.client_of_ssh_key(connection, clock, "water-1", "aa") is None


def test_revoking_and_rotating_raise_the_epoch(store: Store, clock) -> None:
    add(store, water())
    with store.write() as connection:
        clients.next_epoch(connection, "water-1")
        clients.revoke(connection, clock, "water-1")
        found = clients.find_client(connection, "water-1")
    assert found is not None
    assert (found.epoch, found.revoked_us) == (3, now_us(clock))


# --- nonces --------------------------------------------------------------------------------------------------------


def test_a_nonce_is_good_once_for_a_client_on_every_replica(store: Store, store_url: str, clock) -> None:
    ends = now_us(clock) + 600_000_000
    assert note_nonce(store, clock, "water-1", "n", ends)
    assert not note_nonce(store, clock, "water-1", "n", ends)
    assert note_nonce(store, clock, "gas-1", "n", ends)
    store.close()
    again = Store.open(store_url)
    assert not note_nonce(again, clock, "water-1", "n", ends)
    again.close()


def test_a_nonce_is_noted_within_a_transaction_that_goes_on(store: Store, clock) -> None:
    with store.write() as connection:
        inside = store.within(connection)
        assert note_nonce(inside, clock, "water-1", "n", 1)
        assert not note_nonce(inside, clock, "water-1", "n", 1)
        clients.add_client(connection, water())
    with store.read() as connection:
        assert clients.find_client(connection, "water-1") is not None


def test_nonces_whose_time_is_over_go_and_others_stay(store: Store, clock) -> None:
    now = now_us(clock)
    for nonce, ends in (("old", now - 1), ("long" * 5_000, now + 1)):
        note_nonce(store, clock, "water-1", nonce, ends)
    with store.write() as connection:
        forget_nonces(connection, clock)
        assert connection.execute(select(nonces.c.ends_us)).scalars().all() == [now + 1]


def test_old_nonces_are_swept_by_the_noting_of_new_ones(sqlite_store: Store, clock) -> None:
    for n in range(1_000):
        note_nonce(sqlite_store, clock, "water-1", str(n), now_us(clock))
        clock.advance(seconds=1)
    with sqlite_store.read() as connection:
        assert connection.execute(select(func.count()).select_from(nonces)).scalar_one() < 900
