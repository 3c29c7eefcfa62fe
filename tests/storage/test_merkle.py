"""The RFC 6962 tree, against the published vectors and against its slow recursive definition."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain import merkle
from integration.domain.merkle import Frontier, leaf_hash, root

#: The test inputs of the reference implementation of Certificate Transparency, and the roots of their first n.
CONTENTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(content) for content in CONTENTS]

numbers = st.lists(st.integers(0, 255), min_size=1, max_size=70)


def leaves_of(values: list[int]) -> list[bytes]:
    return [leaf_hash(bytes([place, value])) for place, value in enumerate(values)]


def defined_root(leaves: list[bytes]) -> bytes:
    """The definition in RFC 6962, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = max(2**i for i in range(10) if 2**i < len(leaves))
    return hashlib.sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_published_roots_come_out(size: int) -> None:
    assert root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_empty_tree_has_the_empty_hash() -> None:
    assert Frontier().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_published_inclusion_path_comes_out() -> None:
    assert [step.hex() for step in merkle.inclusion_proof(LEAVES, 5)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_the_published_consistency_proof_comes_out() -> None:
    assert [step.hex() for step in merkle.consistency_proof(LEAVES[:7], 3)][:2] == [
        LEAVES[2].hex(),
        LEAVES[3].hex(),
    ]
    assert [step.hex() for step in merkle.consistency_proof(LEAVES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(numbers, st.lists(st.integers(0, 70), max_size=4))
def test_however_it_grows_the_root_is_the_defined_one(values: list[int], cuts: list[int]) -> None:
    leaves = leaves_of(values)
    frontier = Frontier()
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(leaves)], strict=True):
        frontier = frontier.extended(leaves[start:end])
        frontier = Frontier.from_bytes(frontier.size, frontier.to_bytes())
    assert (frontier.size, frontier.root()) == (len(leaves), defined_root(leaves))


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="fit"):
        Frontier.from_bytes(3, bytes(32))


@given(numbers, st.data())
def test_each_leaf_proves_its_place_and_no_other(values: list[int], data: st.DataObject) -> None:
    leaves = leaves_of(values)
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(-1, len(leaves)))
    proof = merkle.inclusion_proof(leaves, index)
    proved = merkle.verify_inclusion(leaves[index], other, len(leaves), proof, root(leaves))
    assert proved == (other == index)


@given(numbers, st.data())
def test_a_damaged_inclusion_proof_proves_nothing(values: list[int], data: st.DataObject) -> None:
    leaves = leaves_of(values)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = merkle.inclusion_proof(leaves, index)
    for broken in damaged(proof, data):
        assert not merkle.verify_inclusion(leaves[index], index, len(leaves), broken, root(leaves))
    assert not merkle.verify_inclusion(bytes(32), index, len(leaves), proof, root(leaves))


@given(numbers, st.data())
def test_each_beginning_is_provably_one(values: list[int], data: st.DataObject) -> None:
    leaves = leaves_of(values)
    earlier = data.draw(st.integers(1, len(leaves)))
    proof = merkle.consistency_proof(leaves, earlier)
    old, new = root(leaves[:earlier]), root(leaves)
    assert merkle.verify_consistency(earlier, len(leaves), proof, old, new)
    assert not merkle.verify_consistency(earlier, len(leaves), proof, bytes(32), new)
    assert not merkle.verify_consistency(earlier, len(leaves), proof, old, bytes(32))
    for broken in damaged(proof, data):
        assert not merkle.verify_consistency(earlier, len(leaves), broken, old, new)


def damaged(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    extra = [*proof, bytes(32)]
    if not proof:
        return [extra]
    place = data.draw(st.integers(0, len(proof) - 1))
    return [extra, proof[:-1], [*proof[:place], bytes(32), *proof[place + 1 :]]]


@pytest.mark.parametrize("index", [-1, 8])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES, index)
    with pytest.raises(IndexError):
        merkle.consistency_proof(LEAVES, 0 if index < 0 else 9)
