"""A company's own check of a list: with its files and the public key, and nothing of the hub."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hub_shell import Shell
from isal import igzip
from sqlalchemy import update

from integration.storage import lists
from integration.storage.engine import Store
from integration.storage.keys import SigningKey
from integration.storage.tables import list_chunks
from schemas import envelope, list_check
from schemas.lists import ListKind, Manifest, Rendering

CONTENTS = ["city_water-000001.csv", "city_water-000001.ndjson"]


def verify(folder: Path, *more: object, ends: int = 0, data: str = "/nowhere") -> set[str]:
    """Return the codes of what was found; the hub itself is out of reach."""
    shell = Shell(Path(data))
    key = folder / "lists.pub.pem"
    found = shell.json("verify-list", folder / "manifest.json", *more, "--key", key, ends=ends)
    assert found["sound"] == (ends == 0)
    return {fault["code"] for fault in found["faults"]}


def test_an_exported_list_is_as_signed_for_us_and_for_openssl(exported: Path) -> None:
    assert verify(exported) == set()
    openssl = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", exported / "lists.pub.pem", "-rawin"]
    paths = ["-in", exported / "manifest.json", "-sigfile", exported / "manifest.sig"]
    assert subprocess.run([*openssl, *paths], capture_output=True, check=False).returncode == 0
    (exported / "manifest.json").write_bytes((exported / "manifest.json").read_bytes() + b" ")
    assert subprocess.run([*openssl, *paths], capture_output=True, check=False).returncode != 0


def test_it_runs_as_a_process_without_any_hub(exported: Path, tmp_path: Path) -> None:
    words = ["verify-list", str(exported / "manifest.json"), "--key", str(exported / "lists.pub.pem")]
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "WAIVERHUB_CONFIG": str(tmp_path / "none")}
    run = [sys.executable, "-m", "integration.cli", *words]
    root = Path(__file__).parents[2]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=env, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")
    assert "as signed" in done.stdout


def test_exporting_writes_what_was_stored_and_twice_the_same(looking: Shell, exported: Path) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    looking("list", "export", "city_water", 1, "--to", exported)
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    manifest = json.loads(before["manifest.json"])
    signed = {one["file_name"] for one in manifest["renderings"]}
    assert set(before) == signed | {"manifest.json", "manifest.sig", "lists.pub.pem"}
    looking("list", "export", "city_gas", 1, "--to", exported, ends=1)
    looking("list", "export", "city_gas", 9, "--to", exported, ends=1)


def test_a_stored_list_that_was_changed_is_not_exported(shell: Shell, tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
    with store.write() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        (chunk,) = lists.chunks_of(connection, "city_water", 1, "csv")
        forged = igzip.compress(igzip.decompress(chunk).replace(b"3000", b"9000", 1))
        mine = (list_chunks.c.company == "city_water") & (list_chunks.c.rendering == "csv")
        connection.execute(update(list_chunks).where(mine).values(content=forged))
    store.close()
    shell("list", "export", "city_water", 1, "--to", tmp_path / "out", ends=1)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "lists.pub.pem", *CONTENTS, "company"])
@pytest.mark.parametrize("how", ["cut", "added", "changed"])
def test_whatever_file_is_tampered_with_is_found(exported: Path, name: str, how: str) -> None:
    manifest = json.loads((exported / "manifest.json").read_bytes())
    (own,) = (one["file_name"] for one in manifest["renderings"] if one["name"] == "company")
    path = exported / (own if name == "company" else name)
    content = path.read_bytes()
    middle = len(content) // 2
    tampered = {
        "cut": content[:middle],
        "added": content[:middle] + b"0" + content[middle:],
        "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
    }
    path.write_bytes(tampered[how])
    assert verify(exported, ends=1)


def test_no_flipped_bit_of_manifest_or_list_goes_unseen(exported: Path) -> None:
    content, signature, key = (
        (exported / name).read_bytes() for name in ("manifest.json", "manifest.sig", "lists.pub.pem")
    )
    assert list_check.manifest_faults(content, signature, key) == []
    chance = random.Random(1)
    for place in range(len(content)):
        assert list_check.manifest_faults(flipped(content, place, chance), signature, key)
    for place in range(len(signature)):
        assert list_check.manifest_faults(content, flipped(signature, place, chance), key)
    manifest = list_check.read_manifest(content)
    assert manifest is not None
    for rendering in manifest.renderings:
        whole = (exported / rendering.file_name).read_bytes()
        assert list_check.rendering_faults(manifest, rendering, [whole]) == []
        for place in chance.sample(range(len(whole)), 120):
            assert list_check.rendering_faults(manifest, rendering, [flipped(whole, place, chance)])


def flipped(content: bytes, place: int, chance: random.Random) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def test_a_file_that_is_missing_or_foreign_is_named(exported: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "other.csv"
    foreign.write_bytes(b"x")
    assert verify(exported, foreign, ends=1) == {"FILE_UNKNOWN"}
    (exported / CONTENTS[0]).unlink()
    assert verify(exported, ends=1) == {"FILE_MISSING"}
    assert verify(exported, exported / CONTENTS[1]) == set()


def test_counts_are_checked_row_by_row_and_not_by_digest_alone(exported: Path) -> None:
    """A hub that signed the digest of a wrong file is found too."""
    manifest = list_check.read_manifest((exported / "manifest.json").read_bytes())
    assert manifest is not None
    for name in ("csv", "ndjson"):
        (rendering,) = (one for one in manifest.renderings if one.name == name)
        head, first, *rest = (exported / rendering.file_name).read_bytes().splitlines(keepends=True)
        lines = [head, *rest] if name == "csv" else [first, *rest]
        codes = {one.code for one in list_check.rendering_faults(manifest, rendering, lines)}
        assert codes == {"SIZE_WRONG", "CONTENT_WRONG", "COUNTS_WRONG"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rows": 1}, "TOTALS_DISAGREE"),
        ({"quantity_milli": 1}, "TOTALS_DISAGREE"),
        ({"number": 2}, "PREDECESSOR_WRONG"),
        ({"predecessor": "0" * 64}, "PREDECESSOR_WRONG"),
        ({"renderings": (Rendering("csv", "../../etc/passwd", "text/csv", 0, ""),)}, "FILE_NAME_UNSAFE"),
    ],
)
def test_a_signature_does_not_excuse_a_manifest_that_contradicts_itself(
    exported: Path, changes: dict[str, object], code: str
) -> None:
    manifest = list_check.read_manifest((exported / "manifest.json").read_bytes())
    assert manifest is not None
    assert signed_faults(envelope.canonical(manifest)) == set()
    assert signed_faults(envelope.canonical(msgspec.structs.replace(manifest, **changes))) == {code}


def signed_faults(content: bytes) -> set[str]:
    """Return what is found in a manifest that somebody signed with a key of their own."""
    key = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    return {
        one.code for one in list_check.manifest_faults(content, envelope.sign(key.private, content), key.public_pem)
    }


def test_a_manifest_has_one_form_and_no_field_beside_the_known(exported: Path) -> None:
    content = (exported / "manifest.json").read_bytes()
    assert signed_faults(content.replace(b'"rows"', b' "rows"', 1)) == {"NOT_CANONICAL"}
    assert signed_faults(b'{"amount":0,' + content[1:]) == {"NOT_CANONICAL"}
    assert signed_faults(b"[]") == {"MANIFEST_UNREADABLE"}


def test_the_chain_of_lists_is_checked_by_digest_number_and_company(exported: Path) -> None:
    first = (exported / "manifest.json").read_bytes()
    manifest = msgspec.json.decode(first, type=Manifest)
    second = msgspec.structs.replace(
        manifest, number=2, predecessor=hashlib.sha256(first).hexdigest(), kind=ListKind.SUPPLEMENT
    )
    assert list_check.predecessor_faults(second, first) == []
    third = msgspec.structs.replace(second, number=3)
    assert {one.code for one in list_check.predecessor_faults(third, first)} == {"NUMBER_GAP"}
    other = envelope.canonical(msgspec.structs.replace(manifest, company="city_gas"))
    assert {one.code for one in list_check.predecessor_faults(second, other)} == {"PREDECESSOR_WRONG", "COMPANY_OTHER"}
    assert {one.code for one in list_check.predecessor_faults(second, b"{}")} == {"PREDECESSOR_UNREADABLE"}
    assert "PREDECESSOR_WRONG" in verify(exported, "--previous", exported / "manifest.json", ends=1)


def test_a_manifest_that_companies_hold_is_a_witness_for_the_audit(looking: Shell, exported: Path) -> None:
    path = exported / "manifest.json"
    assert looking.json("audit", "verify", "--witness", path)["sound"]
    manifest = json.loads(path.read_bytes())
    note = exported / "note"
    note.write_text(manifest["checkpoint"], "utf-8")
    key = looking.data / "keys" / "checkpoints.pub.pem"
    assert looking.json("audit", "verify", "--witness", note, "--key", key)["sound"]
    note.write_text(manifest["checkpoint"].replace("time 2", "time 3"), "utf-8")
    assert looking.json("audit", "verify", "--witness", note, ends=1)["faults"][0]["code"] == "WITNESS_DISAGREES"
