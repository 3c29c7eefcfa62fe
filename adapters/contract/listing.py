"""What every form of a list must satisfy: the same bytes each time, every row in them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adapters.contract.clauses import Broken, Capability, Clause, clause
from adapters.contract.dialects import Listing, head_of
from adapters.contract.made import identifier_cells, number, sheet_of
from adapters.contract.reading import RARE
from adapters.contract.samples import list_of
from adapters.dialects.cells import converter
from adapters.dialects.fields import TEXT
from adapters.dialects.spec import Cell, ListFile
from schemas.faults import FileRefused
from schemas.file_names import is_file_name
from schemas.lists import Change, ListKind, ListRow

#: More rows than any writer takes in one go.
_MANY: Final = 5_100
#: What can stand in few files: half a character, line ends, separators, quotes, and a number of 41 digits.
_HARD: Final = ("1\ud8002", "1\n2", "1\r2", "1|2", '1"2', "1,2", "7" * 41, "户" * 21, "1<2")
_WRITER: Final = "核对 [list] 的 columns、as、codes / check columns, as and codes of [list]"


@clause("同样的名单写出同样的字节，行数多少都一样")
def writing_is_pure(form: Listing) -> None:
    """The same list gives the same bytes, whenever and in whatever portions its rows come."""
    rows = form.rows if Capability.TABLE in form.can else [_ROW, _ROW._replace(change="KEEP")]
    for one in (rows, [row._replace(quantity_milli=0) for row in rows * (_MANY // len(rows))]):
        if form.written(one) != b"".join(form.writer.render(head_of(one), iter(tuple(one)))):
            reason = f"{len(one)} 行写两次，字节不同 / {len(one)} rows written twice give other bytes"
            raise Broken(
                reason, "不得用时钟、随机数或全局状态 / use no clock, no random number, nothing kept between lists"
            )


@clause("写出的行原样在文件中，按序，一行不少", Capability.TABLE)
def rows_are_found_again(form: Listing) -> None:
    """Every row is found again in the bytes, in order; KEEP rows are left out where only changes are wanted."""
    many = [row._replace(reference=_reference(form, n)) for n, row in enumerate([form.rows[0]] * _MANY)]
    for rows in ([], form.rows, many):
        if _read(form.table, form.written(rows)) != _wanted(form, rows):
            reason = f"{len(rows)} 行未原样写出 / of {len(rows)} rows, not all are found again"
            raise Broken(reason, _WRITER)


@clause("编号开头的零与罕见汉字照写", Capability.TABLE)
def noughts_and_rare_characters_are_written(form: Listing) -> None:
    """Noughts before a number, and rare characters in one, are written as they are."""
    cells = {cell.field: cell for _, cell in identifier_cells(form.table)}
    accounts = [number(cells["account"], 0, "0"), *(RARE if not cells["account"].width else ())]
    rows = [form.rows[0]._replace(account=account) for account in accounts]
    if _read(form.table, form.written(rows)) != _wanted(form, rows):
        raise Broken("编号未原样写出 / a number is not written as it is", _WRITER)


@clause("首尾行的合计就是写出各行的合计", Capability.TABLE, Capability.TOTALS)
def totals_are_those_of_the_rows(form: Listing) -> None:
    """The totals in the first and last line are those of the rows that were written, KEEP rows counted or not."""
    sheet = sheet_of(form.table, form.written(form.rows))
    kept = _wanted(form, form.rows)
    right = {"rows": len(kept), "quantity_milli": sum(row["quantity_milli"] for row in kept)}
    for cells, texts in ((form.table.header, sheet.header), (form.table.trailer, sheet.trailer)):
        for cell, text in zip(cells, texts, strict=True):
            if cell.field in right and converter(cell, form.table.head_fields).read(text) != right[cell.field]:
                reason = f"{cell.name or cell.field}：不是各行之和 / {cell.name or cell.field}: not that of the rows"
                raise Broken(reason, "只合计写出的行 / count the rows that are written, no others")


@clause("行与清单所计不符则不写", Capability.TABLE, Capability.FULL_ROLL)
def rows_that_nobody_counted_are_refused(form: Listing) -> None:
    """Rows that are not those that the head counts are refused."""
    try:
        b"".join(form.writer.render(head_of(form.rows), form.rows[:-1]))
    except FileRefused:
        return
    raise Broken(
        "少一行仍写出 / a list was written that lacks a row", "写完须与清单核对 / compare with the head in the end"
    )


@clause("写不下的值被拒绝，指出行与栏，绝不写成问号", Capability.TABLE)
def what_cannot_be_written_is_refused(form: Listing) -> None:
    """A value that cannot stand in the form is refused with row and column, or is read back; never '?' instead."""
    account = next(cell for _, cell in identifier_cells(form.table) if cell.field == "account")
    for hard in _HARD:
        rows = [form.rows[0], form.rows[0]._replace(account=hard)]
        try:
            content = form.written(rows)
        except FileRefused as refused:
            if (refused.fault.row, refused.fault.column) != (2, account.name) or hard in str(refused):
                raise Broken("拒绝时未指出行与栏 / refused without row and column", _REFUSE) from None
            continue
        if form.table.form != "xlsx" and _read(form.table, content) != _wanted(form, rows):
            raise Broken("写不下的值被改写 / a value that cannot stand there was written otherwise", _REFUSE)


_REFUSE: Final = "严格编码，写不下即 FileRefused（行、栏）/ encode strictly, and refuse with row and column"


@clause("文件名只含允许的字符，各名单不同名")
def file_names_are_plain_and_distinct(form: Listing) -> None:
    """A file's name has allowed characters only, and two lists never have the same."""
    heads = [head_of([], company="contract", number=number, month=month, kind=kind)
             for number, month, kind in _HEADS]  # fmt: skip
    names = [form.writer.file_name(head) for head in heads]
    if not all(map(is_file_name, names)):
        raise Broken("文件名含不允许的字符 / a name has characters that are not allowed", _NAME)
    if len({name.casefold() for name in names}) < len(names):
        raise Broken("两份名单同名 / two lists have one name", _NAME)


