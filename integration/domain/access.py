"""Rules of the doors: how long a name stays shut after failures, and who may change what somebody is."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from integration.domain.rights import Right, Role, may

#: Failures of one name from one source after which it is locked (promise F5).
LOCK_AFTER: Final = 5
#: The first lock; each further failure doubles it.
FIRST_LOCK_S: Final = 15 * 60
LONGEST_LOCK_S: Final = 24 * 3600
#: A source that was quiet for so long after its last failure starts anew.
FORGET_S: Final = 48 * 3600

#: A session ends after so long without a request, and after so long in any case (promise F8).
IDLE_S: Final = 15 * 60
LONGEST_SESSION_S: Final = 8 * 3600


class Standing(NamedTuple):
    """What a person is."""

    name: str
    role: Role
    enabled: bool


class EditFault(StrEnum):
    """Why somebody may not change what somebody is."""

    NOT_A_MANAGER = "NOT_A_MANAGER"
    OWN = "OWN"


def lock_s(failures: int) -> int:
    """Return for how many seconds so many failures in a row lock a name to their source."""
    if failures < LOCK_AFTER:
        return 0
    doublings = min(failures - LOCK_AFTER, 7)
    return min(FIRST_LOCK_S << doublings, LONGEST_LOCK_S)


def edit_fault(actor: Standing | None, subject: str) -> EditFault | None:
    """Return why the actor may not change a person's role, districts, second factor or entry; None if they may.

    That nobody changes himself keeps the last security administrator in: whoever changes another one stays.
    """
    if actor is None or not actor.enabled or not may(actor.role, Right.ACCESS_MANAGE):
        return EditFault.NOT_A_MANAGER
    return EditFault.OWN if actor.name == subject else None
