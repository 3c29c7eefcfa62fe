"""A company's month compared with the one before: what must be explained, and whether it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from integration.domain.detectors import comparable, varies
from schemas.findings import Measure
from schemas.values import Month


class Cause(StrEnum):
    """Why a month differs, in one word; the text beside it says the rest."""

    REGISTRY = "registry"  # households came or went
    MATCHING = "matching"  # accounts were found or lost
    SEASON = "season"  # people use more or less
    BILLING = "billing"  # another cycle, a late or an extra bill run
    PRICE = "price"
    CORRECTION = "correction"  # what was wrong before was put right
    OTHER = "other"


class Figures(NamedTuple):
    """A company's month in a district (or as a whole): households, thousandths of the unit, fen."""

    households: int = 0
    listed: int = 0
    applied: int = 0
    applied_fen: int = 0

    def plus(self, other: Figures) -> Figures:
        """Add two."""
        return Figures(*(a + b for a, b in zip(self, other, strict=True)))

    def of(self, measure: Measure) -> int:
        """Return one of them."""
        value: int = getattr(self, measure.value)
        return value


class Variance(NamedTuple):
    """A figure that differs from the month before by the limit or more; ``district`` is empty for the whole company."""

    company: str
    month: Month
    measure: Measure
    district: str
    before: int
    now: int
    households: int


#: What is known once a month is listed, and what only when every one of its allowances is decided.
_ONCE_LISTED = (Measure.HOUSEHOLDS, Measure.LISTED)
_ONCE_DECIDED = (Measure.APPLIED, Measure.APPLIED_FEN)


class Compared(NamedTuple):
    """A company's months: figures by district, which of them are listed, and which are decided as a whole."""

    figures: Mapping[Month, Mapping[str, Figures]]
    listed: Iterable[Month]
    decided: Iterable[Month]


def variances(company: str, compared: Compared, per_mille: int, small: int) -> Iterator[Variance]:
    """Yield what differs; districts of fewer than ``small`` households say nothing by themselves."""
    for measures, months in ((_ONCE_LISTED, compared.listed), (_ONCE_DECIDED, compared.decided)):
        for month in comparable(months):
            before, now = _with_whole(compared.figures[month.plus(-1)]), _with_whole(compared.figures[month])
            for district in sorted(before.keys() | now.keys()):
                old, new = before.get(district, Figures()), now.get(district, Figures())
                if district and max(old.households, new.households) < small:
                    continue
                for measure in measures:
                    if varies(old.of(measure), new.of(measure), per_mille):
                        figures = (old.of(measure), new.of(measure), new.households)
                        yield Variance(company, month, measure, district, *figures)


def _with_whole(by_district: Mapping[str, Figures]) -> dict[str, Figures]:
    """Add the company as a whole, under the empty district."""
    whole = Figures()
    for one in by_district.values():
        whole = whole.plus(one)
    return {district: one for district, one in by_district.items() if district} | {"": whole}
