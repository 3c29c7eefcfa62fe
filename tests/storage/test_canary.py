"""Nothing personal stands in the database, its log or the logs; and a planted leak is found in every dress."""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import traceback
from pathlib import Path

import pytest
import structlog
from canary import scan_bytes
from sqlalchemy import insert

from integration import logs
from integration.storage import submissions
from integration.storage.engine import Store, UniqueTaken
from integration.storage.pii import BlindIndex, HouseholdKeys, LookupKind
from integration.storage.tables import household_keys, lookups, sealed_records, users

SECRETS = ["110101199003070012", "欧阳·阿依古丽", "幸福里三号楼2单元"]

LEAKS = {
    "utf-8": lambda text: text.encode(),
    "gb18030": lambda text: text.encode("gb18030"),
    "utf-16-le": lambda text: text.encode("utf-16"),
    "utf-8 hex": lambda text: text.encode().hex().encode(),
    "upper hex": lambda text: text.encode().hex().upper().encode(),
    "json": lambda text: json.dumps(text).encode(),
    "gzip": lambda text: b"xx" + gzip.compress(b"a" + text.encode()) + b"yy",
    "gzip in gzip": lambda text: gzip.compress(gzip.compress(text.encode("gb18030"))),
    **{f"base64 {n}": lambda text, n=n: base64.b64encode(b"x" * n + text.encode() + b"yz") for n in range(3)},
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_planted_leak_is_found(leak: str, secret: str, tmp_path: Path) -> None:
    dressed = b"\x00before " + LEAKS[leak](secret) + b" after"
    (tmp_path / "file").write_bytes(dressed)
    assert {hit[0] for hit in scan_bytes([dressed], SECRETS)} == {secret}
    assert {hit[0] for hit in scan_bytes([tmp_path], SECRETS)} == {secret}


def test_a_name_of_a_file_is_searched_too(tmp_path: Path) -> None:
    (tmp_path / SECRETS[0]).write_bytes(b"")
    assert scan_bytes([tmp_path], SECRETS)


def test_harmless_bytes_raise_no_alarm() -> None:
    assert scan_bytes([b"110101199003070013", "欧阳·阿依".encode(), gzip.compress(b"x")], SECRETS) == []


@pytest.mark.parametrize("planted", [False, True])
def test_the_database_file_holds_no_secret_unless_one_is_planted(
    sqlite_store: Store, ring, clock, tmp_path: Path, planted: bool
) -> None:
    key, wrapped = HouseholdKeys(ring).new(1)
    plaintext = json.dumps(SECRETS, ensure_ascii=False).encode()
    submissions.receive(
        sqlite_store, ring, clock, sender="s", kind="registry", message_id=None, chunks=[plaintext * 50]
    )
    with sqlite_store.write() as connection:
        connection.execute(insert(household_keys).values(household_id=1, key_id="k", wrapped=wrapped))
        sealed = key.seal(("sealed_records", 1, 1), plaintext)
        connection.execute(insert(sealed_records).values(household_id=1, record_id=1, sealed=sealed))
        for text in SECRETS:
            digest = BlindIndex(ring).digest(LookupKind.NAME, text)
            row = {"kind": LookupKind.NAME, "digest": digest, "household_id": 1, "known_from": 1}
            connection.execute(insert(lookups).values(row))
        if planted:
            connection.execute(insert(users).values(name=SECRETS[1], role="r", password_hash="", created_us=0))
    assert bool(scan_bytes([tmp_path], SECRETS)) == planted  # the log is still there
    sqlite_store.close()
    assert bool(scan_bytes([tmp_path], SECRETS)) == planted


def test_what_was_deleted_is_gone_from_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    row = {"role": "r", "password_hash": "", "created_us": 0}
    with sqlite_store.write() as connection:
        connection.execute(insert(users), [row | {"name": f"{SECRETS[0]}{n}"} for n in range(500)])
    with sqlite_store.write() as connection:
        connection.execute(users.delete())
    sqlite_store.close()
    assert scan_bytes([tmp_path], SECRETS) == []


# --- logs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(clock):
    """A stream with everything that is logged during the test."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    logs.configure(clock, stream)
    yield stream
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def test_a_line_says_what_is_allowed_and_counts_the_rest(written: io.StringIO) -> None:
    structlog.get_logger("jobs").info("applied", rows=3, name=SECRETS[1], code={"nested": SECRETS[0]}, company="w")
    line = json.loads(written.getvalue())
    assert line == {
        "event": "applied",
        "rows": 3,
        "company": "w",
        "dropped": 2,
        "level": "info",
        "logger": "jobs",
        "at": "2026-10-20T13:00:00+00:00",
    }


def test_an_exception_is_named_and_placed_but_not_quoted(written: io.StringIO, store: Store) -> None:
    secret = SECRETS[0]
    try:
        int(f"x{secret}")
    except ValueError:
        structlog.get_logger("jobs").exception("failed")
    line = json.loads(written.getvalue())
    assert line["error"] == "ValueError"
    assert line["error_at"].startswith("test_an_exception_is_named_and_placed_but_not_quoted:")
    assert scan_bytes([written.getvalue().encode()], SECRETS) == []


def test_a_library_that_quotes_data_quotes_nothing_here(written: io.StringIO) -> None:
    logging.getLogger("some.library").warning("bad row: %s", SECRETS[1])
    line = json.loads(written.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("library message", "some.library", "warning")
    assert scan_bytes([written.getvalue().encode()], SECRETS) == []


def test_a_database_error_quotes_no_row(store: Store) -> None:
    row = {"name": SECRETS[0], "role": SECRETS[1], "password_hash": "", "created_us": 0}
    with store.write() as connection:
        connection.execute(insert(users).values(row))
    with pytest.raises(UniqueTaken) as caught, store.write() as connection:
        connection.execute(insert(users).values(row))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__cause__)
    assert scan_bytes([shown.encode()], SECRETS) == []
