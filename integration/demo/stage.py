"""The folder in which the demo is played: what the partners send, the hub's own data, what it hands out."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from integration.app import compose
from integration.clock import SHANGHAI
from integration.domain.rights import Role
from integration.jobs.hub import Hub, Progress
from integration.settings import Settings, config_folder, packaged_config
from integration.storage.engine import Store, current_version
from integration.storage.keys import KeyRing, init_keys
from integration.storage.users import insert_user, new_user
from schemas.values import Month

#: The first month that the demo's hub computes; the story begins the month before.
FIRST_MONTH: Final = Month(2026, 10)
#: Who proposes and who decides, and who does what the clock does otherwise.
CLERK: Final = "demo-clerk"
SUPERVISOR: Final = "demo-supervisor"
SECURITY: Final = "demo-security"
ACTOR: Final = "demo"

_MARKER: Final = ".waiverhub-demo"
_MARKER_TEXT: Final = "waiverhub demo 1: everything in this folder is replaced by the next demo\n"


class DemoRefused(Exception):  # noqa: N818 - it names what happened
    """The demo may not be played here; the text says why and what to do."""


@dataclass(frozen=True)
class Folder:
    """The places in the demo's folder."""

    root: Path

    @property
    def files(self) -> Path:
        """What the partners send."""
        return self.root / "files"

    @property
    def var(self) -> Path:
        """The hub's own data: database and keys; ``WAIVERHUB_DATA_DIR`` of the commands to try."""
        return self.root / "var"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.var / "hub.sqlite"

    def password(self, name: str) -> Path:
        """The file of a person's password, for whoever owns the folder."""
        return self.var / f"{name}.password"

    @property
    def lists(self) -> Path:
        """The lists as the companies get them."""
        return self.root / "lists"

    @property
    def settlements(self) -> Path:
        """The settlements with their signatures."""
        return self.root / "settlements"

    def list_folder(self, company: str, number: int) -> Path:
        """Where one list stands."""
        return self.lists / company / f"{number:06d}"


class StoryClock:
    """The story's time: noon in Shanghai of each step's day, a minute later with every step."""

    def __init__(self) -> None:
        self._instant = datetime(2026, 9, 1, 4, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the instant, aware, UTC."""
        return self._instant

    def turn_to(self, day: date, minutes: int) -> None:
        """Set it to a day of the story."""
        noon = datetime.combine(day, time(12), SHANGHAI)
        self._instant = (noon + timedelta(minutes=minutes)).astimezone(UTC)


@dataclass(frozen=True)
class Stage:
    """Where the story is played: the folder, the hub in it, the hub's clock."""

    folder: Folder
    hub: Hub
    clock: StoryClock
    database_url: str | None


def cleared(root: Path) -> Folder:
    """Return the folder, empty but for its marker; an earlier demo in it is removed.

    Raises:
        DemoRefused: it holds anything else.
    """
    marker = root / _MARKER
    if root.exists() and not root.is_dir():
        raise DemoRefused(f"{root} 不是文件夹 / is not a folder; name another one")
    if root.exists() and any(root.iterdir()) and not marker.is_file():
        raise DemoRefused(
            f"{root} 不是空文件夹，且不是以前的演示所留，未作任何改动；请另指定一个文件夹"
            " / holds something that no earlier demo left; nothing was touched, name another folder"
        )
    folder = Folder(root)
    root.mkdir(parents=True, exist_ok=True)
    marker.write_text(_MARKER_TEXT, encoding="utf-8")
    for place in (folder.files, folder.var, folder.lists, folder.settlements):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
    return folder


@contextmanager
def opened(folder: Folder, database_url: str | None, progress: Progress) -> Iterator[Stage]:
    """Give a new hub in the folder, with keys, tables and two persons of its own.

    Raises:
        DemoRefused: the database named by its URL is in use, or other partners than the demo's are configured.
    """
    settings = _settings(folder, database_url)
    init_keys(settings.keys)
    store = Store.open(settings.url)
    try:
        store.migrate()
        clock = StoryClock()
        hub = compose(store, KeyRing.load(settings.keys), settings, clock=clock, progress=progress)
        _check_unused(store)
        _add_persons(hub, folder)
        yield Stage(folder, hub, clock, database_url)
    finally:
        store.close()


def _settings(folder: Folder, database_url: str | None) -> Settings:
    if config_folder() != packaged_config():
        raise DemoRefused(
            "演示只用随附的配置，请先取消 WAIVERHUB_CONFIG / the demo's partners stand in the shipped"
            " configuration: unset WAIVERHUB_CONFIG"
        )
    url = database_url or f"sqlite:///{folder.database.resolve()}"
    return Settings(  # type: ignore[call-arg]  # the rest stands in the shipped hub.toml
        data_dir=folder.var, database_url=url, keys_dir=str(folder.var / "keys"), registry_source="civil_affairs"
    )


def _check_unused(store: Store) -> None:
    with store.read() as connection:
        if current_version(connection):
            raise DemoRefused("该数据库已有数据，请指定空库 / this database is in use; name an empty one")


def _add_persons(hub: Hub, folder: Folder) -> None:
    """Add clerk, supervisor and security administrator; a password stands in a file that only its owner may read."""
    roles = {CLERK: Role.CLERK, SUPERVISOR: Role.SUPERVISOR, SECURITY: Role.SECURITY_ADMIN}
    for name, role in roles.items():
        password = secrets.token_urlsafe(12)
        new = new_user(name, role, password)
        with hub.store.write() as connection:
            insert_user(connection, hub.clock, new)
        file = os.open(folder.password(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as text:
            text.write(f"{password}\n")
