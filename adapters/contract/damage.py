"""What every file that a partner sends must satisfy: that a damaged, foreign or wrong one is never taken for sound."""

from __future__ import annotations

from typing import Final

from adapters.contract.clauses import Broken, Capability, Clause, clause
from adapters.contract.dialects import Outcome, Reading
from adapters.contract.made import head_cells
from adapters.contract.samples import meaning, same_meaning
from adapters.contract.spoiling import (
    ends,
    in_other_encodings,
    junk,
    spoilt_in_head,
    with_header,
    with_wrong_totals,
    word,
)

_CLEARLY: Final = (
    "须以 FileRefused 拒绝整个文件，并说明原因与办法 / refuse the whole file (FileRefused), with reason and remedy"
)


@clause("截断的文件绝不当作完整", Capability.FILE, Capability.TRAILER)
def a_file_cut_short_is_refused(file: Reading) -> None:
    """A file that was cut short, at a line or within one, is refused; a short read is never taken for a whole one."""
    for content in file.files():
        whole = file.outcome(content)
        for end in ends(content):
            found = file.outcome(content[:end])
            if found.refused is None and found != whole:
                reason = f"截至第 {end} 字节仍被接受 / cut after {end} bytes, it was taken all the same"
                raise Broken(reason, "约定尾行并核对 / agree a trailer, and compare it")


@clause("合计不符即拒绝整个文件", Capability.TABLE, Capability.TOTALS)
def wrong_totals_are_refused(file: Reading) -> None:
    """A count or sum that is not that of the rows refuses the file."""
    for cell, content in with_wrong_totals(file):
        if file.outcome(content).refused is None:
            raise Broken(f"{word(cell)}：合计不符却被接受 / {word(cell)}: a wrong total was taken", _CLEARLY)


@clause("空文件、网页、别的数据一律拒绝", Capability.FILE)
def junk_is_refused(file: Reading) -> None:
    """Nothing, a page of HTML, other data, an endless line: refused with a reason, never another error."""
    for what, chunks in junk():
        _not_taken(file.outcome_of(chunks), what)


@clause("别的编码、UTF-16、空字节一律拒绝", Capability.FILE, Capability.TEXT)
def another_encoding_is_refused(file: Reading) -> None:
    """Bytes in another encoding are refused; nothing is replaced or left out."""
    for content in file.files():
        for what, damaged in in_other_encodings(content):
            if file.outcome(damaged).refused is None:
                raise Broken(f"{what} 被接受 / taken: {what}", "严格解码（errors='strict'）/ decode strictly")


@clause("别家的文件、别类的文件、重复的首行都不读作数据", Capability.TABLE, Capability.HEADED)
def strangers_are_refused(file: Reading) -> None:
    """Another company's file, a file of another kind and a second first line are not taken for data."""
    for name, content in file.strangers.items():
        _not_taken(file.outcome(content), name)
    if file.table.header and file.table.form in ("delimited", "fixed_width"):
        line, end, rest = file.content.partition(b"\n")
        found = file.outcome(line + end + line + end + rest)
        if found.refused is None and len(found.values) > len(file.rows):
            raise Broken("第二个首行被读作一行数据 / a second first line was read as a row", _CLEARLY)


@clause("首行有误（如13月）即拒绝，并指出栏", Capability.TABLE, Capability.HEAD_FIELDS)
def a_wrong_first_line_is_refused(file: Reading) -> None:
    """A first line with a month or day that does not exist, or an unknown word, refuses the file and names the cell."""
    for place, cell in head_cells(file.table):
        content = with_header(file, place, spoilt_in_head(file.sheet.header[place], cell))
        refused = file.outcome(content).refused if content else None
        if content and (refused is None or refused.column != word(cell)):
            raise Broken(f"{word(cell)}：首行有误未被指出 / {word(cell)}: not told of the first line", _CLEARLY)


@clause("对方样例能读，且无错误", Capability.SAMPLE)
def the_partners_file_is_read(file: Reading) -> None:
    """The partner's own file is read without a fault."""
    faults = file.outcome(file.sample.content).faults
    if faults:
        count, first = len(faults), faults[0]
        place = f"{first.row} {first.column} {first.code}"
        reason = f"{count} 处错误，首处 {place} / {count} faults, the first of them: {place}"
        raise Broken(reason, _SEE_CHECK_FILE)


_SEE_CHECK_FILE: Final = (
    "逐一列出：waiverhub check-file；约定有误则改配置 / waiverhub check-file lists them; mend its table, or the file"
)


@clause("样例的含义与标准答案一致", Capability.SAMPLE, Capability.GOLDEN)
def the_partners_file_means_its_golden(file: Reading) -> None:
    """The partner's file means what its golden file says, to the last value."""
    found = file.outcome(file.sample.content)
    if not same_meaning(meaning(found.head, found.items), file.sample.golden or b"null"):
        reason = "读出的与 golden.json 不同 / what is read is not what golden.json says"
        raise Broken(reason, _SEE_GOLDEN)


_SEE_GOLDEN: Final = (
    "现在读出的内容：waiverhub adapter golden / what is read now: waiverhub adapter golden; keep it only if it is right"
)


def _not_taken(found: Outcome, what: str) -> None:
    """Check that of what is no such file nothing was taken, and that this was said in words."""
    if found.values or not found.faults:
        raise Broken(f"{what} 被接受 / taken: {what}", _CLEARLY)
    if not all(" / " in fault.text for fault in found.faults):
        raise Broken(f"{what}：未说明原因与办法 / {what}: refused without a reason in both languages", _CLEARLY)


DAMAGE: Final[tuple[Clause[Reading], ...]] = (
    a_file_cut_short_is_refused,
    wrong_totals_are_refused,
    junk_is_refused,
    another_encoding_is_refused,
    strangers_are_refused,
    a_wrong_first_line_is_refused,
    the_partners_file_is_read,
    the_partners_file_means_its_golden,
)
