"""Keys and personal data: sealed to one place, found by key only, named to companies by references."""

from __future__ import annotations

import os
import re
import stat
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.storage.keys import KeyRing, KeysUnusable, init_keys
from integration.storage.pii import (
    BlindIndex,
    DataKey,
    HouseholdKeys,
    LookupKind,
    Unreadable,
    keyed_hasher,
    row_reference,
)

PLACE = ("sealed_records", 1, 7)


@pytest.fixture(scope="module")
def other_ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    folder = tmp_path_factory.mktemp("other") / "keys"
    init_keys(folder)
    return KeyRing.load(folder)


# --- keys ------------------------------------------------------------------------------------------------------


def test_keys_are_for_their_owner_alone(key_folder: Path) -> None:
    assert stat.S_IMODE(key_folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in key_folder.iterdir()}
    public = {f"{name}.pub.pem" for name in ("lists", "checkpoints", "settlements", "tokens")}
    assert {name for name, mode in modes.items() if mode != 0o600} == public
    assert len(modes) == 15


def test_every_key_is_another(ring: KeyRing, other_ring: KeyRing) -> None:
    names = ("wrapping", "blind_index", "submissions", "digests", "references", "lists", "checkpoints", "settlements")
    ids = {getattr(one, name).key_id for one in (ring, other_ring) for name in names}
    assert len(ids) == 16
    assert all(re.fullmatch("[0-9a-f]{8}", key_id) for key_id in ids)


def test_keys_are_never_overwritten(key_folder: Path) -> None:
    before = {path: path.read_bytes() for path in key_folder.iterdir()}
    with pytest.raises(KeysUnusable, match="never overwritten"):
        init_keys(key_folder)
    assert {path: path.read_bytes() for path in key_folder.iterdir()} == before


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_keys(tmp_path / "k")
    return tmp_path / "k"


@pytest.mark.parametrize("name", ["", "wrapping.key", "lists.pem"])
def test_keys_open_to_others_are_refused_with_the_remedy(folder: Path, name: str) -> None:
    (folder / name).chmod(0o750)
    with pytest.raises(KeysUnusable, match="chmod go="):
        KeyRing.load(folder)


@pytest.mark.parametrize("name", ["digests.key", "checkpoints.pem"])
def test_a_missing_or_damaged_key_is_named_and_not_shown(folder: Path, name: str) -> None:
    secret = (folder / name).read_text()
    (folder / name).write_text(secret[:-9])
    with pytest.raises(KeysUnusable, match=f"{name} is damaged") as caught:
        KeyRing.load(folder)
    assert secret[10:30] not in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(KeysUnusable, match=f"{name} is missing"):
        KeyRing.load(folder)


def test_a_key_ring_in_a_traceback_shows_no_secret(ring: KeyRing) -> None:
    shown = repr(ring)
    assert repr(ring.wrapping.secret) not in shown
    assert "Ed25519PrivateKey" not in shown


# --- sealing ---------------------------------------------------------------------------------------------------


@given(st.binary(max_size=100))
def test_what_is_sealed_opens_at_its_place(plaintext: bytes) -> None:
    key = DataKey(bytes(32))
    assert key.open(PLACE, key.seal(PLACE, plaintext)) == plaintext


def test_the_same_text_is_sealed_differently_each_time() -> None:
    key = DataKey(bytes(32))
    assert len({key.seal(PLACE, b"x") for _ in range(50)}) == 50


def test_no_blob_opens_at_another_place(ring: KeyRing) -> None:
    keys = HouseholdKeys(ring)
    key, _ = keys.new(1)
    places = [(table, household, row) for table in ("a", "b") for household in (1, 11) for row in (1, 11)]
    sealed = {place: key.seal(place, b"x") for place in places}
    for one, two in permutations(places, 2):
        with pytest.raises(Unreadable):
            key.open(one, sealed[two])


def test_not_one_bit_of_a_blob_can_be_changed() -> None:
    key = DataKey(bytes(32))
    sealed = key.seal(PLACE, b"name")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(Unreadable):
            key.open(PLACE, bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(Unreadable):
            key.open(PLACE, sealed[:length])


def test_a_household_key_opens_for_its_household_alone(ring: KeyRing, other_ring: KeyRing) -> None:
    keys = HouseholdKeys(ring)
    key, wrapped = keys.new(5)
    sealed = key.seal(PLACE, b"x")
    assert keys.unwrap(5, wrapped).open(PLACE, sealed) == b"x"
    with pytest.raises(Unreadable):
        keys.unwrap(6, wrapped)
    with pytest.raises(Unreadable):
        HouseholdKeys(other_ring).unwrap(5, wrapped)
    with pytest.raises(Unreadable):
        keys.new(5)[0].open(PLACE, sealed)


# --- finding ---------------------------------------------------------------------------------------------------


def test_equal_texts_of_one_kind_find_each_other(ring: KeyRing) -> None:
    assert BlindIndex(ring).digest(LookupKind.NAME, "张三") == BlindIndex(ring).digest(LookupKind.NAME, "张三")


def test_kinds_texts_and_hubs_do_not_meet(ring: KeyRing, other_ring: KeyRing) -> None:
    digests = {
        BlindIndex(one).digest(kind, name)
        for one in (ring, other_ring)
        for kind in LookupKind
        for name in ("张三", "张四", "")
    }
    assert len(digests) == 2 * len(LookupKind) * 3
    assert {len(digest) for digest in digests} == {16}


def test_keyed_digests_of_different_purposes_differ(ring: KeyRing) -> None:
    assert keyed_hasher(ring, "a").digest() != keyed_hasher(ring, "b").digest()
    fed = keyed_hasher(ring, "a")
    fed.update(b"x")
    assert fed.digest() != keyed_hasher(ring, "a").digest()


def test_a_reference_is_stable_and_different_for_each_company_household_and_account(ring: KeyRing) -> None:
    all_of_them = [(c, h, a) for c in ("water", "gas") for h in (1, 11) for a in (1, 11)]
    references = [row_reference(ring, *one) for one in all_of_them]
    assert references == [row_reference(ring, *one) for one in all_of_them]
    assert len(set(references)) == len(all_of_them)
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{16}", reference) for reference in references)


def test_a_guess_without_the_key_hits_nothing(ring: KeyRing) -> None:
    held = {BlindIndex(ring).digest(LookupKind.PERSON, f"11010119900307{n:04d}") for n in range(200)}
    import hashlib

    guesses = {hashlib.sha256(f"11010119900307{n:04d}".encode()).digest()[:16] for n in range(200)}
    assert not held & guesses
    assert os.urandom(16) not in held
