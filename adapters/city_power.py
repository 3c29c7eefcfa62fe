"""The cases 报装案件 of the city's power company: nested XML, valid by its own schema (``city_power_cases.xsd``).

Every case is judged by itself: one that is not as agreed is a fault with its place in the company's words, and the
others are read. What a fault says is the schema's or the hub's, never the file's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from lxml.etree import ElementTree, XMLSchema, _Element, parse

from adapters.base import ReadCase
from adapters.dialects.cells import KINDS, BadCell, checked_text
from adapters.dialects.elements import BLANKS, Elements
from adapters.dialects.json_lines import BAD_VALUE
from adapters.dialects.lines import not_a_header, truncated
from adapters.dialects.named import other_parts
from adapters.dialects.table import BAD_PERIOD, wrong_total
from schemas.faults import Fault
from schemas.projects import (
    Applicant,
    CaseHead,
    CaseState,
    ChangeOrder,
    CostItem,
    CostKind,
    Document,
    Milestones,
    Pause,
    ProjectCase,
    ProjectKind,
)
from schemas.workers import PaperKind

#: The schema that partners are given, and that every file is held against.
SCHEMA: Final = Path(__file__).with_name("city_power_cases.xsd")
_ROOT, _HEAD, _CASE, _TAIL = "报装案件", "文件头", "案件", "文件尾"

_STATES: Final = {"在办": CaseState.OPEN, "办结": CaseState.DONE, "撤回": CaseState.WITHDRAWN}
_KINDS: Final = {"新装": ProjectKind.CONNECTION, "增容": ProjectKind.CAPACITY, "改造": ProjectKind.ALTERATION}
_PAPERS: Final = {
    "再就业优惠证": PaperKind.REEMPLOYMENT,
    "就业失业登记证": PaperKind.UNEMPLOYMENT,
    "就业创业证": PaperKind.EMPLOYMENT,
    "困难职工证": PaperKind.HARDSHIP,
}
_COSTS: Final = {
    "材料": CostKind.MATERIALS,
    "人工": CostKind.LABOUR,
    "机械": CostKind.MACHINERY,
    "外委": CostKind.SUBCONTRACT,
    "税费": CostKind.TAX,
    "其他": CostKind.OTHER,
}
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\( ([^()]+) \)")
_read_day: Final[Callable[[str], int]] = KINDS["day10"].read
_read_fen: Final[Callable[[str], int]] = KINDS["yuan"].read
_NUMBER: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,39}")
_T = TypeVar("_T")


class CityPowerCases:
    """A ``CaseReader`` of the city's power company."""

    def read(self, chunks: Iterable[bytes]) -> tuple[CaseHead, Iterator[ReadCase]]:
        """Read the head at once, then the cases as they come."""
        elements = iter(Elements(chunks, "utf-8", root=_ROOT, counted=_CASE, others=(_HEAD, _TAIL)))
        schema = _Schema()
        head = next(elements, None)
        if head is None or head.tag != _HEAD or schema.fault(0, head):
            raise not_a_header(0)
        created_on = _Said(head).must(head, "编制日期", _read_day)
        return CaseHead("city_power", created_on), _cases(elements, schema)


def _cases(elements: Iterator[_Element], schema: _Schema) -> Iterator[ReadCase]:
    for row, element in enumerate(elements, 1):
        if element.tag != _CASE:
            _finish(element, elements, row - 1, schema)
            return
        yield _read(row, element, schema)
    raise truncated(0)


def _finish(tail: _Element, rest: Iterator[_Element], cases: int, schema: _Schema) -> None:
    """Compare the number of cases with what stands after them; nothing may follow that."""
    if tail.tag != _TAIL:
        raise other_parts(cases + 1)
    if schema.fault(0, tail):
        raise truncated(0)
    declared = _Said(tail).must(tail, "案件数", int)
    if next(rest, None) is not None:
        raise other_parts()
    if declared != cases:
        raise wrong_total("rows", str(declared), str(cases), 0, "案件数")


def _read(row: int, element: _Element, schema: _Schema) -> ReadCase:
    number = (element.findtext("案件编号") or "").strip(BLANKS)
    named = number if _NUMBER.fullmatch(number) else ""
    fault = schema.fault(row, element)
    if fault:
        return ReadCase(row, None, fault, named)
    try:
        return ReadCase(row, _case(_Said(element), element), None, named)
    except BadCell as bad:
        return ReadCase(row, None, Fault(row, bad.column, bad.code, bad.text), named)


