"""The policy as dated parameters: what held in a month, and where it is written.

A parameter is a list of values, each with the month it holds from and its source; nothing is overwritten, so the
past can be recomputed. A rule reads a ``MonthPolicy``, the parameters as they stood in one month.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from integration.domain.similarity import Reason
from schemas.configuration import ConfigFault, ConfigurationRefused, faults_of
from schemas.values import Category, Month, Service


class MidMonth(StrEnum):
    """Whether a month counts in which a certificate begins (edge case 33)."""

    ANY_DAY = "any_day"
    FIRST_DAY = "first_day"
    NEXT_MONTH = "next_month"


class CoverRule(StrEnum):
    """A bill that covers entitled and other months (edge case 5)."""

    CAP_ONLY = "cap_only"
    PRORATE_USAGE = "prorate_usage"


class TierRule(StrEnum):
    """Which price tier the allowance is taken from (edge case 20)."""

    FIRST_TIER = "first_tier"
    MARGINAL = "marginal"
    BEFORE_TIER = "before_tier"


class OtherProgrammes(StrEnum):
    """Whether other programmes' relief of the same charge comes before the allowance's or after (edge case 26)."""

    FIRST = "first"
    AFTER = "after"


class SettlementMode(StrEnum):
    """Who bears the cost, and when."""

    COMPANY_BEARS = "company_bears"
    REIMBURSED = "reimbursed"
    REFUND_LATER = "refund_later"
    PRE_FUNDED = "pre_funded"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Benefit(_Strict):
    """What one service grants: to which categories, how much a household and month (0 = no monthly allowance)."""

    categories: frozenset[Category]
    allowance_milli: int = Field(ge=0, le=1_000_000)


class Limit(_Strict):
    """A limit of the brake: more than ``count`` and more than ``per_mille`` of the base trips it."""

    count: int = Field(ge=0)
    per_mille: int = Field(ge=0, le=1000)

    def allows(self, number: int, base: int) -> bool:
        """Whether so many changes among so many households pass."""
        return number <= self.count or number * 1000 <= self.per_mille * base


class Brake(_Strict):
    """The limits of the brake (design: "The brake"; edge case 67; defaults as settled for district additions)."""

    ends: Limit
    ends_district: Limit
    additions: Limit
    additions_district: Limit
    changes: Limit
    contradictions: Limit
    rejected: Limit


class Weights(_Strict):
    """How much each part of a company's scorecard counts; a part without anything to judge leaves its weight out."""

    on_time: int = Field(ge=0, le=1000)
    complete: int = Field(ge=0, le=1000)
    accurate: int = Field(ge=0, le=1000)
    corrected: int = Field(ge=0, le=1000)
    flags: int = Field(ge=0, le=1000)
    explained: int = Field(ge=0, le=1000)


class Grades(_Strict):
    """From which score, in thousandths, a grade is given; below the last it is D."""

    a: int = Field(ge=0, le=1000)
    b: int = Field(ge=0, le=1000)
    c: int = Field(ge=0, le=1000)


def _every_reason(weights: dict[Reason, int]) -> dict[Reason, int]:
    missing = ", ".join(sorted(set(Reason) - weights.keys()))
    if missing:
        raise ValueError(f"no weight for: {missing}")
    return weights


#: How strongly, in thousandths, each reason speaks for a match; every reason has its weight.
MatchWeights = Annotated[dict[Reason, Annotated[int, Field(ge=0, le=999)]], AfterValidator(_every_reason)]


class MonthPolicy(_Strict):
    """Every parameter as it stood in one month. Field names are the parameters' names in ``config/policy``."""

    water: Benefit
    gas: Benefit
    heating: Benefit
    power: Benefit
    exclusive_categories: tuple[frozenset[Category], ...]
    continuous_categories: frozenset[Category]
    mid_month: MidMonth
    grace_months: int = Field(ge=0, le=12)
    look_back_months: int = Field(ge=0, le=120)
    cut_off_day: int = Field(ge=1, le=28)
    publication_day: int = Field(ge=1, le=28)
    report_due_day: int = Field(ge=1, le=28)
    cover_rule: CoverRule
    tier_rule: TierRule
    components: tuple[str, ...]
    accumulator_counts_waived: bool
    tolerance_fen: int = Field(ge=0, le=100)
    prepaid_accrual_months: int = Field(ge=1, le=12)
    other_programmes: OtherProgrammes
    credit_pays_debts: bool
    settlement_mode: SettlementMode
    brake: Brake
    match_certain_per_mille: int = Field(ge=1, le=1000)
    match_review_per_mille: int = Field(ge=1, le=1000)
    match_lead_per_mille: int = Field(ge=0, le=1000)
    match_sample_per_mille: int = Field(ge=0, le=1000)
    match_block_accounts: int = Field(ge=1, le=10_000)
    match_weights: MatchWeights
    claw_back_notice_days: int = Field(ge=0, le=366)
    under_claim_months: int = Field(ge=1, le=12)
    collect_days: int = Field(ge=1, le=28)
    roster_days: int = Field(ge=1, le=366)
    variance_per_mille: int = Field(ge=1, le=1000)
    pending_match_days: int = Field(ge=0, le=366)
    case_work_days: int = Field(ge=1, le=60)
    small_cell: int = Field(ge=1, le=100)
    correction_days: int = Field(ge=1, le=90)
    scorecard_day: int = Field(ge=1, le=28)
    scorecard_weights: Weights
    scorecard_grades: Grades
    # the audit sample, see domain.sampling
    sample_per_mille: int = Field(ge=1, le=1000)
    sample_min: int = Field(ge=1, le=10_000)
    sample_confidence_per_mille: int = Field(ge=500, le=999)
    sample_copy_days: int = Field(ge=1, le=365)

    def excludes(self, one: str, other: str) -> bool:
        """Whether nobody may stand in both categories at once; two certificates of one category exclude each other."""
        return one == other or any({Category(one), Category(other)} <= group for group in self.exclusive_categories)

    def benefit(self, service: Service) -> Benefit:
        """Return the benefit of a service."""
        benefit: Benefit = getattr(self, service.value)
        return benefit


