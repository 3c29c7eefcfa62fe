"""What a file may be called that partners exchange with the hub: plain to every reader, the same on every system."""

from __future__ import annotations

import re
from typing import Final

#: How long a partner's name may be.
LONGEST: Final = 128
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Devices on Windows, with any ending (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
_DEVICES: Final = frozenset(
    ("CON", "PRN", "AUX", "NUL", *(f"{device}{digit}" for device in ("COM", "LPT") for digit in range(10)))
)


def is_file_name(name: str, longest: int = LONGEST) -> bool:
    """Tell whether a name is one that the hub touches: letters, digits, dots, ``_`` and ``-``, no device's."""
    return (
        len(name) <= longest
        and _NAME.fullmatch(name) is not None
        and not name.endswith(".")
        and ".." not in name
        and name.partition(".")[0].upper() not in _DEVICES
    )
