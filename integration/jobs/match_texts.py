"""What the codes of matching say to people."""

from __future__ import annotations

from typing import Final

from integration.domain.similarity import Doubt, Reason

REASONS: Final = {
    Reason.ID: "户主证件号与成员相同 / the holder's ID number is a member's",
    Reason.ID_SLIP: "户主证件号与成员差一位 / the holder's ID number is a member's but for one digit",
    Reason.NAME: "户主与成员同名 / the holder has a member's name",
    Reason.NAME_NEAR: "户主姓名与成员差一字 / the holder has a member's name but for one character",
    Reason.DWELLING: "同一住房 / the same dwelling",
    Reason.DWELLING_NEAR: "住房相近（缺单元或路名差一字） / nearly the same dwelling",
    Reason.HOUSE: "同一楼栋，室号不全 / the same house; a room is missing",
    Reason.NAMED: "家庭申报了此户号 / the household named this account number",
    Reason.NAMED_SLIP: "家庭申报的户号差一位 / the household named this account number but for one digit",
    Reason.SAME_HOLDER: "与该户其他项目户号同一户主 / the holder of the household's account at another service",
    Reason.CONFIRMED_HOLDER: "与人工确认的户号同一户主 / the holder that a person confirmed elsewhere",
    Reason.LOW_INCOME: "公司标注为低保户 / the company has it as a low-income customer",
}
DOUBTS: Final = {
    Doubt.OTHER_DWELLING: "地址不是同一住房 / the address is another dwelling",
    Doubt.OTHER_PERSON: "户主证件号不属于任何成员 / the holder's ID number is no member's",
    Doubt.HOLDER_DIED: "户主已故，须过户 / the holder has died; the account should be transferred",
    Doubt.NON_DOMESTIC: "非居民户 / not domestic",
    Doubt.TAKEN: "另一户已在此户号上 / another household has this account",
}
_TEXTS: Final = {code.value: text for texts in (REASONS, DOUBTS) for code, text in texts.items()}


def text_of(code: str) -> str:
    """Return what a reason or a doubt says."""
    return _TEXTS[code]
