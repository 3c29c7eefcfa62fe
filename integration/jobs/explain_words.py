"""The names and figures that explanations speak of, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from integration.domain.households import ABSENT, MERGED
from integration.domain.matching import Evidence
from integration.domain.progress import Outcome
from integration.jobs.explain_advice import Advice, Words
from schemas.values import OPEN_DAY, Category, Service, Status, int_day

SERVICES: Final[Mapping[Service, Words]] = {
    Service.WATER: ("供水", "Water"),
    Service.GAS: ("燃气", "Gas"),
    Service.HEATING: ("供热", "Heating"),
    Service.POWER: ("供电", "Power"),
}
CATEGORIES: Final[Mapping[Category, Words]] = {
    Category.DIBAO_URBAN: ("城市低保", "urban minimum living allowance"),
    Category.DIBAO_RURAL: ("农村低保", "rural minimum living allowance"),
    Category.TEKUN: ("特困", "extreme hardship"),
    Category.DIBAO_EDGE: ("低保边缘", "just above the allowance line"),
    Category.HARDSHIP_WORKER: ("困难职工", "hardship worker"),
}
STATUSES: Final[Mapping[str, Words]] = {
    Status.ACTIVE: ("正常", "active"),
    Status.SUSPENDED_REVIEW: ("年审复核中", "under annual review"),
    Status.ENDED: ("已终止", "ended"),
    ABSENT: ("全量中未列", "not named by the snapshot"),
    MERGED: ("已并入另一户", "part of another household"),
}
EVIDENCES: Final[Mapping[Evidence, Words]] = {
    Evidence.NAMED_AND_HOLDER_ID: (
        "登记的户号，户主身份证号为家庭成员",
        "the household named the account, and a member's ID number is the holder's",
    ),
    Evidence.HOLDER_ID: ("户主身份证号为家庭成员", "a member's ID number is the holder's"),
    Evidence.NAMED_AND_ADDRESS: (
        "登记的户号，用户地址与证件地址一致",
        "the household named the account, and the addresses agree",
    ),
    Evidence.NAMED_AND_NAME: (
        "登记的户号，户名为家庭成员",
        "the household named the account, and a member's name is the holder's",
    ),
    Evidence.NEAR_CERTAIN: ("多项信息相符，几乎可以确定", "so much agrees that it is near certain"),
    Evidence.CONFIRMED: ("人工确认", "confirmed by a person"),
}
#: Benefits without a monthly allowance: what the category has, who decides the rest, and where to go.
OTHERS: Final[Mapping[Service, Advice]] = {
    Service.HEATING: Advice(
        (
            "按类别可以减免；减不减、减多少由供热公司按各户情况决定，每年供热前（11月15日）报市帮扶办",
            "the category may be relieved; the heating company decides how far, and reports it by 15 November",
        ),
        (
            "请在供热前带证件到供热公司登记",
            "register at the heating company with the certificate before heating starts",
        ),
    ),
    Service.POWER: Advice(
        (
            "按类别，再就业项目申请用电走绿色通道；委托供电公司施工的实行零利润；由供电公司按项目办理",
            "its re-employment projects have the green channel and works at cost; the power company handles each",
        ),
        (
            "有项目的，请带困难职工证明和项目材料到供电公司业务室申请",
            "for a project, apply at the power company's office, with the hardship worker's and the project's papers",
        ),
    ),
}
RIGHTS: Final[Mapping[Outcome, Words]] = {
    Outcome.ENTITLED: ("按类别可享受", "the category has it"),
    Outcome.NOT_ENTITLED: ("不能享受", "not entitled"),
}


def day_text(yyyymmdd: int) -> str:
    """Return a day as a reader expects it: 2026-11-05."""
    return int_day(yyyymmdd).isoformat()


def span_text(start: int, end: int) -> Words:
    """Return a span of days; one without an end is open."""
    first, last = day_text(start), day_text(end)
    if end == OPEN_DAY:
        return f"{first} 起", f"from {first}"
    return f"{first} 至 {last}", f"{first} to {last}"


def cubic_metres(quantity_milli: int) -> str:
    """Return thousandths of m³ with all their digits."""
    sign, size = ("-" if quantity_milli < 0 else ""), abs(quantity_milli)
    return f"{sign}{size // 1000}.{size % 1000:03d} m³"


def yuan(amount_fen: int) -> str:
    """Return fen as yuan."""
    sign, size = ("-" if amount_fen < 0 else ""), abs(amount_fen)
    return f"{sign}¥{size // 100}.{size % 100:02d}"
