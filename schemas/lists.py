"""The list 名单: what a company receives, and its signed summary, the manifest 清单."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from schemas.values import Service


class ListKind(StrEnum):
    """``regular``: every entitled account of the month; ``supplement``: rows of earlier months alone."""

    REGULAR = "regular"
    SUPPLEMENT = "supplement"


class Change(StrEnum):
    """What a row is against the last regular list.

    RETRO credits an earlier month (or one already listed); MOVE takes a quantity from one account to another;
    CLAW_BACK takes back what bills drew, by an authority's decision, and is charged to the household on its next bill
    (a MOVE never is); STOP carries quantity 0.
    """

    NEW = "NEW"
    KEEP = "KEEP"
    STOP = "STOP"
    RETRO = "RETRO"
    MOVE = "MOVE"
    CLAW_BACK = "CLAW_BACK"


class ListRow(NamedTuple):
    """All that a company learns of a household (promise E7): a random reference, and its own account.

    ``reference`` is random per company and never the household's id; ``month`` is YYYYMM; ``quantity_milli`` is in
    thousandths of m³ and negative only in MOVE and CLAW_BACK rows. A named tuple, because lists have a million of them.
    """

    reference: str
    account: str
    service: str
    month: int
    quantity_milli: int
    change: str


class Rendering(msgspec.Struct, frozen=True):
    """One form of a list's content: its name, media type, size and SHA-256 (hex) of the uncompressed bytes."""

    name: str
    file_name: str
    media_type: str
    size: int
    sha256: str


class ChangeTotal(msgspec.Struct, frozen=True):
    """Rows and summed quantity of one kind of change."""

    rows: int
    quantity_milli: int


class Manifest(msgspec.Struct, frozen=True):
    """The signed summary of a list.

    ``number`` is gapless per company; ``predecessor`` is the SHA-256 of the manifest before it. ``cut_off`` is the
    knowledge version of the run, ``policy_sha256`` the digest of the policy it used, ``checkpoint`` the newest
    audit checkpoint (a signed note), which makes every company a witness of the hub's history.
    """

    suite: str
    company: str
    service: Service
    number: int
    kind: ListKind
    month: str
    run: int
    cut_off: int
    created_at: str
    predecessor: str | None
    rows: int
    quantity_milli: int
    changes: dict[str, ChangeTotal]
    renderings: tuple[Rendering, ...]
    policy_sha256: str
    checkpoint: str
    key_id: str
