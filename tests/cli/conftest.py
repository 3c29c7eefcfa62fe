"""A hub filled through the command itself, once a session; a test that changes it works on a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hub_shell import FIRST, PASSWORD, Shell

from integration.app import open_hub
from integration.cli import session
from integration.demo import Step, build_city, write_story
from schemas.values import Month


@pytest.fixture(scope="session", autouse=True)
def november() -> Iterator[None]:
    """The commands' clock stands on the day on which December is computed, whenever the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        instant = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
        patch.setattr(session, "open_hub", partial(open_hub, clock=lambda: instant))
        yield


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """The steps of a small city; the first four are its rosters and its registry."""
    return write_story(build_city(7, 200, 600, Month.parse(FIRST)), tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def filled(story: list[Step], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a hub with people, one month computed and published."""
    shell = Shell(tmp_path_factory.mktemp("hub") / "data")
    shell("init")
    shell("user", "add", "sec", "--role", "security_admin", typed=f"{PASSWORD}\n")
    for name, role in (("wang", "clerk"), ("li", "supervisor"), ("zhao", "supervisor")):
        shell("user", "add", name, "--role", role, "--as", "sec", typed=f"{PASSWORD}\n{PASSWORD}\n")
    for step in story[:3]:
        shell("roster", "import", step.company, step.path)
    shell("registry", "import", story[3].path)
    shell("link")
    shell("run", FIRST)
    shell("publish", FIRST)
    return shell.data


@pytest.fixture(scope="session")
def looking(filled: Path) -> Shell:
    """The filled hub, for commands that change nothing."""
    return Shell(filled)


@pytest.fixture
def shell(filled: Path, tmp_path: Path) -> Shell:
    """A copy of the filled hub, of this test's own."""
    return Shell(Path(shutil.copytree(filled, tmp_path / "data")))


@pytest.fixture(scope="session")
def exported_once(looking: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    looking("list", "export", "city_water", 1, "--to", folder)
    return folder


@pytest.fixture
def exported(exported_once: Path, tmp_path: Path) -> Path:
    """An exported list in a folder of this test's own."""
    return Path(shutil.copytree(exported_once, tmp_path / "exported"))
