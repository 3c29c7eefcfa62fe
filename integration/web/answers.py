"""What short replies say. Everything longer is answered in the shapes that storage and jobs have."""

from __future__ import annotations

from typing import Any

import msgspec

from integration.domain.brake import Trip
from integration.storage.report_views import RowLine
from schemas.registry import RegistryHeader, RegistryRow
from schemas.reports import Component, ReportRow


class Accepted(msgspec.Struct, frozen=True):
    """A file is kept, and lost no more; how its rows ended is told at ``status``."""

    submission_id: int
    status: str


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of registry updates (a delta): a header and its rows, each as in the canonical file."""

    header: RegistryHeader
    rows: list[RegistryRow]


class HoldLine(msgspec.Struct, frozen=True):
    """What waits for two persons, and the limits that it would exceed."""

    hold_id: int
    door: str
    subject: str
    at: str
    state: str
    trips: list[Trip]


class HoldDetail(HoldLine, frozen=True):
    """A hold as the office sees it: with who proposed its release, why, and who approved."""

    proposed_by: str | None
    reason: str | None
    approved_by: str | None


class BalanceLine(msgspec.Struct, frozen=True):
    """What became of the allowances that a company's lists of a month hold; ``holds``: the parts add up."""

    company: str
    month: str
    listed_milli: int
    drawn_milli: int
    lapsed_milli: int
    awaiting_milli: int
    refused_milli: int
    unanswered_milli: int
    over_milli: int
    short_milli: int
    unauthorised_milli: int
    duplicate_milli: int
    good_faith_milli: int
    clawed_back_milli: int
    holds: bool


class SettlementLine(msgspec.Struct, frozen=True):
    """A settlement (n 0) or adjustment on file."""

    company: str
    month: str
    n: int
    settled_at: str


class HouseholdsFound(msgspec.Struct, frozen=True):
    """The hub's own ids of the households found."""

    households: list[int]


class Receipt(msgspec.Struct, frozen=True):
    """A receipt as it is on file."""

    number: int
    manifest_sha256: str
    received_at: str


class ListLine(msgspec.Struct, frozen=True):
    """A published list as its company sees it; ``receipt_at`` is when it said that it has it."""

    number: int
    kind: str
    service: str
    month: str
    published_at: str
    rows: int
    quantity_milli: int
    receipt_at: str | None
    manifest: str
    content: str


class PublicKey(msgspec.Struct, frozen=True):
    """A public key of the hub: what it signs, its name, and the key as PEM."""

    purpose: str
    key_id: str
    pem: str


class Health(msgspec.Struct, frozen=True):
    """Whether the hub is ready, and each thing that it needs."""

    ready: bool
    checks: dict[str, str]


class Made(msgspec.Struct, frozen=True):
    """A client or its new credential; ``secret`` is told this once."""

    client_id: str
    secret: str | None


class Done(msgspec.Struct, frozen=True):
    """It is done."""

    done: bool = True


class TokenError(msgspec.Struct, frozen=True):
    """Why there is no token (RFC 6749, 5.2)."""

    error: str
    error_description: str


class Whoami(msgspec.Struct, frozen=True):
    """Who one is, what one may do, and the districts that one sees (none: all)."""

    name: str
    rights: list[str]
    districts: list[str]


class Code(msgspec.Struct, frozen=True):
    """What a problem's code means."""

    code: str
    status: int
    title: str


def _named(name: str, shape: type[msgspec.Struct], **instead: Any) -> type[msgspec.Struct]:
    """Return a shape whose fields stand under their names; storage keeps them by their places."""
    fields = [(one.name, instead.get(one.name, one.type)) for one in msgspec.structs.fields(shape)]
    return msgspec.defstruct(name, fields, frozen=True, kw_only=True, module=__name__)


ComponentSaid: Any = _named("ComponentSaid", Component)
RowSaid: Any = _named("RowSaid", ReportRow, components=tuple[ComponentSaid, ...])
#: A row of a report as its company said it, with its judgement.
RowJudged: Any = _named("RowJudged", RowLine, said=RowSaid)


def row_judged(line: RowLine) -> Any:
    """Return a judged row under names."""
    said = msgspec.structs.asdict(line.said)
    parts = tuple(ComponentSaid(**msgspec.structs.asdict(part)) for part in line.said.components)
    return RowJudged(**msgspec.structs.asdict(line) | {"said": RowSaid(**said | {"components": parts})})
