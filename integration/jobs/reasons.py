"""The reason a person gives for a step: kept for ever in the audit, so it must be there and hold no ID number."""

from __future__ import annotations

import re
from typing import Final

_ID_NUMBER: Final = re.compile(r"\d{15}")


def fault_of(reason: str) -> str | None:
    """Return why a reason cannot be kept, None if it can."""
    if not reason.strip():
        return "须写明理由 / a reason must be given"
    if _ID_NUMBER.search(reason):
        return "理由永久留痕，不得写身份证号 / the reason is kept for ever: leave ID numbers out of it"
    return None
