"""Faults of configuration: every one is found before the hub starts, and all are told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError


class ConfigFault(NamedTuple):
    """What is wrong in which file at which key, and what to do. Never the value that stands there."""

    file: str
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key or '-'}: {self.problem}; {self.remedy}"


class ConfigurationRefused(Exception):  # noqa: N818 - it names what happened to the configuration
    """The configuration cannot be used; ``faults`` lists everything found."""

    def __init__(self, faults: Sequence[ConfigFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


_REMEDIES: Final = {
    "missing": "add it",
    "extra_forbidden": "take it out, or mend its spelling",
    "union_tag_invalid": "use one of the known forms",
    "union_tag_not_found": "add it",
}
_REMEDY: Final = "correct the value"


def faults_of(file: str, error: ValidationError) -> list[ConfigFault]:
    """Turn pydantic's findings into faults, leaving out what was found there."""
    return [
        ConfigFault(
            file,
            ".".join(str(part) for part in found["loc"]),
            "not one of the known forms" if found["type"] == "union_tag_invalid" else _problem(found["msg"]),
            _REMEDIES.get(found["type"], _REMEDY),
        )
        for found in error.errors(include_input=False, include_url=False)
    ]


def read_toml(file: str, raw: bytes) -> Mapping[str, Any]:
    """Parse TOML.

    Raises:
        ConfigurationRefused: not UTF-8, or not TOML; the place is named, the content is not.
    """
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        fault = ConfigFault(file, "", "not UTF-8", "save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        place = str(error).rpartition("(")[2].rstrip(")")
        fault = ConfigFault(file, "", f"not TOML ({place})", "mend the syntax there")
    raise ConfigurationRefused([fault])


def _problem(message: str) -> str:
    return message.removeprefix("Value error, ")
