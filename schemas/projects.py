"""A project 用电报装工程: works at the power company for a re-employment project, from the application to its cost.

Amounts are integer fen, days integer YYYYMMDD. Whether the works were quick and without profit is judged later; here
stands what the company says.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.registry import Day
from schemas.workers import PaperKind


class CaseState(StrEnum):
    """Whether a case is under way, done, or withdrawn by the applicant."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class ProjectKind(StrEnum):
    """What the works are for: a new connection 新装, more capacity 增容, or alterations 改造."""

    CONNECTION = "connection"
    CAPACITY = "capacity"
    ALTERATION = "alteration"


class CostKind(StrEnum):
    """What a cost is for: materials 材料, labour 人工, machinery 机械, subcontract 外委, tax 税费, or anything else."""

    MATERIALS = "materials"
    LABOUR = "labour"
    MACHINERY = "machinery"
    SUBCONTRACT = "subcontract"
    TAX = "tax"
    OTHER = "other"


class Applicant(msgspec.Struct, frozen=True):
    """Who applied, and the certificate shown; ``id_number`` as the company wrote it."""

    name: str
    id_number: str
    paper: PaperKind
    paper_number: str


class Pause(msgspec.Struct, frozen=True):
    """Days on which the company waited for the applicant's papers; ``last`` None: it still waits."""

    first: Day
    last: Day | None
    reason: str


class Milestones(msgspec.Struct, frozen=True, kw_only=True):
    """The days on which a case came so far; None: not yet."""

    applied: Day
    accepted: Day | None = None
    designed: Day | None = None
    begun: Day | None = None
    ended: Day | None = None
    connected: Day | None = None
    pauses: tuple[Pause, ...] = ()


class CostItem(msgspec.Struct, frozen=True):
    """One line of the cost sheet."""

    kind: CostKind
    text: str
    amount_fen: int


class ChangeOrder(msgspec.Struct, frozen=True):
    """A change of the works after the cost was agreed 变更签证; below nought it makes them cheaper."""

    number: str
    day: Day
    reason: str
    amount_fen: int


class Document(msgspec.Struct, frozen=True):
    """A document of the case, by its title and the SHA-256 (hex) of its bytes."""

    title: str
    sha256: str


class ProjectCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case 案件 as the company states it; a higher ``version`` takes the place of a lower one.

    ``commissioned``: the company itself does the works, so that they must be without profit. ``charged_fen`` is what it
    asks for them, None as long as that is open.
    """

    number: str
    version: Annotated[int, Meta(ge=1, le=9999)]
    state: CaseState
    applicant: Applicant
    title: str
    kind: ProjectKind
    commissioned: bool
    milestones: Milestones
    charged_fen: int | None = None
    costs: tuple[CostItem, ...] = ()
    changes: tuple[ChangeOrder, ...] = ()
    documents: tuple[Document, ...] = ()


class CaseHead(msgspec.Struct, frozen=True):
    """Whose cases a file holds, and the day on which it was made."""

    company: str
    created_on: Day
