"""Faults of configuration: every one is found before the hub starts, and all are told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Annotated, Any, Final, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError


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


class CodedFile(BaseModel):
    """What the file of any partner says: its code, after which the file is called, and its name as pages show it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    title: Annotated[str, Field(min_length=1, max_length=60)]


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


_File = TypeVar("_File", bound=CodedFile)
_Partner = TypeVar("_Partner", bound=_Coded)


def read_file(name: str, raw: bytes, shape: type[_File]) -> _File:
    """Read the file of a partner.

    Raises:
        ConfigurationRefused: with every fault of the file.
    """
    try:
        file = shape.model_validate(read_toml(name, raw))
    except ValidationError as error:
        raise ConfigurationRefused(faults_of(name, error)) from None
    if file.code != PurePath(name).stem:
        fault = ConfigFault(name, "code", "not the name of its file", f"name the file {file.code}.toml")
        raise ConfigurationRefused([fault])
    return file


def read_files(files: Iterable[tuple[str, bytes]], load: Callable[[str, bytes], _Partner]) -> dict[str, _Partner]:
    """Load partners from (file name, content), in order of their codes.

    Raises:
        ConfigurationRefused: with every fault of every file.
    """
    found: dict[str, _Partner] = {}
    faults: list[ConfigFault] = []
    for name, raw in sorted(files):
        try:
            one = load(name, raw)
        except ConfigurationRefused as refused:
            faults += refused.faults
            continue
        if one.code in found:
            faults.append(ConfigFault(name, "code", "another file has this code", "give each a code of its own"))
        found[one.code] = one
    if faults:
        raise ConfigurationRefused(faults)
    return dict(sorted(found.items()))


def _problem(message: str) -> str:
    return message.removeprefix("Value error, ")
