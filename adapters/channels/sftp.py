"""A folder on a partner's SFTP server as a place where files are exchanged; version 3 of the protocol is enough.

Nothing of the machine's user counts: no agent, no known hosts, no configuration of his. The server is who has the
pinned key, and the hub is who has the private key in the one file.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar, cast

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN
from asyncssh.public_key import get_default_public_key_algs

from adapters.base import Garbled, Refused, Unreachable
from adapters.channels.place import (
    FORBIDDEN,
    NAME_TAKEN,
    NO_FILE,
    NOT_THERE,
    PIECE_BYTES,
    Lying,
    checked,
    hidden_name,
)
from schemas.file_names import is_file_name

_T = TypeVar("_T")

_CONNECT_S: Final = 30
_ANSWER_S: Final = 60
#: A peer that is silent for three times as long is dead, whatever the network says of the connection.
_SILENCE_S: Final = 10
#: In a folder with more, nobody takes away what is done.
_MOST_FILES: Final = 20_000
_NOT_THERE: Final = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)

#: What each trouble means; the first that fits counts.
_MEANINGS: Final[tuple[tuple[type[Exception], type[Unreachable | Refused], str], ...]] = (
    (asyncssh.HostKeyNotVerifiable, Refused, "SSH_HOST_KEY"),
    (asyncssh.PermissionDenied, Refused, "SSH_KEY_REFUSED"),
    (asyncssh.KeyExchangeFailed, Refused, "SSH_NO_COMMON_WAY"),
    (asyncssh.ChannelOpenError, Refused, "SSH_NO_SFTP"),
    (asyncssh.ProtocolError, Garbled, "SSH_NONSENSE"),
    (asyncssh.ProtocolNotSupported, Garbled, "SSH_NONSENSE"),
    (asyncssh.MACError, Garbled, "SSH_NONSENSE"),
    (asyncssh.CompressionError, Garbled, "SSH_NONSENSE"),
    (asyncssh.SFTPNoSuchFile, Refused, NOT_THERE),
    (asyncssh.SFTPNoSuchPath, Refused, NOT_THERE),
    (asyncssh.SFTPPermissionDenied, Refused, FORBIDDEN),
    (asyncssh.SFTPWriteProtect, Refused, FORBIDDEN),
    (asyncssh.SFTPFileAlreadyExists, Refused, NAME_TAKEN),
    (asyncssh.SFTPOpUnsupported, Refused, "SFTP_UNSUPPORTED"),
    (asyncssh.SFTPBadMessage, Garbled, "SFTP_NONSENSE"),
    (asyncssh.SFTPConnectionLost, Unreachable, "SSH_LOST"),
    (asyncssh.SFTPNoConnection, Unreachable, "SSH_LOST"),
    (asyncssh.SFTPError, Unreachable, "SFTP_FAILED"),
    (asyncssh.Error, Unreachable, "SSH_LOST"),
    (TimeoutError, Unreachable, "SSH_TIMEOUT"),
    (ConnectionRefusedError, Unreachable, "SSH_NO_CONNECTION"),
    (ConnectionError, Unreachable, "SSH_LOST"),
    (OSError, Unreachable, "SSH_NO_CONNECTION"),
)


def is_public_key(line: str) -> bool:
    """Tell whether a line is a public key as ``ssh-keyscan`` and ``*.pub`` have it."""
    try:
        asyncssh.import_public_key(line)
    except asyncssh.KeyImportError:
        return False
    return True


@dataclass(frozen=True)
class SftpServer:
    """A server, and the folder on it that the others lie in (empty: the one that a login begins in).

    ``host_key`` is its public key, ``key_env`` the variable of the environment with the path of the hub's private key.
    """

    host: str
    port: int
    user: str
    host_key: str
    key_env: str
    path: str

    @contextmanager
    def opened(self) -> Iterator[SftpPlace]:
        """Go there, with a connection and an event loop of one's own; whoever calls has no loop that runs."""
        asyncssh.set_log_level("WARNING")  # below that it tells of users and files by name
        with _told(), asyncio.Runner() as runner:
            wait = _Patience(runner)
            connection = wait(self._connected(self._private_key()))
            try:
                yield SftpPlace(wait(connection.start_sftp_client()), wait, self.path)
            finally:
                connection.abort()
                wait(connection.wait_closed())

    def _private_key(self) -> asyncssh.SSHKey:
        try:
            return asyncssh.read_private_key(os.environ[self.key_env])
        except (KeyError, OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise Refused("NO_KEY") from None

    async def _connected(self, key: asyncssh.SSHKey) -> asyncssh.SSHClientConnection:
        pinned = asyncssh.import_public_key(self.host_key)
        # Other kinds of keys are spoken after it: a server that has none of its kind any more is then told by its key.
        kinds = dict.fromkeys((*pinned.sig_algorithms, *get_default_public_key_algs()))
        return await asyncssh.connect(
            self.host,
            self.port,
            username=self.user,
            client_keys=[key],
            known_hosts=([pinned], [], []),
            server_host_key_algs=[kind.decode() for kind in kinds],
            x509_trusted_certs=None,
            config=None,
            agent_path=None,
            preferred_auth="publickey",
            connect_timeout=_CONNECT_S,
            login_timeout=_CONNECT_S,
            keepalive_interval=_SILENCE_S,
            keepalive_count_max=3,
        )


class _Patience:
    """Waits for what a server answers, but not for ever."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def __call__(self, answer: Awaitable[_T]) -> _T:
        return self._runner.run(_in_time(answer))


async def _in_time(answer: Awaitable[_T]) -> _T:
    async with asyncio.timeout(_ANSWER_S):
        return await answer


class SftpPlace:
    """A ``Place`` on a server, for as long as the connection lasts."""

    def __init__(self, client: asyncssh.SFTPClient, wait: _Patience, path: str) -> None:
        self._client = client
        self._wait = wait
        self._path = path

    def files(self, folder: str) -> Sequence[Lying]:
        """Return the files of a folder."""
        return self._wait(_files(self._client, posixpath.join(self._path, folder)))

    def find(self, folder: str, name: str) -> Lying | None:
        """Return a file; None if there is none of that name."""
        found = self._attributes(self._at(folder, checked(name)))
        return None if found is None else _lying(name, found)

    def read(self, folder: str, name: str) -> Iterator[bytes]:
        """Read a file as far as it goes."""
        path = self._at(folder, checked(name))
        found = self._attributes(path)
        if found is not None and found.type != FILEXFER_TYPE_REGULAR:
            raise Refused(NO_FILE)
        file = self._wait(self._client.open(path, "rb"))
        try:
            offset = 0
            while piece := self._wait(file.read(PIECE_BYTES, offset)):
                offset += len(piece)
                yield cast("bytes", piece)  # for it is opened as such
        finally:
            self._wait(file.close())

    def write(self, folder: str, name: str, content: Iterable[bytes]) -> None:
        """Lay a file that is seen as a whole or not at all."""
        hidden = self._at(folder, hidden_name(name))
        try:
            self._fill(hidden, content)
            self._rename(hidden, self._at(folder, name))
        except BaseException:
            with suppress(asyncssh.Error, OSError):
                self._wait(self._client.remove(hidden))
            raise

    def move(self, folder: str, name: str, to_folder: str, to_name: str) -> None:
        """Move a file at once, under a name that is free."""
        source, target = self._at(folder, checked(name)), self._at(to_folder, checked(to_name))
        if self._attributes(source) is None and self._attributes(target) is not None:
            return
        self._rename(source, target)

    def _at(self, folder: str, name: str) -> str:
        return posixpath.join(self._path, folder, name)

    def _attributes(self, path: str) -> asyncssh.SFTPAttrs | None:
        """Return what lies at a path, following no link; None if nothing does."""
        try:
            return self._wait(self._client.lstat(path))
        except _NOT_THERE:
            return None

    def _fill(self, path: str, content: Iterable[bytes]) -> None:
        file = self._wait(self._client.open(path, "xb"))
        try:
            for piece in _pieces(content):
                self._wait(file.write(piece))
            with suppress(asyncssh.SFTPOpUnsupported):  # an extension of OpenSSH's
                self._wait(file.fsync())
        finally:
            self._wait(file.close())

    def _rename(self, path: str, to: str) -> None:
        """Rename to a path that is free: the plain request, for OpenSSH's posix-rename would take a file's place."""
        if self._attributes(to) is not None:
            raise Refused(NAME_TAKEN)
        self._wait(self._client.rename(path, to))


async def _files(client: asyncssh.SFTPClient, folder: str) -> Sequence[Lying]:
    """List a folder as bytes: one name that is no UTF-8 would otherwise hide all others."""
    found = []
    looked_at = 0
    async for entry in client.scandir(folder.encode()):
        looked_at += 1
        if looked_at > _MOST_FILES:
            raise Garbled("TOO_MANY_FILES")
        name = os.fsencode(entry.filename).decode("ascii", "replace")
        if is_file_name(name):
            found.append(_lying(name, entry.attrs))
    return sorted(lying for lying in found if lying is not None)


def _lying(name: str, attributes: asyncssh.SFTPAttrs) -> Lying | None:
    size, modified_s = attributes.size, attributes.mtime
    if size is None or modified_s is None or attributes.type == FILEXFER_TYPE_UNKNOWN:
        raise Garbled("SFTP_NO_ATTRIBUTES")
    return Lying(name, size, int(modified_s)) if attributes.type == FILEXFER_TYPE_REGULAR else None


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces: each one waits for an answer from far away."""
    joined = bytearray()
    for piece in content:
        joined += piece
        if len(joined) >= PIECE_BYTES:
            yield bytes(joined)
            joined.clear()
    yield bytes(joined)


@contextmanager
def _told() -> Iterator[None]:
    """Tell what the library says in the words of channels."""
    try:
        yield
    except (asyncssh.Error, OSError) as error:
        raise _meaning(error) from None


def _meaning(error: Exception) -> Unreachable | Refused:
    return next(kind(code) for type_, kind, code in _MEANINGS if isinstance(error, type_))