class _Schema:
    """The company's schema, and the names that it knows."""

    def __init__(self) -> None:
        document = parse(SCHEMA)
        self._schema = XMLSchema(document)
        self._names = {element.get("name") for element in document.iter("{*}element")}

    def fault(self, row: int, element: _Element) -> Fault | None:
        """Return the first fault of an element; None if it is as agreed."""
        if self._schema.validate(element):
            return None
        log: Any = self._schema.error_log
        error = log[0]
        expected = _EXPECTED.search(error.message)  # the rest of the message quotes the file
        if expected is None:
            return Fault(row, self._place(error.path or ""), *BAD_VALUE)
        names = "、".join(expected[1].split(", "))
        text = f"此处应为{names}，请按约定的次序填写 / {names} is expected here; put the elements in the agreed order"
        return Fault(row, self._place(error.path or ""), "CASE_ELEMENT", text)

    def _place(self, path: str) -> str:
        """Return a path without the case itself, and as far as the schema knows its names."""
        steps = path.split("/")[2:]
        known = [step for step in steps if step.partition("[")[0] in self._names]
        return "/".join(known) or _CASE


class _Said:
    """What the elements of one case say. They are all there that must be: the schema has seen to that."""

    def __init__(self, case: _Element) -> None:
        self._tree = ElementTree(case)

    def must(self, parent: _Element, tag: str, read: Callable[[str], _T]) -> _T:
        """Read an element that is there.

        Raises:
            BadCell: with the path of the element.
        """
        (element,) = parent.findall(tag)
        try:
            return read((element.text or "").strip(BLANKS))
        except BadCell as bad:
            raise BadCell(bad.code, bad.text, self.path(element)) from None

    def may(self, parent: _Element, tag: str, read: Callable[[str], _T]) -> _T | None:
        """Read an element; None if it is not there."""
        return self.must(parent, tag, read) if parent.find(tag) is not None else None

    def text(self, parent: _Element, tag: str) -> str:
        """Read a text."""
        return self.must(parent, tag, checked_text)

    def day(self, parent: _Element, tag: str) -> int:
        """Read a day."""
        return self.must(parent, tag, _read_day)

    def fen(self, parent: _Element, tag: str) -> int:
        """Read an amount."""
        return self.must(parent, tag, _read_fen)

    def path(self, element: _Element) -> str:
        """Return where an element stands in its case."""
        return str(self._tree.getelementpath(element))


def _case(said: _Said, case: _Element) -> ProjectCase:
    return ProjectCase(
        number=said.text(case, "案件编号"),
        version=said.must(case, "版本", int),
        state=said.must(case, "状态", _STATES.__getitem__),
        applicant=_applicant(said, *case.findall("申请人")),
        title=said.text(case, "工程名称"),
        kind=said.must(case, "工程类别", _KINDS.__getitem__),
        commissioned=said.must(case, "委托施工", "是".__eq__),
        milestones=_milestones(said, *case.findall("进度")),
        charged_fen=said.may(case, "收费金额", _read_fen),
        costs=tuple([_cost(said, one) for one in case.findall("费用清单/费用")]),
        changes=tuple([_change(said, one) for one in case.findall("费用清单/变更签证")]),
        documents=tuple([Document(said.text(one, "资料名称"), said.text(one, "摘要")) for one in case.findall("资料")]),
    )


def _applicant(said: _Said, one: _Element) -> Applicant:
    paper = said.must(one, "证件类别", _PAPERS.__getitem__)
    return Applicant(said.text(one, "姓名"), said.text(one, "身份证号"), paper, said.text(one, "证件编号"))


def _milestones(said: _Said, one: _Element) -> Milestones:
    return Milestones(
        applied=said.day(one, "申请日期"),
        accepted=said.may(one, "受理日期", _read_day),
        designed=said.may(one, "设计完成日期", _read_day),
        begun=said.may(one, "开工日期", _read_day),
        ended=said.may(one, "竣工日期", _read_day),
        connected=said.may(one, "送电日期", _read_day),
        pauses=tuple([_pause(said, pause) for pause in one.findall("待补资料")]),
    )


def _pause(said: _Said, one: _Element) -> Pause:
    pause = Pause(said.day(one, "起始日期"), said.may(one, "截止日期", _read_day), said.text(one, "原因"))
    if pause.last is not None and pause.last < pause.first:
        raise BadCell(*BAD_PERIOD, said.path(one))
    return pause


def _cost(said: _Said, one: _Element) -> CostItem:
    return CostItem(said.must(one, "费用类别", _COSTS.__getitem__), said.text(one, "说明"), said.fen(one, "金额"))


def _change(said: _Said, one: _Element) -> ChangeOrder:
    number, day = said.text(one, "签证编号"), said.day(one, "签证日期")
    return ChangeOrder(number, day, said.text(one, "原因"), said.fen(one, "金额"))
