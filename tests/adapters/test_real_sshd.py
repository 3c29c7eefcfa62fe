"""What becomes of it when a server is not who it says, does not know the hub, hangs up, or says nothing any more."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from sshd import KEY_ENV, Line, Served, asyncssh_server, free_port, names, new_key

from adapters.base import Garbled, Refused, Unreachable
from adapters.channels import sftp
from adapters.channels.sftp import SftpServer

CONTENT = [b"K7F2Q9|00012345|3.000\n" * 10_000] * 10


def trouble(server: SftpServer, folder: str = "in") -> tuple[type[Exception], str]:
    with pytest.raises((Unreachable, Refused)) as caught, server.opened() as place:
        place.files(folder)
    return type(caught.value), caught.value.code


def test_a_server_with_another_key_is_not_spoken_to(served: Served, root: Path, tmp_path: Path) -> None:
    other = replace(served.at(root), host_key=new_key(tmp_path / "other"))
    assert trouble(other) == (Refused, "SSH_HOST_KEY")


def test_a_server_with_another_kind_of_key_is_not_either(served: Served, root: Path) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    assert trouble(replace(served.at(root), host_key=other)) == (Refused, "SSH_HOST_KEY")


def test_a_key_that_the_server_does_not_know_is_refused(
    served: Served, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_key(tmp_path / "stranger")
    monkeypatch.setenv(KEY_ENV, str(tmp_path / "stranger"))
    assert trouble(served.at(root)) == (Refused, "SSH_KEY_REFUSED")


def test_without_a_key_of_its_own_the_hub_does_not_even_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SftpServer("127.0.0.1", free_port(), "hub", new_key(tmp_path / "key"), KEY_ENV, "")
    (tmp_path / "nonsense").write_text("nonsense")
    for value in (None, "", "none", str(tmp_path), str(tmp_path / "nonsense")):
        monkeypatch.delenv(KEY_ENV, raising=False)
        if value is not None:
            monkeypatch.setenv(KEY_ENV, value)
        assert trouble(server) == (Refused, "NO_KEY")


def test_nothing_of_the_machines_user_counts(
    served: Served, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key and a host that ``~/.ssh`` or an agent would let in do not."""
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    (home / "id_ed25519").write_bytes(served.private_key.read_bytes())
    (home / "known_hosts").write_text(f"[127.0.0.1]:{served.port} {served.host_key}\n")
    (home / "config").write_text(f"Host *\n  IdentityFile {served.private_key}\n  HostName 192.0.2.1\n")
    monkeypatch.setenv("HOME", str(home.parent))
    new_key(tmp_path / "stranger")
    assert trouble(replace(served.at(root), host_key=new_key(tmp_path / "other"))) == (Refused, "SSH_HOST_KEY")
    monkeypatch.setenv(KEY_ENV, str(tmp_path / "stranger"))
    assert trouble(served.at(root)) == (Refused, "SSH_KEY_REFUSED")


def test_where_nobody_listens_it_is_unreachable(served: Served, root: Path) -> None:
    assert trouble(served.through(free_port()).at(root)) == (Unreachable, "SSH_NO_CONNECTION")


def test_a_folder_that_is_not_there_is_refused(served: Served, root: Path) -> None:
    assert trouble(served.at(root), "nowhere") == (Refused, "NOT_THERE")
    assert trouble(served.at(root / "nowhere")) == (Refused, "NOT_THERE")


def test_what_is_cut_off_in_the_middle_is_seen_by_nobody_and_goes_again(served: Served, line: Line, root: Path) -> None:
    line.cut_after = 800_000
    with pytest.raises(Unreachable, match="SSH_LOST"), served.through(line.port).at(root).opened() as place:
        place.write("in", "list.txt", CONTENT)
    assert [name[0] for name in names(root / "in")] == ["."]
    line.cut_after = None
    with served.through(line.port).at(root).opened() as place:
        assert place.files("in") == []
        place.write("in", "list.txt", CONTENT)
    assert (root / "in" / "list.txt").read_bytes() == b"".join(CONTENT)


def test_a_line_that_is_dead_is_noticed(
    served: Served, line: Line, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "_SILENCE_S", 0.1)
    line.dead_after = 800_000
    with pytest.raises(Unreachable, match="SSH_LOST"), served.through(line.port).at(root).opened() as place:
        place.write("in", "list.txt", CONTENT)


