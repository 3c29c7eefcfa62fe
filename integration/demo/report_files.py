"""How the three companies write their reports, and how they read the references in their lists.

They use nothing of the hub's readers and writers. The contracts stand in ``config/companies``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from integration.demo.city import CITY_GAS, CITY_WATER, SUBURB_WATER, Number
from integration.demo.replies import Report
from integration.demo.rows import NOBODY, STRANGE, Row
from schemas.values import Month

#: A reference from the lists by an account's newest number.
References = Mapping[Number, str]

_KINDS: Final = {
    "BILL": "正常", "SUPPLEMENTARY": "补收", "TOP_UP": "充值", "RETRO": "补减", "REVERSAL": "冲正", "ACTUAL": "实抄",
    "REBILL": "重开", "NONE": "无账单",
}  # fmt: skip
_CITY_ANSWERS: Final = {
    "APPLIED": "00", "APPLIED_LT_CAP": "01", "APPLIED_DIFF_ACCT": "02", "APPLIED_FLAT": "04", "ZERO_USAGE": "05",
    "NO_BILL_DUE": "10", "NOT_CONNECTED": "20", "NOT_FOUND": "21", "NOT_OUR_CUSTOMER": "22", "CLOSED": "23",
    "NON_DOMESTIC": "24", "DUP_ACCOUNT": "25", "OPT_OUT": "26", "HELD": "30", "REVERSED": "40", "CORRECTED": "41",
    STRANGE: "99",
}  # fmt: skip
_SUBURB_ANSWERS: Final = {
    "APPLIED": "已减", "APPLIED_LT_CAP": "不足额已减", "APPLIED_FLAT": "定额减", "ZERO_USAGE": "零用量",
    "NO_BILL_DUE": "未出账", "NOT_FOUND": "查无此户", "NOT_OUR_CUSTOMER": "非本公司", "CLOSED": "已销户",
    "NON_DOMESTIC": "非居民", "DUP_ACCOUNT": "一户多号", "OPT_OUT": "本人放弃", "HELD": "待定", "REVERSED": "已冲正",
    "CORRECTED": "已更正", STRANGE: "已转科室",
}  # fmt: skip
_GAS_ANSWERS: Final = {
    "APPLIED": "S", "APPLIED_LT_CAP": "L", "APPLIED_DIFF_ACCT": "A", "APPLIED_FLAT": "F", "ZERO_USAGE": "Z",
    "NO_BILL_DUE": "B", "PREPAID_NO_PURCHASE": "P", "NOT_CONNECTED": "K", "NOT_FOUND": "N", "CLOSED": "X",
    "NON_DOMESTIC": "M", "DUP_ACCOUNT": "D", "OPT_OUT": "Q", "HELD": "T", "REVERSED": "C", "CORRECTED": "G",
    STRANGE: "W9",
}  # fmt: skip
_LETTERS: Final = {"original": "O", "replace": "R", "supplement": "S"}
_WORDS: Final = {"original": "原始", "replace": "替换", "supplement": "补充"}
_SUBURB_NAMES: Final = (
    "名单号,参考号,户号,账单号,账单类别,原账单号,开单日期,月份,用水量,减免水量"
    ",价格版本,单价,应收水费,减免金额,实收水费,结果"
)  # fmt: skip


def report_file(report: Report, references: References) -> bytes:
    """Write a report in its company's own form, as it arrives."""
    return report.damage(_WRITERS[report.company](report, references))


# --- figures


def _day8(day: date) -> str:
    return f"{day.year}{day.month:02d}{day.day:02d}"


def _month6(month: Month) -> str:
    return str(int(month))


def _places(value: int, places: int) -> str:
    whole, rest = divmod(abs(value), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{places}d}"


def _cubic(litres: int) -> str:
    return _places(litres, 3)


def _yuan(fen: int) -> str:
    return _places(fen, 2)


def _price(price_e4: int) -> str:
    return _places(price_e4, 4)


def _reference(row: Row, references: References) -> str:
    return row.stranger if row.about == NOBODY else references.get(row.about, "")


def _sums(report: Report) -> tuple[int, int, int]:
    rows = [line.row for line in report.lines]
    return len(rows), sum(row.waived for row in rows), sum(row.relief for row in rows)


# --- the city's waterworks


def _city_water(report: Report, references: References) -> bytes:
    """Write bars between cells, GB18030, yuan and cubic metres."""
    head = (
        "HDR",
        "CITYWATER",
        _month6(report.month),
        _LETTERS[report.kind],
        str(report.edition),
        _day8(report.made_on),
    )
    count, litres, fen = _sums(report)
    lines = ["|".join(head)]
    lines += ["|".join(_city_water_cells(line.row, references)) for line in report.lines]
    lines += [f"TRL|{count}|{_cubic(litres)}|{_yuan(fen)}", ""]
    return "\n".join(lines).encode("gb18030")


