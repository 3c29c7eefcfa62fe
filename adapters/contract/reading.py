"""What every file that a partner sends must satisfy: that its values arrive as they were sent, or as faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.contract.clauses import Broken, Capability, Clause, clause, heard
from adapters.contract.dialects import Outcome, Reading
from adapters.contract.made import (
    Row,
    Sheet,
    decimal_cells,
    expected,
    file_of,
    identifier_cells,
    number,
    put_together,
    sheet_of,
    word_cells,
)
from adapters.contract.spoiling import SECRET, of_other_width, spoilt, strange_code, with_cell, with_secrets, word
from adapters.dialects.cells import converter
from adapters.dialects.table import key_of
from schemas.reports import Answer
from schemas.text import fold_name

_SIZES: Final = (1, 7, 4093)
#: Characters that many a system loses (GB 18030-2022, extensions A, B and E), and a name with its dot.
RARE: Final = ("张\u9fb4", "\u3400", "\U00020bb7", "𬴂", "䶮", "买买提·艾力")
#: One character, before and since it got a place of its own (GB 18030-2022).
_ONE_NAME: Final = ("张\ue81e", "张\u9fb4")
_DIALECT: Final = (
    "核对该文件的 columns、as、codes；仍不符则须改读取程序"
    " / check columns, as and codes of this file; if they are right, its reader must be mended"
)


@clause("怎样分块，读出的都一样", Capability.FILE)
def chunks_do_not_matter(file: Reading) -> None:
    """How a file is cut into chunks changes nothing of what is read."""
    for content in file.files():
        whole = file.outcome(content)
        for size in _SIZES:
            if file.outcome_of(content[i : i + size] for i in range(0, len(content), size)) != whole:
                reason = f"每块 {size} 字节时结果不同 / in chunks of {size} bytes something else is read"
                raise Broken(reason, "逐块拼接后再断行 / join the chunks before lines are cut")


@clause("写入的值原样读出，空栏与最大的数也是", Capability.TABLE)
def values_are_read_as_written(file: Reading) -> None:
    """Values are read as they were written, empty cells and the largest numbers too."""
    _same(file, file.rows)


@clause("罕见汉字与姓名中的点不丢失", Capability.TABLE, Capability.NAMES)
def rare_characters_survive(file: Reading) -> None:
    """Rare Han characters, and the dot in a name, are read as they are."""
    cells = [key_of(cell) for _, cell in word_cells(file.table)]
    _same(file, [file.rows[0] | dict.fromkeys(cells, name) for name in RARE])


@clause("旧私用区字符与其正式字符是同一姓名", Capability.TABLE, Capability.NAMES)
def private_characters_are_the_same_name(file: Reading) -> None:
    """A character of GB18030's private use and its real one are both read, and are one name."""
    cells = {cell.field or "": key_of(cell) for _, cell in word_cells(file.table)}
    rows = [file.rows[0] | dict.fromkeys(cells.values(), name) for name in _ONE_NAME]
    found = file.outcome(file_of(file.table, rows)).values
    if len(found) < 2 or any(len({fold_name(getattr(one, field)) for one in found}) > 1 for field in cells):
        raise Broken("两种写法未读成同一姓名 / the two ways of writing are not read as one name", _DIALECT)


@clause("编号开头的零不丢失", Capability.TABLE)
def leading_noughts_survive(file: Reading) -> None:
    """Noughts before a number that is somebody's survive."""
    noughts = {key_of(cell): number(cell, 0, "0") for _, cell in identifier_cells(file.table)}
    _same(file, [file.rows[0] | noughts])


@clause("户号位数不符即为错误", Capability.TABLE, Capability.WIDTHS)
def a_number_of_another_width_is_a_fault(file: Reading) -> None:
    """A number that is longer or shorter than agreed is a fault."""
    for place, cell in identifier_cells(file.table):
        for content in of_other_width(file, place, cell):
            if file.outcome(content).accepts(file.first_row):
                reason = f"{word(cell)}：位数不符却被接受 / {word(cell)}: taken with another width"
                raise Broken(reason, "不得截断或补零；位数不符须报错 / never cut or fill up a number; tell its width")


@clause("未约定的结果码读作 UNKNOWN 并保留原文", Capability.TABLE, Capability.ANSWERS)
def unknown_answers_are_kept(file: Reading) -> None:
    """An answer code that nobody agreed on is UNKNOWN with its text kept; an agreed one never is."""
    place, cell = next((i, one) for i, one in enumerate(file.table.columns) if one.field == "answer")
    strange = strange_code(cell)
    meant: Mapping[str, Any] = {code: Answer(str(word)) for code, word in cell.codes.items()}
    for code, answer in [*meant.items(), (strange, Answer.UNKNOWN)]:
        found = file.outcome(put_together(file.table, file.sheet.with_cell(0, place, code)))
        said = found.items[0].value if found.items else None
        if said is None or said.answer is not answer or (code == strange and said.answer_text != code):
            reason = f"{word(cell)}：代码未按约定读取 / {word(cell)}: a code is not read as agreed"
            raise Broken(reason, "只有约定的代码才有含义，其余一律 UNKNOWN / only agreed codes mean anything")


@clause("金额与数量精确到分与千分位，多一位即为错误", Capability.TABLE, Capability.DECIMALS)
def half_a_fen_is_a_fault(file: Reading) -> None:
    """A fraction beyond the fen, or the thousandth, is a fault and never rounded."""
    for place, cell in decimal_cells(file.table):
        places = len(converter(cell, file.table.fields).write(1).partition(".")[2])
        content = with_cell(file, place, f"1.{'0' * places}5")
        if content and file.outcome(content).accepts(file.first_row):
            reason = f"{word(cell)}：多出的小数被接受 / {word(cell)}: a fraction too many was taken"
            raise Broken(reason, "不得四舍五入，须报错 / tell it as a fault, round nothing")