_NAME: Final = "file_name 中写 {number:06} / put {number:06} into file_name"
_HEADS: Final = (
    (12, "2026-11", ListKind.REGULAR),
    (13, "2026-11", ListKind.SUPPLEMENT),
    (14, "2026-12", ListKind.REGULAR),
    (112, "2026-11", ListKind.REGULAR),
    (999_999, "2026-11", ListKind.SUPPLEMENT),
)


@clause("标准名单写出与样例逐字节相同", Capability.SAMPLE, Capability.GOLDEN)
def the_golden_list_is_written(form: Listing) -> None:
    """The list that the golden file names is written as the sample, byte by byte."""
    head, rows = list_of(form.sample.golden or b"")
    if b"".join(form.writer.render(head, rows)) != form.sample.content:
        raise Broken("与样例不同 / other bytes than the sample's", _WRITER)


# --- reading back


_ROW: Final = ListRow("U1111100", "U1111100", "water", 202611, 3000, "NEW")


def _reference(form: Listing, n: int) -> str:
    cell = next(cell for _, cell in identifier_cells(form.table) if cell.field == "reference")
    return f"{n:0{cell.width or 6}}"


def _wanted(form: Listing, rows: list[ListRow]) -> list[dict[str, Any]]:
    fields = {cell.field for cell in form.table.columns}
    kept = [row for row in rows if form.writer.full_roll or row.change != Change.KEEP]
    return [{key: one for key, one in row._asdict().items() if key in fields} for row in kept]


def _read(table: ListFile, content: bytes) -> list[dict[str, Any]]:
    """Read rows without judging them: a list may hold what no reader lets in, and totals have a clause of their own."""
    read = [(cell.field, _raw(cell, table)) for cell in table.columns]
    rows = sheet_of(table, content).rows
    return [{field: one(text) for (field, one), text in zip(read, row, strict=True) if field} for row in rows]


def _raw(cell: Cell, table: ListFile) -> Callable[[str], Any]:
    return str if not cell.field or table.fields[cell.field] == TEXT else converter(cell, table.fields).read


LISTS: Final[tuple[Clause[Listing], ...]] = (
    writing_is_pure,
    rows_are_found_again,
    noughts_and_rare_characters_are_written,
    totals_are_those_of_the_rows,
    rows_that_nobody_counted_are_refused,
    what_cannot_be_written_is_refused,
    file_names_are_plain_and_distinct,
    the_golden_list_is_written,
)
