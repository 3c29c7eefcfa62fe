"""The key by which partners know the hub's SFTP door: a file beside the hub's other keys, and never in the database."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import asyncssh

from integration.storage.keys import KeysUnusable
from integration.storage.sealed_file import sync_folder


def host_key(path: Path) -> asyncssh.SSHKey:
    """Return the host key, Ed25519; it is made at the first start, readable by the hub alone.

    Raises:
        KeysUnusable: the file is damaged.
    """
    if not path.exists():
        _make(path)
    try:
        return asyncssh.read_private_key(path)
    except asyncssh.KeyImportError:
        raise KeysUnusable(f"{path} is damaged; restore it from the key backup") from None


def _make(path: Path) -> None:
    """Make a key that is there whole or not at all; another replica's, made at the same moment, counts as well."""
    made = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
