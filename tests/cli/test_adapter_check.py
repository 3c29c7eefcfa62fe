"""``adapter``: a partner held against the contract by an operator, and who speaks what."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hub_shell import Shell

from adapters.contract.report import HEADS, matrix
from adapters.contract.signers import signers_in

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "adapters" / "samples"
REPORT = SAMPLES / "city_water.report.txt"


@pytest.fixture
def nowhere(tmp_path: Path) -> Shell:
    """A terminal without any hub: no keys, no database."""
    return Shell(tmp_path / "nothing")


@pytest.fixture
def exchange(tmp_path: Path) -> Path:
    for name in ("in", "out", "done", "reject"):
        (tmp_path / "exchange" / name).mkdir(parents=True)
    (tmp_path / "exchange" / "in" / "of-somebody.txt").write_text("theirs")
    return tmp_path / "exchange"


class Server:
    """A company's server that takes what it is PUT, under its id."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self.taken))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/lists"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Handler(BaseHTTPRequestHandler):
    def __init__(self, taken: dict[str, bytes], *args: Any) -> None:
        self.taken = taken
        super().__init__(*args)

    def do_PUT(self) -> None:
        self.taken[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201)

    def do_HEAD(self) -> None:
        self.answer(200 if self.path in self.taken else 404)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def states(found: Any, subject: str) -> dict[str, str]:
    return {one["clause"]: one["state"] for one in found["verdicts"] if one["subject"] == subject}


def test_a_sound_partner_keeps_every_clause_that_it_can(nowhere: Shell) -> None:
    found = nowhere.json("adapter", "check", "suburb_water", "--file", f"report={SAMPLES / 'suburb_water.report.csv'}")
    assert found["counts"]["passed"] > 40
    assert "broken" not in found["counts"]
    assert states(found, "suburb_water/report")["the_partners_file_is_read"] == "passed"
    (skipped,) = [one for one in found["verdicts"] if one["clause"] == "rows_that_nobody_counted_are_refused"]
    assert (skipped["state"], skipped["missing"]) == ("skipped", ["full_roll"])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("违反", "对方样例能读，且无错误", "1 处错误，首处 2 开单日 BAD_DAY", "逐一列出：waiverhub check-file")),
        ("en", ("BROKEN", "1 faults, the first of them: 2 开单日 BAD_DAY", "waiverhub check-file lists them")),
    ],
)
def test_what_is_broken_is_told_with_reason_and_remedy(
    nowhere: Shell, tmp_path: Path, language: str, words: tuple[str, ...]
) -> None:
    nowhere.language = language
    wrong = tmp_path / "report.txt"
    wrong.write_bytes(REPORT.read_bytes().replace(b"|20261105|", b"|20261131|"))
    told = nowhere("adapter", "check", "city_water", "--file", f"report={wrong}", ends=1).output
    folded = "".join(told.replace("│", "").split())
    assert [word for word in words if word.replace(" ", "") not in folded] == []
    assert "K7F2Q9" not in told
    assert "户名𬴂不符" not in told


def test_a_folder_is_tried_and_left_as_it_was(nowhere: Shell, exchange: Path) -> None:
    before = sorted(exchange.rglob("*"))
    found = nowhere.json("adapter", "check", "suburb_water", "--against", exchange)
    tried = states(found, "suburb_water/files") | states(found, "suburb_water/box")
    assert tried["nothing_half_is_visible"] == tried["a_growing_file_is_not_read"] == "passed"
    assert "broken" not in tried.values()
    assert sorted(exchange.rglob("*")) == before


def test_a_folder_that_lacks_the_agreed_ones_breaks_the_contract(nowhere: Shell, tmp_path: Path) -> None:
    found = nowhere.json("adapter", "check", "suburb_water", "--against", tmp_path, ends=1)
    assert states(found, "suburb_water/box")["a_box_can_be_looked_into"] == "broken"
    (looked,) = [one for one in found["verdicts"] if one["clause"] == "a_box_can_be_looked_into"]
    assert looked["reason"] == "NOT_THERE / NOT_THERE"
    assert "files_from" in looked["remedy"]


def test_a_server_gets_a_list_without_rows_under_a_name_that_says_so(nowhere: Shell, server: Server) -> None:
    found = nowhere.json("adapter", "check", "suburb_water", "--against", server.url)
    tried = states(found, "suburb_water/http_push")
    assert tried["what_was_sent_is_there"] == tried["the_same_parcel_twice_is_once"] == "passed"
    assert tried["a_busy_server_is_unreachable"] == "skipped"
    assert all(path.startswith("/lists/contract-check-") for path in server.taken)
    empty = "参考号,户号,月份,减免水量,变更\r\n合计,0\r\n".encode("utf-8-sig")
    assert set(server.taken.values()) == {empty}


@pytest.mark.parametrize(
    ("against", "said"),
    [
        ("sftp://hub@127.0.0.1:9/path", "--host-key"),
        ("ftp://127.0.0.1/", "neither a URL nor a folder"),
        ("http://127.0.0.1:99999/", "the address cannot be used: url"),
    ],
)
def test_an_address_that_cannot_be_tried_is_refused_with_the_remedy(nowhere: Shell, against: str, said: str) -> None:
    assert said in nowhere("adapter", "check", "suburb_water", "--against", against, ends=1).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "suburb_water"),
        (("suburb_water", "--file", "registry=README.md"), "report"),
        (("suburb_water", "--file", "report=nowhere.csv"), "KIND=FILE"),
    ],
)
def test_what_was_written_wrongly_is_told_with_what_there_is(nowhere: Shell, words: tuple[str, ...], said: str) -> None:
    assert said in nowhere("adapter", "check", *words, ends=2).output


def test_the_matrix_is_told_as_a_table_as_markdown_and_as_json(nowhere: Shell) -> None:
    signers = signers_in(ROOT / "config")
    assert nowhere("adapter", "list", "--markdown").stdout == matrix(signers)
    rows = {row["partner"]: row for row in nowhere.json("adapter", "list")}
    assert list(rows) == list(signers)
    assert list(rows["city_water"]) == list(HEADS)
    assert (rows["city_heating"]["roster"], rows["suburb_water"]["rows of a list"]) == ("xlsx", "changes")
    assert "市自来水公司" in nowhere("adapter", "list").stdout


def test_what_a_file_means_is_printed_as_its_golden_file(nowhere: Shell) -> None:
    printed = nowhere("adapter", "golden", "city_water", "report", REPORT).stdout
    assert printed == (SAMPLES / "city_water.report.golden.json").read_text(encoding="utf-8")
    assert json.loads(printed)["head"]["month"] == 202611


def test_of_a_file_that_is_not_agreed_or_refused_nothing_is_printed(nowhere: Shell) -> None:
    assert "no such file" in nowhere("adapter", "golden", "city_heating", "report", REPORT, ends=1).output
    assert "first line" in nowhere("adapter", "golden", "city_water", "roster", REPORT, ends=1).output