@contextmanager
def speaking(words: Callable[[socket.socket], object]) -> Iterator[int]:
    """Somebody who takes one call, and says what he says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            called, _ = listening.accept()
            with called, suppress(OSError):
                words(called)
                while called.recv(65_536):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("words", "becomes"),
    [
        (lambda _called: None, (Unreachable, "SSH_TIMEOUT")),
        (lambda called: called.shutdown(socket.SHUT_RDWR), (Unreachable, "SSH_LOST")),
        (lambda called: called.sendall(b"SSH-1.0-old\r\n"), (Garbled, "SSH_NONSENSE")),
        (lambda called: called.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 2000), (Garbled, "SSH_NONSENSE")),
    ],
)
def test_who_is_no_ssh_server_is_told_apart(
    words: Callable[[socket.socket], object],
    becomes: tuple[type[Exception], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = new_key(tmp_path / "key")
    monkeypatch.setenv(KEY_ENV, str(tmp_path / "key"))
    monkeypatch.setattr(sftp, "_CONNECT_S", 0.3)
    with speaking(words) as port:
        assert trouble(SftpServer("127.0.0.1", port, "hub", key, KEY_ENV, "")) == becomes


class Unwilling(asyncssh.SFTPServer):
    """A server that answers the listing of a folder by what that is called."""

    answers: dict[bytes, Any] = {  # noqa: RUF012 - the same for all
        b"forbidden": asyncssh.SFTPPermissionDenied("geheim"),
        b"broken": asyncssh.SFTPFailure("geheim"),
        b"unknown": asyncssh.SFTPOpUnsupported("geheim"),
        b"garbled": asyncssh.SFTPBadMessage("geheim"),
    }

    def listdir(self, path: bytes) -> list[asyncssh.SFTPName]:
        folder = os.path.basename(path)  # noqa: PTH119 - bytes
        if folder in self.answers:
            raise self.answers[folder]
        bare = asyncssh.SFTPAttrs(size=1, permissions=stat.S_IFREG)
        dated = asyncssh.SFTPAttrs(size=1, atime=1, mtime=1)
        whole = asyncssh.SFTPAttrs(size=1, atime=1, mtime=1, permissions=stat.S_IFREG)
        attributes = {b"bare": bare, b"typeless": dated}.get(folder, whole)
        return [asyncssh.SFTPName(b"a.txt", attrs=attributes)] * (101 if folder == b"endless" else 1)


def test_what_a_server_says_becomes_a_code_without_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp, "_MOST_FILES", 100)
    with asyncssh_server(tmp_path, Unwilling) as served:
        monkeypatch.setenv(KEY_ENV, str(served.private_key))
        found = {
            folder: trouble(served.at(tmp_path), folder)
            for folder in ("forbidden", "broken", "unknown", "garbled", "bare", "typeless", "endless")
        }
    assert found == {
        "forbidden": (Refused, "FORBIDDEN"),
        "broken": (Unreachable, "SFTP_FAILED"),
        "unknown": (Refused, "SFTP_UNSUPPORTED"),
        "garbled": (Garbled, "SFTP_NONSENSE"),
        "bare": (Garbled, "SFTP_NO_ATTRIBUTES"),
        "typeless": (Garbled, "SFTP_NO_ATTRIBUTES"),
        "endless": (Garbled, "TOO_MANY_FILES"),
    }


class Plain(asyncssh.SFTPServer):
    """A server without OpenSSH's extensions: it cannot be asked to write to its disk at once."""

    def fsync(self, file_obj: object) -> None:
        raise asyncssh.SFTPOpUnsupported("no such extension")


def test_a_server_that_can_do_less_is_enough(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with asyncssh_server(tmp_path, Plain) as served:
        monkeypatch.setenv(KEY_ENV, str(served.private_key))
        with served.at(root).opened() as place:
            place.write("in", "list.txt", CONTENT)
    assert names(root / "in") == ["list.txt"]


def test_a_server_without_sftp_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with asyncssh_server(tmp_path, None) as served:  # type: ignore[arg-type]
        monkeypatch.setenv(KEY_ENV, str(served.private_key))
        assert trouble(served.at(tmp_path)) == (Refused, "SSH_NO_SFTP")
