"""``docs/rules.md``: the policy owner's cases as a page, made from their tables. ``make rules`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from case_tables import Case, Convention, Row, Section, sections

PAGE: Final = Path(__file__).parents[2] / "docs" / "rules.md"
_HEAD: Final = Path(__file__).with_name("rules_head.md")
_WORDS: Final = {
    "household": "家庭 household",
    "account": "户号 account",
    "bill": "账单 bill",
    "bills": "账单合计 bills",
    "answer": "答复 answer",
    "confirm": "人工确认 confirmed",
    "due": "台账 ledger of",
    "findings": "差异 findings",
    "list": "名单 list of",
    "linked": "关联 linked",
    "months": "月份 months",
    "use": "用量 use",
    "waived": "减免 waived",
    "yuan": "金额 yuan",
    "settled": "结算量 settled",
    "settled_yuan": "结算额 settled yuan",
    "owed": "尚欠 owed",
    "good_faith": "善意 good faith",
    "verdict": "判定 verdict",
    "kind": "种类 kind",
    "refers_to": "原账单 of",
    "says": "答复码 says",
    "price": "单价 price",
    "version": "价格版本 tariff",
    "charge": "应收 charge",
    "other_waived": "其他优惠 by other programmes",
    "left": "减后 left to pay",
    "balance": "余额 balance",
    "debt": "抵旧欠 against debts",
    "proof": "转减证明 proof",
    "silence": "含未回盘 silence counted",
    "other_charges": "其他收费 other charges",
    "annual_before": "年累计 year before",
    "reading_from": "起码 from reading",
    "reading_to": "止码 to reading",
    "estimated": "估抄 estimated",
    "sent": "补报于 sent on",
    "people": "成员 people",
    "category": "类别 category",
    "status": "状态 status",
    "from": "自 from",
    "to": "至 to",
    "effective": "生效 effective",
    "certificate": "证号 certificate",
    "earlier": "原证号 earlier",
    "home": "住址 home",
    "accounts": "自报户号 names",
    "company": "公司 company",
    "holder": "户主 holder",
    "name": "户名 name",
    "id_number": "证件 ID",
    "state": "状态 state",
    "opened": "开户 opened",
    "closed": "销户 closed",
    "domestic": "居民 domestic",
    "meter": "表具 meter",
    "cycle": "周期 cycle",
    "low_income": "低保标志 flag",
    "for": "所属 of",
    "becomes": "换号为 becomes",
    "of": "户 of",
    "at": "落于 at",
    "water": "水 water",
    "gas": "气 gas",
    "rows": "行 rows",
    "service": "项目 service",
    "evidence": "依据 by",
    "waiting": "待确认 waiting",
    "month": "月 month",
    "report": "回盘月 report",
}
_LATER: Final = "尚未建成 / not built yet: "
_OTHERWISE: Final = "本系统另行处理 / the hub does otherwise: "


def page() -> str:
    """Return the whole page."""
    return _HEAD.read_text(encoding="utf-8") + "".join("\n" + _section(section) for section in sections())


def _section(section: Section) -> str:
    return f"## {section.section}\n\n" + "\n".join([*map(_case, section.case), *map(_convention, section.convention)])


def _convention(one: Convention) -> str:
    lines = [f"### {one.number} {one.title}", "", one.rule, ""]
    lines += [f"**{_LATER}**{one.later}"] if one.later else [_held_by(one.carried_by)]
    return "\n".join(lines) + "\n"


def _held_by(tests: list[str]) -> str:
    return f"Held by {', '.join(f'`{one}`' for one in tests)}"


def _case(case: Case) -> str:
    lines = [f"### {case.number}{case.letter} {case.title}", "", case.rule, "", f"*{case.source}*"]
    lines += [f"**{_LATER}**{case.later}"] if case.later else []
    lines += [f"**{_OTHERWISE}**{case.not_followed}"] if case.not_followed else []
    lines += [_held_by(case.carried_by)] if case.carried_by else []
    if case.expected:
        lines += ["", "| 已知 given | 经过 when | 应得 expected |", "|---|---|---|", _cells(case)]
    return "\n".join(lines) + "\n"


def _cells(case: Case) -> str:
    variants = [f"{name} = {value}" for name, value in case.policy.items()]
    variants += [f"tariff: {case.tariff}"] if case.tariff else []
    given = variants + [_phrase(row) for row in case.given]
    cells = (given, map(_phrase, case.when), map(_phrase, case.expected))
    return "| " + " | ".join("<br>".join(cell).replace("|", "\\|") for cell in cells) + " |"


def _phrase(row: Row) -> str:
    day = [str(row["on"])] if "on" in row else []
    return " ".join([*day, "; ".join(_told(key, value) for key, value in row.items() if key != "on")])


def _told(key: str, value: Any) -> str:
    return f"{_WORDS.get(key, key)} {', '.join(_flat(value)) or '—'}"


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield " ".join(f"{key} {each}" for key, each in value.items())
    elif isinstance(value, list):
        for each in value:
            yield from _flat(each)
    else:
        yield {True: "是 yes", False: "否 no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
