"""The ``[exchange]`` of a partner that lays and fetches files: where, in which folders, and what they are called."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from adapters.base import Box, Channel
from adapters.channels.collect_files import FileFolder, Naming
from adapters.channels.folder import FolderPlace
from adapters.channels.lay_lists import ListFolder
from adapters.channels.place import Opened, is_folder

_STRICT: Final = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _folder(path: str) -> str:
    if path and not is_folder(path):
        raise ValueError("a folder is named by letters, digits, _ - and dots within, with / between folders")
    return path


def _pattern(text: str) -> str:
    if not text.isascii():
        raise ValueError("a file is named by letters, digits, _ - and dots; any other name is left alone")
    try:
        re.compile(text)
    except re.error:
        raise ValueError("not a regular expression") from None
    return text


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError("an absolute path, without ..")
    return path


def _public_key(line: str) -> str:
    from adapters.channels.sftp import is_public_key

    if not is_public_key(line):
        raise ValueError("not a public key such as ssh-ed25519 AAAA…")
    return line


Folder = Annotated[str, AfterValidator(_folder)]


class NamedFiles(BaseModel):
    """What the files of a kind are called: a regular expression for the whole name."""

    model_config = _STRICT

    kind: Literal["registry", "roster", "aliases", "report"]
    name: Annotated[str, Field(min_length=1), AfterValidator(_pattern)]

    def may_be_called_as(self, other: NamedFiles) -> bool:
        """Tell whether a name is certainly one of both, as far as that can be told without trying all names."""
        example = re.sub(r"\\([^A-Za-z0-9])", r"\1", other.name)
        return other.name == self.name or (
            re.fullmatch(other.name, example) is not None and re.fullmatch(self.name, example) is not None
        )


class _Exchange(BaseModel, ABC):
    """What every form of an exchange says. Folders are named relative to where it takes place."""

    model_config = _STRICT

    lists_to: Folder = ""
    lists_taken: Folder = ""
    files_from: Folder = ""
    done_to: Folder = "done"
    reject_to: Folder = "reject"
    settle_s: Annotated[int, Field(ge=0, le=86_400)] = 60
    files: tuple[NamedFiles, ...] = ()

    @abstractmethod
    def _opened(self, code: str, homes: Path) -> Opened:
        """Return how to go there."""

    def channel(self, code: str, homes: Path) -> Channel | None:
        """Return how a partner's lists are laid; None where none are."""
        return ListFolder(self._opened(code, homes), self.lists_to, self.lists_taken) if self.lists_to else None

    def box(self, code: str, homes: Path) -> Box | None:
        """Return where a partner lays its files; None where it lays none."""
        if not self.files:
            return None
        namings = tuple(Naming(each.kind, re.compile(each.name)) for each in self.files)
        return FileFolder(
            self._opened(code, homes), namings, self.files_from, self.done_to, self.reject_to, self.settle_s
        )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if faults := list(self._faults()):
            raise ValueError("; ".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        folders = [self.lists_to, self.lists_taken, self.files_from, self.done_to, self.reject_to]
        named = [folder.casefold() for folder in folders if folder]
        if len(named) != len(set(named)):
            yield "a folder stands twice: lists_to, lists_taken, files_from, done_to and reject_to are five"
        if not self.done_to or not self.reject_to:
            yield "done_to and reject_to cannot be empty"
        if self.files and not self.files_from:
            yield "files are named, but not where they lie: add files_from"
        if "files_from" in self.model_fields_set and self.files_from and not self.files:
            yield "files_from is named, but no files: add [[exchange.files]] with kind and name"
        if not self.files and not self.lists_to:
            yield "nothing is exchanged: add lists_to, or files_from and files"
        for number, one in enumerate(self.files):
            if any(one.may_be_called_as(other) or other.may_be_called_as(one) for other in self.files[:number]):
                yield f"files {number + 1}: a name is that of two entries; a name tells the kind"


class SftpExchange(_Exchange):
    """An exchange on the partner's SFTP server. ``key_env`` names the environment's variable with the key's path."""

    form: Literal["sftp"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9:.-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65_535)] = 22
    user: Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f]{1,64}$")]
    host_key: Annotated[str, AfterValidator(_public_key)]
    key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    path: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")] = ""

    def _opened(self, code: str, homes: Path) -> Opened:  # noqa: ARG002 - it lies with the partner
        from adapters.channels.sftp import SftpServer

        return SftpServer(self.host, self.port, self.user, self.host_key, self.key_env, self.path).opened


class FolderExchange(_Exchange):
    """An exchange in a folder of this machine, or of a share mounted here."""

    form: Literal["folder"]
    path: Annotated[str, AfterValidator(_absolute)]

    def _opened(self, code: str, homes: Path) -> Opened:  # noqa: ARG002 - it has its own path
        return FolderPlace(Path(self.path)).opened


class HomeExchange(_Exchange):
    """An exchange in the partner's own folder with the hub, which the hub's SFTP server shows it."""

    form: Literal["home"]
    lists_to: Folder = "out"
    files_from: Folder = "in"

    def _opened(self, code: str, homes: Path) -> Opened:
        return FolderPlace(homes, home=code).opened


Exchange = Annotated[SftpExchange | FolderExchange | HomeExchange, Field(discriminator="form")]