@clause("元与分写错，合计必能看出", Capability.TABLE, Capability.AMOUNT_TOTALS)
def yuan_taken_for_fen_is_seen(file: Reading) -> None:
    """Amounts a hundred times too high, or off by a fen, disagree with the total."""
    amounts = [key for key in file.rows[0] if key.rpartition(":")[2] == "waived_fen"]
    right = sheet_of(file.table, file_of(file.table, [file.rows[0] | dict.fromkeys(amounts, 660)]))
    for wrong in (66_000, 661):
        mistaken = sheet_of(file.table, file_of(file.table, [file.rows[0] | dict.fromkeys(amounts, wrong)]))
        content = put_together(file.table, Sheet(right.header, mistaken.rows, right.trailer))
        if file.outcome(content).refused is None:
            reason = "金额与合计不符却被接受 / amounts that are not those of the total were taken"
            raise Broken(reason, "逐行累计并与尾行核对 / add up all rows and compare with the total")


@clause("一处坏值即一处错误：行号、对方栏名、原因与办法", Capability.TABLE)
def a_bad_cell_is_one_fault(file: Reading) -> None:
    """A bad cell is a fault with its row, the partner's word for the column, and the remedy; all other rows stand."""
    sound = file.outcome(file.content)
    for place, cell in enumerate(file.table.columns):
        content = with_cell(file, place, spoilt(file.sheet.rows[0][place], cell, file))
        if content and (cell.field or cell.constant):
            _judge_fault(file.outcome(content), sound, word(cell))


def _judge_fault(found: Outcome, sound: Outcome, column: str) -> None:
    """Check that a bad cell in the first row of a sound file is told of as it should be."""
    row = sound.items[0].row
    if found.refused:
        raise Broken(f"{column}：一处坏值使整个文件被拒 / {column}: one bad cell refuses the whole file", _DIALECT)
    if found.accepts(row):
        raise Broken(f"{column}：坏值被接受 / {column}: a bad value was taken", _DIALECT)
    if any((fault.row, fault.column) != (row, column) or " / " not in fault.text for fault in found.faults):
        reason = f"{column}：未注明行号、栏名或双语办法 / {column}: the fault names another row or column, or no remedy"
        raise Broken(reason, "错误须用对方的行号与栏名 / name row and column as the partner does")
    if found.values != sound.values[1:]:
        raise Broken(f"{column}：坏值牵连其他行 / {column}: other rows suffer from it", _DIALECT)


@clause("每一行都有结果：读出或报错", Capability.TABLE)
def every_row_has_an_end(file: Reading) -> None:
    """Every row of a file is read or is a fault, whatever is wrong with its neighbours."""
    sheet = sheet_of(file.table, file_of(file.table, file.rows * 3))
    place, cell = identifier_cells(file.table)[0]
    for row in range(0, len(sheet.rows), 2):
        sheet = sheet.with_cell(row, place, spoilt("", cell, file))
    found = file.outcome(put_together(file.table, sheet))
    numbers = [item.row for item in found.items]
    if len(numbers) != len(sheet.rows) or sorted(set(numbers)) != numbers:
        rows, told = len(sheet.rows), len(numbers)
        reason = f"{rows} 行只有 {told} 个结果 / {rows} rows, {told} of them told of"
        raise Broken(reason, "每行须产生一个值或一个错误 / give a value or a fault for every row")


@clause("错误、异常与日志不重复任何栏的内容", Capability.TABLE)
def faults_repeat_no_content(file: Reading) -> None:
    """No fault, error or log line repeats what stands in a cell."""
    with heard() as lines:
        for content in with_secrets(file):
            lines += [f"{fault.column} {fault.code} {fault.text}" for fault in file.outcome(content).faults]
    if any(SECRET in line for line in lines):
        raise Broken("错误或日志重复了栏内容 / a fault or log line repeats the content of a cell", _NO_CONTENT)


_NO_CONTENT: Final = "只写行号、栏名与代码，不写内容 / name row, column and code, never the content"


# --- judging what was read


def _same(file: Reading, rows: list[Row]) -> None:
    """Check that these rows, written, are read back."""
    found = file.outcome(file_of(file.table, rows))
    wanted = [expected(file.table, row) for row in rows]
    if found.faults or found.values != wanted:
        faults = ", ".join(f"{fault.row} {fault.column} {fault.code}" for fault in found.faults)
        told = faults or _differing(found, wanted)
        raise Broken(f"未原样读出：{told} / not read as written: {told}", _DIALECT)


def _differing(found: Outcome, wanted: list[Any]) -> str:
    """Return in which rows and fields something else was read."""
    told = []
    for item, value in zip(found.items, wanted, strict=False):
        fields = getattr(value, "__struct_fields__", ())
        told += [f"{item.row} {one}" for one in fields if getattr(item.value, one, None) != getattr(value, one)]
    return ", ".join(told) or f"{len(found.items)} / {len(wanted)}"


READING: Final[tuple[Clause[Reading], ...]] = (
    values_are_read_as_written,
    chunks_do_not_matter,
    rare_characters_survive,
    private_characters_are_the_same_name,
    leading_noughts_survive,
    a_number_of_another_width_is_a_fault,
    unknown_answers_are_kept,
    half_a_fen_is_a_fault,
    yuan_taken_for_fen_is_seen,
    a_bad_cell_is_one_fault,
    every_row_has_an_end,
    faults_repeat_no_content,
)
