"""What an explanation consists of; free of personal data, and as it travels with ``--json``."""

from __future__ import annotations

import msgspec

from schemas.values import Service


class Fact(msgspec.Struct, frozen=True):
    """A slice of the timeline that touches the month. Days YYYYMMDD; ``known_from`` is a knowledge version."""

    valid_from: int
    valid_to: int
    category: str
    status: str
    certificate_from: int
    certificate_to: int
    alive_to: int
    known_from: int


class Link(msgspec.Struct, frozen=True):
    """A link that touches the month."""

    company: str
    account: str
    valid_from: int
    valid_to: int
    evidence: str
    confirmed: bool


class Placed(msgspec.Struct, frozen=True):
    """A quantity on an account, or on none yet."""

    company: str | None
    account: str | None
    quantity_milli: int


class ServiceExplanation(msgspec.Struct, frozen=True):
    """One service: the verdict, what is due and where, from what, and what was posted and listed."""

    service: Service
    verdict: str
    held: bool
    due: list[Placed]
    posted: list[Placed]
    runs: list[int]
    links: list[Link]
    listed_in: list[str]
    source: str
    #: Posted by a run that found the month computed already: granted, moved or corrected afterwards.
    late: bool
    #: Where further rules that decided are written: grace, and how a month counts that the right covers in part.
    rules: list[str]


class Explanation(msgspec.Struct, frozen=True):
    """A household's month as known at a version; ``lines`` says it in words."""

    household: int
    month: str
    version: int
    known_at: str
    facts: list[Fact]
    services: list[ServiceExplanation]
    lines: list[str]
