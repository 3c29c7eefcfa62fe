"""A company's tariff: dated prices of its components, each with its source."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: The component that the promise is about: the basic price of water or gas 基本水价、基本气价.
BASIC = "basic"
#: What is charged for paying late 违约金; no price of its own.
PENALTY = "penalty"
#: The class of an ordinary household.
RESIDENT = "resident"

#: How components, classes of customers and versions are written.
CODE_PATTERN: Final = r"^[A-Za-z0-9_.-]{1,40}$"
_Code = Annotated[str, Field(pattern=CODE_PATTERN)]


class Tier(BaseModel):
    """A price tier 阶梯: up to which quantity (thousandths, a household and period; None: without end), and the price.

    ``price_e4`` is in 1/10,000 yuan a unit, tax included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    up_to_milli: Annotated[int, Field(ge=1, strict=True)] | None = None
    price_e4: Annotated[int, Field(ge=0, le=10_000_000, strict=True)]


class Price(BaseModel):
    """A component's price for a class of customers from a day on, until the next of the same component and class.

    ``per`` says whether the tiers' limits are those of a month (a bill of two months has twice as much) or of a year.
    Prices are what a household pays: ``tax_included`` says so, and a price without tax is refused (edge case 32).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)

    component: _Code = BASIC
    customers: _Code = RESIDENT
    version: _Code
    since: Annotated[date, Field(alias="from")]
    source: Annotated[str, Field(min_length=1)]
    per: Literal["month", "year"] = "month"
    tax_included: bool = True
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _with_tax(self) -> Self:
        if not self.tax_included:
            raise ValueError("a household pays the tax as well: state the price with it")
        return self

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        limits = [tier.up_to_milli for tier in self.tiers]
        if limits[-1] is not None or None in limits[:-1]:
            raise ValueError("the last tier, and no other, is without end: leave out its up_to_milli")
        if any(a >= b for a, b in pairwise(one for one in limits if one is not None)):
            raise ValueError("the limits of the tiers do not ascend")
        return self


class Tariff(BaseModel):
    """All prices of a company, with all their dates; nothing in it is ever overwritten."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prices: tuple[Price, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for what in ("version", "since"):
            keys = [(price.component, price.customers, getattr(price, what)) for price in self.prices]
            if len(keys) != len(set(keys)):
                raise ValueError(f"two prices of one component and class have the same {what}")
        return self
