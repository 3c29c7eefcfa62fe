"""What an explanation consists of; free of personal data, and as it travels with ``--json``.

Days are YYYYMMDD, 0 where there is none; quantities thousandths of m³, amounts fen.
"""

from __future__ import annotations

import msgspec

from schemas.values import Service


class Fact(msgspec.Struct, frozen=True):
    """A slice of the timeline that touches the month; ``known_from`` is a knowledge version.

    ``grace_to`` is the last day on which the certificate counts after its printed end.
    """

    valid_from: int
    valid_to: int
    category: str
    status: str
    certificate_from: int
    certificate_to: int
    alive_to: int
    known_from: int
    known_on: int
    grace_to: int


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


class Bill(msgspec.Struct, frozen=True):
    """A row of the company's report that covers the month: what was due on it, and what the company waived."""

    company: str
    bill_id: str
    issued_on: int
    kind: str
    answer: str
    due_milli: int
    due_fen: int
    waived_milli: int
    waived_fen: int


class OpenFinding(msgspec.Struct, frozen=True):
    """A disagreement about the month that is not settled, and who must act."""

    finding_id: int
    kind: str
    acts: str
    stake_milli: int
    stake_fen: int


class OpenCase(msgspec.Struct, frozen=True):
    """A case about the month under work."""

    number: int
    kind: str
    state: str
    due_on: int


class Fate(msgspec.Struct, frozen=True):
    """What became of the allowance: how far it has come (``domain.progress``), and what bills made of it.

    ``waiting`` is what an allowance on no account waits for, ``answer`` the company's answer without a bill; None
    where there is none. By the end of ``report_due`` the company must have reported. ``owed_milli`` is still to be
    credited for earlier bills, ``good_milli`` was drawn in good faith.
    """

    outcome: str
    stage: str
    waiting: str | None = None
    answer: str | None = None
    report_due: int = 0
    owed_milli: int = 0
    good_milli: int = 0
    bills: list[Bill] = []
    findings: list[OpenFinding] = []
    cases: list[OpenCase] = []


class ServiceExplanation(msgspec.Struct, frozen=True):
    """One service: the verdict, what is due and where, from what, what was posted and listed, and what became of it."""

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
    fate: Fate


class OtherRight(msgspec.Struct, frozen=True):
    """A benefit without a monthly allowance: whether the category has it; its provider, or a project, decides more."""

    service: Service
    verdict: str
    outcome: str
    source: str


class Explanation(msgspec.Struct, frozen=True):
    """A household's month as known at a version; ``lines`` says it in words.

    ``benefits`` names the services whose benefit the household's category has in the month.
    """

    household: int
    month: str
    version: int
    known_at: str
    facts: list[Fact]
    services: list[ServiceExplanation]
    others: list[OtherRight]
    benefits: list[Service]
    lines: list[str]


class Difference(msgspec.Struct, frozen=True):
    """Something that is known otherwise now: ``aspect`` says what of which service ("" of the household)."""

    service: str
    aspect: str
    then: str
    now: str


class Comparison(msgspec.Struct, frozen=True):
    """A month as known at the end of a day, None where the household was not known, beside what is known now.

    ``learnt_on`` is the day on which the hub first knew of the household; ``lines`` says it in words.
    """

    household: int
    month: str
    day: int
    learnt_on: int
    then: Explanation | None
    now: Explanation
    differences: list[Difference]
    lines: list[str]
