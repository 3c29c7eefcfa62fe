"""A list of fixed width as a program that knows nothing of ours reads it: cut by ``cut``, decoded by ``iconv``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

import pytest
from report_files import COMPANIES

from adapters.base import ListHead
from schemas.lists import ListKind, ListRow

ROWS = [
    ListRow("K7F2Q9", "0000000000G1", "gas", 202611, 3000, "NEW"),
    ListRow("B3", "户号𬴂", "gas", 202611, 0, "STOP"),
    ListRow("D5", "00012348", "gas", 202610, -1500, "MOVE"),
]

pytestmark = pytest.mark.skipif(
    not (shutil.which("cut") and shutil.which("iconv")), reason="needs cut and iconv (coreutils, libc-bin)"
)


def column(content: bytes, first: int, last: int) -> list[str]:
    """The bytes from one place to another of every line, by the machine's own tools."""
    cut = subprocess.run(["cut", "-b", f"{first}-{last}"], input=content, capture_output=True, check=True).stdout
    iconv = ["iconv", "-f", "GB18030", "-t", "UTF-8"]
    return [
        line.strip()
        for line in subprocess.run(iconv, input=cut, capture_output=True, check=True).stdout.decode().split("\n")[:-1]
    ]


def written(rows: Sequence[ListRow]) -> bytes:
    writer = COMPANIES["county_gas"].list_writer()
    assert writer is not None
    head = ListHead(
        "county_gas", 12, ListKind.REGULAR, "2026-11", len(rows), sum(r.quantity_milli for r in rows), "2026-10-25"
    )
    return b"".join(writer.render(head, rows))


def test_others_read_every_cell_where_it_should_stand() -> None:
    content = written(ROWS).replace(b"\r\n", b"\n")
    assert column(content, 1, 1) == ["H", "D", "D", "D", "T"]
    assert column(content, 2, 33)[1:-1] == [row.reference for row in ROWS]
    assert column(content, 34, 45)[1:-1] == [row.account for row in ROWS]
    assert column(content, 46, 51)[1:-1] == [str(row.month) for row in ROWS]
    assert [int(text) for text in column(content, 52, 60)[1:-1]] == [row.quantity_milli for row in ROWS]
    assert column(content, 61, 64)[1:-1] == ["新增", "停止", "转移"]
    assert [int(column(content, 2, 9)[-1]), int(column(content, 10, 24)[-1])] == [len(ROWS), 1500]
