"""Lists as bytes: golden files, both roads alike, and what cannot be written."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_files import COMPANIES

from adapters.base import ListHead, ListWriter
from adapters.dialects import listing
from adapters.dialects.canonical import CANONICAL_WRITERS
from adapters.dialects.form import Writing
from adapters.dialects.table import TableReader
from adapters.registry import list_writers
from schemas.faults import FileRefused
from schemas.lists import Change, ListKind, ListRow

SAMPLES = Path(__file__).parent / "samples"
OWN = {code: writer for code, company in COMPANIES.items() if (writer := company.list_writer())}
ROWS = [
    ListRow("K7F2Q9", "00012345", "water", 202611, 3000, "NEW"),
    ListRow("B3", "00012346", "water", 202611, 3000, "KEEP"),
    ListRow("C4", "00012347", "water", 202611, 0, "STOP"),
    ListRow("D5", "00012348", "water", 202610, 1500, "RETRO"),
    ListRow("E6", "00012349", "water", 202610, -3000, "MOVE"),
]


def head_of(rows: list[ListRow], kind: ListKind = ListKind.REGULAR) -> ListHead:
    return ListHead("c", 12, kind, "2026-11", len(rows), sum(r.quantity_milli for r in rows), "2026-10-25")


def render(writer: ListWriter, rows: list[ListRow]) -> bytes:
    return b"".join(writer.render(head_of(rows), rows))


WRITERS = [
    (OWN["city_water"], "city_water.list.txt", "CITYWATER_202611_000012.txt"),
    (OWN["suburb_water"], "suburb_water.list.csv", "suburb_202611_0012.csv"),
    (OWN["county_gas"], "county_gas.list.dat", "CITYGAS202611000012.dat"),
    (OWN["city_gas"], "city_gas.list.json", "CITYGAS_202611_000012.json"),
    (OWN["city_heating"], "city_heating.list.xlsx", "CITYHEAT_202611_000012.xlsx"),
    (CANONICAL_WRITERS[0], "canonical.list.csv", "c-000012.csv"),
    (CANONICAL_WRITERS[1], "canonical.list.ndjson", "c-000012.ndjson"),
]


def unpacked(content: bytes) -> dict[str, bytes]:
    """A workbook by its parts, however this machine packs them; any other file as it is."""
    if not content.startswith(b"PK"):
        return {"": content}
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.mark.parametrize(("writer", "sample", "name"), WRITERS, ids=[sample for _, sample, _ in WRITERS])
def test_each_dialect_writes_its_golden_file(writer: ListWriter, sample: str, name: str) -> None:
    assert unpacked(render(writer, ROWS)) == unpacked((SAMPLES / sample).read_bytes())
    assert writer.file_name(head_of(ROWS)) == name


def test_a_company_without_its_own_form_gets_the_canonical_ones() -> None:
    assert list_writers(COMPANIES["city_power"]) == CANONICAL_WRITERS
    assert [w.name for w in list_writers(COMPANIES["city_gas"])] == ["csv", "ndjson", "company"]


@pytest.mark.parametrize("code", OWN)
def test_an_empty_list_has_its_head_and_its_totals(code: str) -> None:
    writer = OWN[code]
    assert isinstance(writer, listing.ListDialect)
    _, rows = TableReader(writer._table).read([render(writer, [])])
    assert list(rows) == []


def test_a_supplement_says_so() -> None:
    out = b"".join(OWN["city_water"].render(head_of([], ListKind.SUPPLEMENT), []))
    assert out.startswith(b"HDR|CITYWATER|12|202611|20261025|S\n")


# U+FFFC and U+FFFD are symbols to Unicode; here no reader lets them in, so no list can hold them.
identifiers = st.text(
    st.characters(codec="gb18030", exclude_categories=["C", "Z"], exclude_characters='|=+-@＝＋－＠"\ufffc\ufffd'),
    min_size=1,
    max_size=12,
)
accounts = st.one_of(identifiers, st.from_regex(r"[0-9]{1,12}|[0-9]{8}", fullmatch=True))
rows_of = st.lists(
    st.builds(
        ListRow,
        st.from_regex(r"[0-9A-Z]{1,32}", fullmatch=True),
        accounts,
        st.just("water"),
        st.sampled_from([202512, 202601]),
        st.integers(-99_999, 9_999_999),
        st.sampled_from([c.value for c in Change]),
    ),
    max_size=8,
)


def fits(writer: listing.ListDialect, account: str) -> bool:
    """Whether an account's number stands in a list whose cell has a width."""
    (cell,) = [one for one in writer._table.columns if one.field == "account"]
    narrow = cell.bytes is not None and len(account.encode("gb18030")) > cell.bytes
    return not narrow and cell.width in (None, len(account))


