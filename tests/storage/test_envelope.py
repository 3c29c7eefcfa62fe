"""Signed bytes: one canonical form, and a signature that anybody's OpenSSL can check."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.storage.keys import KeyRing
from schemas import envelope
from schemas.values import Service

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=5))
def test_the_order_of_keys_makes_no_difference(value: dict) -> None:
    assert envelope.canonical(value) == envelope.canonical(dict(reversed(value.items())))


@pytest.mark.parametrize("value", [1.0, {"a": [0.5]}, [[{"b": float("inf")}]]])
def test_floats_have_no_canonical_form(value: object) -> None:
    with pytest.raises(TypeError, match="float"):
        envelope.canonical(value)


def test_words_are_written_as_they_are() -> None:
    assert envelope.canonical({"服务": Service.WATER, "a": 1}) == '{"a":1,"服务":"water"}'.encode()


def test_a_signature_holds_for_its_bytes_and_its_key_alone(ring: KeyRing) -> None:
    signature = envelope.sign(ring.lists.private, b"manifest")
    assert envelope.verify(ring.lists.public_pem, b"manifest", signature)
    assert not envelope.verify(ring.lists.public_pem, b"manifest ", signature)
    assert not envelope.verify(ring.lists.public_pem, b"manifest", signature[:-1] + b"x")
    assert not envelope.verify(ring.checkpoints.public_pem, b"manifest", signature)


def test_a_pem_of_something_else_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="Ed25519"):
        envelope.verify(pem, b"", bytes(64))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="NOT TESTED: there is no openssl on this machine")
def test_openssl_checks_a_manifest_without_the_hub(ring: KeyRing, key_folder: Path, tmp_path: Path) -> None:
    manifest, signature = tmp_path / "manifest.json", tmp_path / "manifest.sig"
    manifest.write_bytes(envelope.canonical({"number": 1}))
    signature.write_bytes(envelope.sign(ring.lists.private, manifest.read_bytes()))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key_folder / "lists.pub.pem"), "-rawin"]
    command += ["-in", str(manifest), "-sigfile", str(signature)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    manifest.write_bytes(envelope.canonical({"number": 2}))
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
