"""The roster 用户档案: a company's customer file, one account a row."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.registry import Day
from schemas.values import AccountState, BillingCycle, MeterKind

AccountNumber = Annotated[str, Meta(min_length=1, max_length=40)]


class RosterRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account 户号 as its company states it.

    ``predecessor`` is the number this account had before a renumbering (edge case 60). ``opened_on`` is the day the
    present holder took it over, ``closed_on`` the last day, both YYYYMMDD. ``low_income`` is the company's own flag,
    ``low_income_until`` its end month YYYYMM. ``heated_dm2`` is the heated area in dm².
    """

    account: AccountNumber
    predecessor: AccountNumber | None = None
    state: AccountState = AccountState.OPEN
    opened_on: Day | None = None
    closed_on: Day | None = None
    domestic: bool = True
    meter: MeterKind = MeterKind.METERED
    cycle: BillingCycle = BillingCycle.MONTHLY
    holder_name: Annotated[str, Meta(max_length=100)] = ""
    holder_id: Annotated[str, Meta(max_length=40)] = ""
    address: Annotated[str, Meta(max_length=500)] = ""
    low_income: bool = False
    low_income_until: int | None = None
    heated_dm2: int | None = None


class AliasRow(msgspec.Struct, frozen=True):
    """A renumbering of one account: the old number leads to the new one from ``since`` (YYYYMMDD) on (edge case 60)."""

    old_account: AccountNumber
    new_account: AccountNumber
    since: Day
