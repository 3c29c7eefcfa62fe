"""Workers in hardship 困难职工, as the union certifies them: who may claim help for a re-employment project."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.registry import Day
from schemas.values import Status


class PaperKind(StrEnum):
    """The paper on which help is claimed: 再就业优惠证, 就业失业登记证, 就业创业证 or 困难职工证, in this order."""

    REEMPLOYMENT = "reemployment"
    UNEMPLOYMENT = "unemployment"
    EMPLOYMENT = "employment"
    HARDSHIP = "hardship"


class Hardship(StrEnum):
    """Category of hardship 困难类别: deep 深度, relative 相对, or by an accident or illness 意外致困."""

    DEEP = "deep"
    RELATIVE = "relative"
    ACCIDENTAL = "accidental"


class WorkerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of one worker; days are YYYYMMDD, ``id_number`` as the union wrote it."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    id_number: Annotated[str, Meta(min_length=1, max_length=40)]
    paper: PaperKind
    paper_number: Annotated[str, Meta(min_length=1, max_length=40)]
    hardship: Hardship | None = None
    employer: Annotated[str, Meta(max_length=200)] = ""
    valid_from: Day
    valid_to: Day
    status: Status = Status.ACTIVE