def _city_water_cells(row: Row, references: References) -> tuple[str, ...]:
    code = _CITY_ANSWERS[row.answer]
    about = (
        str(row.list_number), _reference(row, references), row.number, row.bill_id, _KINDS[row.kind], row.refers_to,
        _day8(row.issued_on), _month6(row.first), _month6(row.last),
    )  # fmt: skip
    if row.kind == "NONE":
        return (*about, "", "", "", "", "0.000", *[""] * 10, code, row.words)
    return (
        *about, _cubic(max(row.reading - row.use, 0)), _cubic(row.reading), "Y" if row.estimated else "N",
        _cubic(row.use), _cubic(row.waived), row.version, _price(row.price_e4), _yuan(row.before), _yuan(row.relief),
        _yuan(row.after), _price(9500), _yuan(row.sewage), "0.00", _yuan(row.sewage), _yuan(row.balance), code,
        row.words,
    )  # fmt: skip


# --- the suburb's waterworks


def _suburb_water(report: Report, references: References) -> bytes:
    """Write CSV for a spreadsheet, its head above the column names, the sums at the end."""
    text = io.StringIO()
    text.write(f"回盘,{report.month},{_WORDS[report.kind]},{report.edition},{report.made_on}\r\n{_SUBURB_NAMES}\r\n")
    csv.writer(text).writerows(_suburb_water_cells(line.row, references) for line in report.lines)
    count, litres, fen = _sums(report)
    text.write(f"合计,{count},{_cubic(litres)},{_yuan(fen)}\r\n")
    return text.getvalue().encode("utf-8-sig")


def _suburb_water_cells(row: Row, references: References) -> tuple[str, ...]:
    about = (
        str(row.list_number), _reference(row, references), row.number, row.bill_id, _KINDS[row.kind], row.refers_to,
        row.issued_on.isoformat(), str(row.last),
    )  # fmt: skip
    answer = _SUBURB_ANSWERS[row.answer]
    if row.kind == "NONE":
        return (*about, "", "0.000", "", "", "", "", "", answer)
    amounts = _yuan(row.before), _yuan(row.relief), _yuan(row.after)
    return (*about, _cubic(row.use), _cubic(row.waived), row.version, _price(row.price_e4), *amounts, answer)


# --- the gas company


def _city_gas(report: Report, references: References) -> bytes:
    """Write one JSON document: fen and litres as whole numbers."""
    count, litres, fen = _sums(report)
    document = {
        "head": {
            "company": "CITYGAS",
            "month": str(report.month),
            "kind": _LETTERS[report.kind],
            "edition": report.edition,
            "createdOn": report.made_on.isoformat(),
        },
        "rows": [_city_gas_row(line.row, references) for line in report.lines],
        "total": {"rows": count, "waivedVolume": litres, "waivedAmount": fen},
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _city_gas_row(row: Row, references: References) -> dict[str, str | int]:
    return {
        "listNo": row.list_number,
        "refNo": _reference(row, references),
        "userNo": row.number,
        "billNo": row.bill_id,
        "billType": _KINDS[row.kind],
        "origBillNo": row.refers_to,
        "billDate": row.issued_on.isoformat(),
        "monthFrom": str(row.first),
        "monthTo": str(row.last),
        "yearVolume": row.annual_before,
        "volume": row.use,
        "waivedVolume": row.waived,
        "priceVersion": row.version,
        "price": _price(row.price_e4) if row.price_e4 else "",
        "chargeBefore": row.before,
        "waivedAmount": row.relief,
        "chargeAfter": row.after,
        "creditLeft": row.balance,
        "result": _GAS_ANSWERS[row.answer],
    }


_WRITERS: Final[Mapping[str, Callable[[Report, References], bytes]]] = {
    CITY_WATER: _city_water,
    SUBURB_WATER: _suburb_water,
    CITY_GAS: _city_gas,
}


# --- lists


def references_in(company: str, folders: Sequence[Path], newest: Callable[[Number], Number]) -> dict[Number, str]:
    """Read a company's lists, each in its folder, and return the references in them by the accounts' newest numbers."""
    pattern, read = _READERS[company]
    found: dict[Number, str] = {}
    for folder in folders:
        (path,) = folder.glob(pattern)
        for reference, number in read(path.read_bytes()):
            found[newest((company, number))] = reference
    return found


def _bars(content: bytes) -> Iterator[tuple[str, str]]:
    for line in content.decode("gb18030").splitlines()[1:-1]:
        reference, number, *_ = line.split("|")
        yield reference, number


def _commas(content: bytes) -> Iterator[tuple[str, str]]:
    for reference, number, *_ in list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))[1:-1]:
        yield reference, number


def _keys(content: bytes) -> Iterator[tuple[str, str]]:
    for row in json.loads(content)["rows"]:
        yield row["refNo"], row["userNo"]


_READERS: Final[Mapping[str, tuple[str, Callable[[bytes], Iterable[tuple[str, str]]]]]] = {
    CITY_WATER: ("CITYWATER_*.txt", _bars),
    SUBURB_WATER: ("suburb_[0-9]*.csv", _commas),
    CITY_GAS: ("CITYGAS_*.json", _keys),
}