def _month(value: object) -> Month:
    return Month.parse(str(value))


class _Dated(_Strict):
    from_: Annotated[Any, BeforeValidator(_month)] = Field(alias="from")
    value: Any
    source: str | None = Field(default=None, min_length=1)


class _Parameter(_Strict):
    meaning: str = Field(min_length=1)
    source: str = Field(min_length=1)
    values: tuple[_Dated, ...] = Field(min_length=1)


_PARAMETERS: TypeAdapter[dict[str, _Parameter]] = TypeAdapter(dict[str, _Parameter])


@dataclass(frozen=True)
class Policy:
    """All parameters with all their dates, and the SHA-256 of the whole, which names it for ever."""

    parameters: Mapping[str, _Parameter]
    content: str
    sha256: str

    def at(self, month: Month) -> MonthPolicy:
        """Return the parameters as they stand in a month.

        Raises:
            ConfigurationRefused: a parameter has no value that early.
        """
        return _at(self.parameters, month)

    @property
    def first_month(self) -> Month:
        """The first month in which every parameter has a value."""
        first: Month = max(parameter.values[0].from_ for parameter in self.parameters.values())
        return first

    def source(self, parameter: str, month: Month) -> str:
        """Return where the value a parameter has in a month is written."""
        dated = _dated(self.parameters[parameter], month)
        return (dated and dated.source) or self.parameters[parameter].source


def load_policy(files: Mapping[str, Mapping[str, Any]]) -> Policy:
    """Build the policy from parsed TOML files, by file name.

    Raises:
        ConfigurationRefused: with every fault of every file at once.
    """
    faults: list[ConfigFault] = []
    merged: dict[str, _Parameter] = {}
    files_of: dict[str, str] = {}
    raw: dict[str, Any] = {}
    for name, content in files.items():
        try:
            parameters = _PARAMETERS.validate_python(content)
        except ValidationError as error:
            faults += faults_of(name, error)
            continue
        faults += [_twice(name, key) for key in parameters.keys() & merged.keys()]
        faults += [_order(name, key) for key, one in parameters.items() if not _ascending(one)]
        merged |= parameters
        files_of |= dict.fromkeys(parameters, name)
        raw |= content
    faults += _name_faults(merged, files_of) if not faults else []
    faults += _value_faults(merged, files_of)
    if faults:
        raise ConfigurationRefused(faults)
    content_json = msgspec.json.encode(raw, order="sorted").decode()
    return Policy(merged, content_json, hashlib.sha256(content_json.encode()).hexdigest())


def stored_policy(content: str) -> Policy:
    """Rebuild a policy from the content it was stored with."""
    return load_policy({"stored policy": msgspec.json.decode(content)})


def _twice(file: str, key: str) -> ConfigFault:
    return ConfigFault(file, key, "stands in two files", "keep it in one of them")


def _order(file: str, key: str) -> ConfigFault:
    return ConfigFault(file, f"{key}.values", "months are not in ascending order", "put the oldest value first")


def _ascending(parameter: _Parameter) -> bool:
    months = [int(dated.from_) for dated in parameter.values]
    return all(a < b for a, b in pairwise(months))


def _name_faults(parameters: Mapping[str, _Parameter], files_of: Mapping[str, str]) -> list[ConfigFault]:
    wanted = set(MonthPolicy.model_fields)
    unknown = [
        ConfigFault(files_of[k], k, "is not a parameter of the hub", "correct the name")
        for k in parameters.keys() - wanted
    ]
    missing = [
        ConfigFault("policy", k, "is missing", "add it to a file in config/policy") for k in wanted - parameters.keys()
    ]
    return sorted(unknown + missing, key=lambda fault: fault.key)


def _dated(parameter: _Parameter, month: Month) -> _Dated | None:
    return next((dated for dated in reversed(parameter.values) if dated.from_ <= month), None)


def _at(parameters: Mapping[str, _Parameter], month: Month) -> MonthPolicy:
    dated = {key: _dated(parameter, month) for key, parameter in parameters.items()}
    early = [
        ConfigFault("policy", key, f"has no value in {month}", "add one with an earlier month")
        for key, one in dated.items()
        if one is None
    ]
    if early:
        raise ConfigurationRefused(early)
    try:
        return MonthPolicy.model_validate({key: one.value for key, one in dated.items() if one is not None})
    except ValidationError as error:
        raise ConfigurationRefused(faults_of(f"policy in {month}", error)) from None


def _value_faults(parameters: Mapping[str, _Parameter], files_of: Mapping[str, str]) -> list[ConfigFault]:
    """Validate every value that any parameter ever has, each by itself: no rule is about two of them."""
    return [
        fault._replace(key=f"{key}.values.{number}.{fault.key.replace(key, 'value', 1)}")
        for key, parameter in parameters.items()
        if key in MonthPolicy.model_fields
        for number, dated in enumerate(parameter.values)
        for fault in _faults_of_value(files_of[key], key, dated.value)
    ]


def _faults_of_value(file: str, key: str, value: Any) -> list[ConfigFault]:
    try:
        MonthPolicy.model_validate({key: value})
    except ValidationError as error:
        return [fault for fault in faults_of(file, error) if fault.key.partition(".")[0] == key]
    return []
