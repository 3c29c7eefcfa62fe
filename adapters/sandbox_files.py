"""The files that a trial with the sandbox begins with: a household for each magic number, and its account."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from adapters.dialects.spec import RosterFile
from adapters.dialects.writing import TableWriter
from adapters.sandbox import MAGIC
from schemas.citizen_id import CitizenId, read_citizen_id
from schemas.registry import FileKind, RegistryHeader
from schemas.registry_file import canonical_file
from schemas.values import OPEN_DAY, BillingCycle, MeterKind, Month

_DISTRICT: Final = "330102"
_OPENED_ON: Final = 20200101
#: Those accounts whose answers fit another meter than a common one.
_METERS: Final[dict[str, dict[str, Any]]] = {
    "04": {"meter": MeterKind.FLAT},
    "11": {"meter": MeterKind.PREPAID, "cycle": BillingCycle.TOP_UP},
}


def account_of(ending: str) -> str:
    """Return the account whose number ends in these digits."""
    return f"000001{ending}"


def roster_file(table: RosterFile, endings: Iterable[str]) -> bytes:
    """Return the sandbox's customers, one for each ending."""
    return b"".join(TableWriter(table).write({}, map(_account, endings)))


def registry_file(source: str, month: Month, as_of: int, position: int, endings: Iterable[str]) -> bytes:
    """Return the registry that names these customers: a snapshot as of a day (YYYYMMDD), for the list of a month."""
    header = RegistryHeader(source, FileKind.SNAPSHOT, f"sandbox-{position}", position, as_of, str(month))
    return canonical_file(header, [_household(ending) for ending in endings])


def endings_of(asked: str) -> list[str]:
    """Return the endings that somebody asks for, parted by commas; without any all but those about whole files.

    Raises:
        ValueError: one of them stands for nothing.
    """
    if not asked:
        return [ending for ending in MAGIC if ending < "80"]
    wanted = asked.split(",")
    if unknown := [one for one in wanted if one not in MAGIC]:
        raise ValueError(", ".join(unknown))
    return wanted


def _account(ending: str) -> dict[str, Any]:
    common = {"meter": MeterKind.METERED, "cycle": BillingCycle.MONTHLY}
    known = {"account": account_of(ending), "opened_on": _OPENED_ON, **common, **_METERS.get(ending, {})}
    return known | {"holder_name": _name(ending), "holder_id": _number(ending), "address": _address(ending)}


def _household(ending: str) -> dict[str, Any]:
    return {
        "certificates": [{"issuer": "沙盒", "kind": "dibao", "number": f"SB{ending}"}],
        "category": "dibao_urban",
        "status": "active",
        "valid_from": 20260101,
        "valid_to": OPEN_DAY,
        "address": {"district": _DISTRICT, "community": "沙盒社区", "text": _address(ending)},
        "members": [{"name": _name(ending), "id_number": _number(ending)}],
        "effective_on": 20260101,
        "source_version": 1,
        "accounts": {"sandbox": account_of(ending)},
        "record": "grant",
    }


def _name(ending: str) -> str:
    digits = "零一二三四五六七八九"
    return "沙" + "".join(digits[int(digit)] for digit in ending)


def _address(ending: str) -> str:
    return f"沙盒路{int(ending) + 1}号1栋1单元101室"


def _number(ending: str) -> str:
    """Return a citizen's number that is right in itself, and nobody's: the sequence of a child not yet born."""
    front = f"{_DISTRICT}195001{int(ending) % 28 + 1:02d}9{ending}"
    return next(front + last for last in "0123456789X" if isinstance(read_citizen_id(front + last), CitizenId))
