"""The union's file of workers in hardship, and the files of partners that are no company."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.base import ReadWorker
from adapters.partners import load_partners
from adapters.registry import partners_in
from schemas.configuration import ConfigurationRefused
from schemas.faults import FileRefused
from schemas.values import Status
from schemas.workers import Hardship, PaperKind, WorkerRow

FOLDER = Path(__file__).parents[2] / "config" / "partners"
CONTENT = (Path(__file__).parent / "samples" / "union.workers.csv").read_bytes()
TEXT = CONTENT.decode("gb18030")
READER = partners_in(FOLDER)["union"].worker_reader()
UNION = (FOLDER / "union.toml").read_text(encoding="utf-8")

WORKERS = [
    WorkerRow(name="买买提·艾力", id_number="11010519491231002X", paper=PaperKind.HARDSHIP, paper_number="KN2026000123",
              hardship=Hardship.DEEP, employer="市第一棉纺厂", valid_from=20260101, valid_to=20261231),
    WorkerRow(name="𬴂䶮", id_number="110105199001010010", paper=PaperKind.EMPLOYMENT, paper_number="JY2025004711",
              employer="个体, 裁缝", valid_from=20250309, valid_to=20280308),
    WorkerRow(name="张三丰", id_number="110105196003070013", paper=PaperKind.REEMPLOYMENT, paper_number="0004567",
              hardship=Hardship.ACCIDENTAL, valid_from=20240701, valid_to=20270630, status=Status.ENDED),
]  # fmt: skip


def read(content: bytes, size: int = 1 << 20) -> list[ReadWorker]:
    assert READER
    return list(READER.read(content[start : start + size] for start in range(0, len(content), size)))


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_the_sample_says_what_it_says(size: int) -> None:
    assert read(CONTENT, size) == [ReadWorker(row, worker) for row, worker in enumerate(WORKERS, 2)]


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("买买提·艾力", "", "姓名", "MISSING_VALUE"),
        ("买买提·艾力", "买" * 101, "姓名", "OUT_OF_RANGE"),
        ("买买提·艾力", "买\u200b买提", "姓名", "FORBIDDEN_CHARACTER"),
        ("11010519491231002X", "110105194912310021", "身份证号", "ID_CHECK_DIGIT"),
        ("11010519491231002X", "1.10105E+17", "身份证号", "ID_DESTROYED_BY_SPREADSHEET"),
        ("困难职工证", "工会会员证", "证件类别", "UNKNOWN_CODE"),
        ("KN2026000123", "", "证件编号", "MISSING_VALUE"),
        ("KN2026000123", "=1+1", "证件编号", "FORMULA_VALUE"),
        ("深度困难", "特困", "困难类别", "UNKNOWN_CODE"),
        ("2026/1/1", "2026-01-01", "起始日期", "BAD_DAY"),
        ("2026/12/31", "2026/2/30", "截止日期", "BAD_DAY"),
        ("2026/12/31", "2025/12/31", "截止日期", "BAD_PERIOD"),
        ("2026/12/31", "", "截止日期", "MISSING_VALUE"),
        ("有效", "生效", "状态", "UNKNOWN_CODE"),
    ],
)
def test_a_bad_row_is_a_fault_with_row_column_and_code(old: str, new: str, column: str, code: str) -> None:
    assert old in TEXT
    bad, *good = read(TEXT.replace(old, new, 1).encode("gb18030"))
    assert [one.worker for one in good] == WORKERS[1:]
    assert bad.worker is None
    assert bad.fault
    assert (bad.fault.row, bad.fault.column, bad.fault.code) == (2, column, code)
    assert " / " in bad.fault.text
    assert not [one for one in ("买买提", "110105", "KN2026") if one in str(bad.fault)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (TEXT.encode(), "NOT_GB18030"),
        (CONTENT[: CONTENT.rindex("合计".encode("gb18030"))], "TRUNCATED"),
        (CONTENT.replace(b",3\r\n", b",4\r\n"), "TRAILER_ROWS"),
        (TEXT.replace("姓名", "名字", 1).encode("gb18030"), "COLUMN_NAMES"),
    ],
)
def test_a_damaged_file_is_refused_whole(content: bytes, code: str) -> None:
    with pytest.raises(FileRefused, match=code):
        read(content)


# --- partners


def test_the_shipped_partners_load() -> None:
    partners = partners_in(FOLDER)
    assert {code: partner.title for code, partner in partners.items()} == {
        "civil_affairs": "市民政局",
        "union": "市总工会",
    }
    assert partners["civil_affairs"].worker_reader() is None
    assert partners["union"].fault_writer("workers").suffix == ".faults.csv"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('code = "union"', 'code = "unions"', "union.toml: code: not the name of its file; name the file unions.toml"),
        ('title = "市总工会"', "", "union.toml: title: Field required; add it"),
        ('field = "name"', 'field = "account"', "unknown field; known are name, id_number, paper, paper_number"),
        ('{ name = "姓名", field = "name" },', "", "columns: no column for name"),
        ('"hardship" }', '"hardship_worker" }', "codes must lead to reemployment, unemployment, employment, hardship"),
        ("[workers]", "[roster]", "union.toml: roster: Extra inputs are not permitted; take it out"),
    ],
)
def test_each_mistake_of_a_partners_file_is_named(old: str, new: str, said: str) -> None:
    assert old in UNION
    with pytest.raises(ConfigurationRefused) as caught:
        load_partners([("union.toml", UNION.replace(old, new, 1).encode())])
    assert said in str(caught.value)


def test_two_partners_have_no_one_code() -> None:
    with pytest.raises(ConfigurationRefused, match="another file has this code"):
        load_partners([("union.toml", UNION.encode()), ("old/union.toml", UNION.encode())])