@pytest.mark.parametrize("code", OWN)
@given(rows=rows_of)
def test_what_is_written_is_read_back_exactly(code: str, rows: list[ListRow]) -> None:
    writer = OWN[code]
    assert isinstance(writer, listing.ListDialect)
    unfit = [i for i, r in enumerate(rows, 1) if not fits(writer, r.account)]
    if unfit:
        with pytest.raises(FileRefused, match=r"UNWRITABLE|WIDTH") as caught:
            render(writer, rows)
        assert caught.value.fault.row == unfit[0]
        assert caught.value.fault.column
        return
    content = render(writer, rows)
    read = [r.values for r in TableReader(writer._table).read([content])[1]]
    wanted = [r for r in rows if writer.full_roll or r.change != "KEEP"]
    assert read == [{k: v for k, v in r._asdict().items() if k != "service"} for r in wanted]


def _begun(writer: listing.ListDialect) -> Writing:
    return writer._writer.form.writing()


@pytest.mark.parametrize("code", [*OWN, "csv"])
@given(rows=rows_of)
def test_the_quick_road_and_the_careful_road_give_the_same_bytes(code: str, rows: list[ListRow]) -> None:
    writer = OWN.get(code, CANONICAL_WRITERS[0])
    assert isinstance(writer, listing.ListDialect)
    try:
        careful = writer._slow(_begun(writer), rows, 0)
    except FileRefused:
        return
    if rows:
        assert writer._quick(_begun(writer), list(zip(*rows, strict=True))) in (careful, None)


def test_plain_rows_take_the_quick_road() -> None:
    for writer in OWN.values():
        assert isinstance(writer, listing.ListDialect)
        (cell,) = [one for one in writer._table.columns if one.field == "account"]
        rows = [row._replace(account=row.account[-(cell.width or 12) :].zfill(cell.width or 0)) for row in ROWS]
        assert writer._quick(_begun(writer), list(zip(*rows, strict=True))) is not None


def test_a_list_longer_than_a_batch_is_whole() -> None:
    rows = [ListRow(f"R{i}", f"{i:08d}", "water", 202611, 3000, "NEW") for i in range(listing.BATCH_ROWS + 3)]
    lines = render(OWN["city_water"], rows).decode("gb18030").splitlines()
    assert len(lines) == len(rows) + 2
    assert lines[-1] == f"TRL|{len(rows)}|{3 * len(rows)}.000"
    assert lines[-2].startswith(f"R{len(rows) - 1}|")


@given(rows_of)
def test_canonical_forms_are_read_by_anybodys_reader(rows: list[ListRow]) -> None:
    as_json = [json.loads(line) for line in render(CANONICAL_WRITERS[1], rows).splitlines()]
    assert as_json == [r._asdict() for r in rows]
    as_csv = list(csv.DictReader(io.StringIO(render(CANONICAL_WRITERS[0], rows).decode(), newline="")))
    assert as_csv == [{k: str(v) for k, v in r._asdict().items()} for r in rows]


def test_quotes_and_commas_are_quoted_in_csv() -> None:
    rows = [ListRow('a"b', "c,d", "water", 202611, 1, "NEW")]
    assert render(CANONICAL_WRITERS[0], rows).splitlines()[1] == b'"a""b","c,d",water,202611,1,NEW'


@pytest.mark.parametrize(
    ("code", "account", "column"),
    [
        ("city_water", "1|2", "户号"),
        ("city_water", "1\n2", "户号"),
        ("city_water", "\ud800", "户号"),
        ("suburb_water", "1\r2", "户号"),
        ("county_gas", "1234567890123", "用户号"),
        ("county_gas", "户户户户户户1", "用户号"),
        ("county_gas", "\ud800", "用户号"),
        ("city_gas", "\ud800", "userNo"),
    ],
)
def test_what_a_dialect_cannot_hold_is_refused_with_row_and_column(code: str, account: str, column: str) -> None:
    rows = [ROWS[0], ListRow("X", account, "water", 202611, 3000, "NEW")]
    with pytest.raises(FileRefused) as caught:
        render(OWN[code], rows)
    fault = caught.value.fault
    assert (fault.row, fault.column, fault.code) == (2, column, "UNWRITABLE")
    assert account not in str(caught.value)


def test_han_characters_are_padded_by_bytes() -> None:
    row = ListRow("R", "户甲", "gas", 202611, 3000, "NEW")
    line = render(OWN["county_gas"], [row]).split(b"\r\n")[1]
    assert len(line) == 64
    assert line[33:45] == "户甲".encode("gb18030") + b" " * 8


def test_rows_that_are_not_those_of_the_head_are_refused() -> None:
    with pytest.raises(FileRefused, match="TOTALS_DISAGREE"):
        list(OWN["city_water"].render(head_of(ROWS), ROWS[:-1]))
