"""Trying a partner's own system: a folder, its SFTP server, its HTTP server. What is sent there is harmless.

The names of all files and the ids of all messages begin with ``contract-check``. The list that is sent has the
company's own form, and no rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BaseModel, ValidationError

from adapters.base import Channel
from adapters.channels.exchange import FolderExchange, HomeExchange, NamedFiles, SftpExchange
from adapters.channels.folder import FolderPlace
from adapters.channels.http_push import HttpPush
from adapters.channels.place import Opened
from adapters.channels.sftp import SftpServer
from adapters.contract.boxes import NAMES, Collecting
from adapters.contract.dialects import head_of
from adapters.contract.signers import Signer
from adapters.contract.ways import CHECK, Sending
from adapters.dialects.canonical import CANONICAL_WRITERS
from schemas.configuration import faults_of

_FOLDERS: Final = ("lists_to", "files_from", "done_to", "reject_to")
_FILES: Final = NamedFiles(kind="report", name=NAMES.pattern)


class TrialRefused(Exception):  # noqa: N818 - it says what became of the trial
    """A partner's system cannot be tried; the text says why and what to do."""


class Credentials(NamedTuple):
    """What a trial needs besides an address: the server's public key, and the variables of the hub's own secrets."""

    host_key: str = ""
    key_env: str = ""
    token_env: str = ""


@dataclass(frozen=True)
class _Place:
    """The company's side of a place where lists are laid: it sees what lies there of this check."""

    opened: Opened
    folder: str
    stem: str

    def lying(self) -> Mapping[str, bytes]:
        """Return the check's files."""
        with self.opened() as place:
            names = [one.name for one in place.files(self.folder) if one.name.startswith(self.stem)]
            return {name: b"".join(place.read(self.folder, name)) for name in names}


@dataclass(frozen=True)
class _Folder:
    """The partner's side of a box in a folder of this machine; ``folders`` are those of from, done and reject."""

    root: Path
    folders: Mapping[str, str]

    def lay(self, name: str, content: bytes) -> None:
        """Lay a file, or add to the one that lies there."""
        with (self.root / self.folders["from"] / name).open("ab") as file:
            file.write(content)

    def lying(self, folder: str) -> Mapping[str, bytes]:
        """Return what lies in a folder."""
        path = self.root / self.folders[folder]
        return {one.name: one.read_bytes() for one in path.iterdir() if one.is_file()}


class Trial(NamedTuple):
    """What is tried at a partner's system."""

    sending: tuple[Sending, ...] = ()
    collecting: tuple[Collecting, ...] = ()


@contextmanager
def trial(partner: Signer, against: str, stamp: str, known: Credentials) -> Iterator[Trial]:
    """Give what is tried at an address; ``stamp`` makes this check's names its own. A folder is left as it was.

    Raises:
        TrialRefused: no such address, or a credential is missing.
    """
    parts = urlsplit(against)
    stem = f"{CHECK}-{stamp}"
    if parts.scheme in ("http", "https"):
        push = _push(partner, against, known)
        yield Trial((_sending(partner, push, stem, None),))
    elif parts.scheme == "sftp":
        yield _sftp(partner, parts, known, stem)
    elif Path(against).is_dir():
        root = Path(against).resolve()
        try:
            yield _folder(partner, root, stem)
        finally:
            _clear(root, stem)
    else:
        raise TrialRefused(f"既不是网址也不是文件夹：{against} / neither a URL nor a folder: {against}")


def _sending(partner: Signer, channel: Channel, stem: str, shown: _Place | None) -> Sending:
    """Return the sending of a list without rows, in the company's form or, where that has no bytes, the canonical."""
    head = head_of([], company=partner.code)
    rendered = ((writer, b"".join(writer.render(head, []))) for writer in (*partner.writers, *CANONICAL_WRITERS))
    writer, content = next((writer, content) for writer, content in rendered if content)
    suffix = PurePath(writer.file_name(head)).suffix or ".txt"
    way = f"{partner.code}/{'files' if shown else 'http_push'}"
    asked = not isinstance(channel, HttpPush) or channel.method == "PUT" or bool(channel.status_path)
    return Sending(way, channel, shown is not None, stem, suffix, writer.media_type, content, shown, asked=asked)


# --- a server of HTTP


def _push(partner: Signer, url: str, known: Credentials) -> HttpPush:
    """Return the company's own way of pushing, to another address."""
    agreed = partner.delivery.model_dump(exclude_unset=True, exclude={"url_env"}) if partner.delivery else {}
    token = {"token_env": known.token_env} if known.token_env else {}
    return _valid(HttpPush, **{**agreed, "form": "http_push", "url": url, **token})


# --- a folder, a server of SFTP


def _folder(partner: Signer, root: Path, stem: str) -> Trial:
    folders = _folders(partner)
    exchange = _valid(FolderExchange, form="folder", path=str(root), settle_s=0, **folders)
    shown = _Place(FolderPlace(root).opened, exchange.lists_to, stem)
    side = _Folder(root, {"from": exchange.files_from, "done": exchange.done_to, "reject": exchange.reject_to})
    return _exchanged(partner, exchange, shown, side)


def _sftp(partner: Signer, parts: SplitResult, known: Credentials, stem: str) -> Trial:
    agreed = partner.exchange if isinstance(partner.exchange, SftpExchange) else None
    host_key = known.host_key or (agreed.host_key if agreed else "")
    key_env = known.key_env or (agreed.key_env if agreed else "")
    if not host_key or not key_env:
        raise TrialRefused(
            "SFTP 须有 --host-key（对方公钥）与 --key-env（环境变量名，其值为私钥路径）"
            " / SFTP needs --host-key (its public key) and --key-env (the variable that holds the private key's path)"
        )
    address = {"host": parts.hostname or "", "port": parts.port or 22, "user": unquote(parts.username or "")}
    keys = {"host_key": host_key, "key_env": key_env, "path": parts.path}
    exchange = _valid(SftpExchange, form="sftp", **address, **keys, **_folders(partner))
    server = SftpServer(exchange.host, exchange.port, exchange.user, host_key, key_env, exchange.path)
    return _exchanged(partner, exchange, _Place(server.opened, exchange.lists_to, stem), None)


def _exchanged(partner: Signer, exchange: FolderExchange | SftpExchange, shown: _Place, side: _Folder | None) -> Trial:
    channel, box = exchange.channel(partner.code, Path()), exchange.box(partner.code, Path())
    return Trial(
        (_sending(partner, channel, shown.stem, shown),) if channel else (),
        (Collecting(f"{partner.code}/box", box, shown.stem, side),) if box else (),
    )


def _folders(partner: Signer) -> dict[str, Any]:
    """Return the folders that are agreed, or those of a home; and what a check's files are called."""
    agreed: Any = partner.exchange or HomeExchange(form="home", files=(_FILES,))
    named = {name: folder for name in _FOLDERS if (folder := getattr(agreed, name))}
    return named | ({"files": (_FILES,)} if agreed.files else {})


def _clear(root: Path, stem: str) -> None:
    """Take away what a check has laid."""
    for path in root.glob(f"**/*{stem}*"):
        path.unlink(missing_ok=True)


_M = TypeVar("_M", bound=BaseModel)


def _valid(model: type[_M], **values: Any) -> _M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(f"{fault.key}: {fault.problem}" for fault in faults_of("", error))
        raise TrialRefused(f"地址不可用：{faults} / the address cannot be used: {faults}") from None
