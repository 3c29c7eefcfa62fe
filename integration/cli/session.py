"""A command's session: settings, the open hub, and who is at the keyboard."""

from __future__ import annotations

import getpass
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from integration.app import check_configuration, open_hub
from integration.cli.exits import NotAllowed, Refused
from integration.cli.words import progress, say
from integration.domain.rights import Right, may, roles_with
from integration.jobs.hub import Hub
from integration.jobs.intake import Content
from integration.jobs.sign_in import Person, SignInRefused, identify
from integration.settings import Settings
from integration.storage import audit
from integration.storage.engine import Store
from schemas.configuration import ConfigFault, ConfigurationRefused
from schemas.values import Month

ActAs = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", help=say("以此用户身份（须验证密码）", "Act as this user; asks the password.")
    ),
]
Who = Annotated[
    str,
    typer.Option(
        "--as", metavar="NAME", help=say("以此用户身份（须验证密码）", "Act as this user; asks the password.")
    ),
]


def settings() -> Settings:
    """Return the checked settings, and speak their language unless another was asked for.

    Raises:
        ConfigurationRefused: with every fault.
    """
    found = check_configuration()
    if not found.url.startswith(("sqlite:///", "postgresql:", "postgresql+psycopg:")) or ":memory:" in found.url:
        fault = ConfigFault(
            "hub.toml or WAIVERHUB_*", "database_url", "is no database of ours", "sqlite:///FILE or postgresql://…"
        )
        raise ConfigurationRefused([fault])
    if found.language:
        os.environ["WAIVERHUB_LANGUAGE"] = found.language
    return found


def _present() -> Settings:
    """Return the settings of a hub that ``init`` has made; a lost database is never replaced by an empty one."""
    found = settings()
    path = Path(found.url.removeprefix("sqlite:///"))
    if found.url.startswith("sqlite") and found.keys.exists() and not path.exists():
        raise ConfigurationRefused(
            [
                ConfigFault(
                    "hub.toml or WAIVERHUB_*", "database_url", f"{path} is missing", "restore it, or: waiverhub init"
                )
            ]
        )
    return found


@contextmanager
def reading(*, as_json: bool = True) -> Iterator[Hub]:
    """Open the hub for reading; works beside a process that writes. Long work shows a bar unless ``as_json``."""
    with progress({}, as_json=as_json) as told, open_hub(_present(), writer=False, progress=told) as hub:
        yield hub


@contextmanager
def writing(totals: Mapping[str, int] | None = None, *, as_json: bool = False) -> Iterator[Hub]:
    """Open the hub for writing; what was done is in the audit tree, under a signed checkpoint, when this ends."""
    with progress(totals or {}, as_json=as_json) as told, open_hub(_present(), progress=told) as hub:
        yield hub
        audit.sequence(hub.store, hub.ring, hub.clock)


@contextmanager
def store_alone() -> Iterator[Store]:
    """Open the database for reading, without any secret key."""
    store = Store.open(_present().url, writer=False)
    try:
        yield store
    finally:
        store.close()


# --- who -------------------------------------------------------------------------------------------------------


def os_actor() -> str:
    """Return the operator as the system knows them; the environment's word for it does not count."""
    try:
        return f"os:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"os:{os.getuid()}"


def job_actor(hub: Hub, name: str | None, right: Right) -> str:
    """Return who starts a job that decides nothing: a known person with the right, or the operator's system user."""
    return os_actor() if name is None else authenticate(hub, name, right)


def authenticate(hub: Hub, name: str, right: Right) -> str:
    """Ask for a person's password (and code, where there is a second factor) and return their name.

    Raises:
        NotAllowed: unknown, wrong, locked, or without the right.
    """
    path = os.environ.get("WAIVERHUB_PASSWORD_FILE")
    password = private_line(Path(path)) if path else ask_secret(say(f"{name} 的密码", f"Password of {name}"))
    person = _identified(hub, name, password)
    if not may(person.role, right):
        allowed = ", ".join(roles_with(right))
        role = person.role
        raise NotAllowed(say(f"{name} 是 {role}；此事须由 {allowed} 办理", f"{name} is {role}; this takes: {allowed}"))
    return name


def _identified(hub: Hub, name: str, password: str) -> Person:
    prove = partial(identify, hub, name=name, password=password, address=os_actor())
    try:
        try:
            return prove(code=None)
        except SignInRefused as refused:
            if refused.code != "SECOND_FACTOR_NEEDED":
                raise
            return prove(code=ask_secret(say(f"{name} 的动态验证码", f"Code of {name}")))
    except SignInRefused as refused:
        raise NotAllowed(_refusal(refused)) from None


def _refusal(refused: SignInRefused) -> str:
    if refused.code == "LOCKED":
        wait = refused.retry_after_s
        return say(f"失败次数过多，请 {wait} 秒后再试", f"too many failures; try again in {wait} s")
    return say("用户名或密码不对", "unknown user or wrong password")


def ask_secret(prompt: str) -> str:
    """Read a line that must not be seen: hidden at a terminal, else the next line of stdin."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{prompt}: ")
    line = sys.stdin.readline()
    if not line:
        raise NotAllowed(say(f"缺少输入：{prompt}", f"nothing to read on stdin for: {prompt}"))
    return line.rstrip("\r\n")


def private_line(path: Path) -> str:
    """Return the first line of a file that its owner alone may read.

    Raises:
        Refused: others may read it.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Refused(
            say(f"{path} 对他人可读；请运行 chmod go= {path}", f"{path} is open to others; run: chmod go= {path}")
        )
    lines = path.read_text("utf-8").splitlines()
    return lines[0] if lines else ""


# --- arguments -------------------------------------------------------------------------------------------------


def file_option(chinese: str, english: str, *names: str) -> Any:
    """Return the option of a file that must be there."""
    return typer.Option(*names, exists=True, dir_okay=False, readable=True, help=say(chinese, english))


def month_parser(text: str) -> Month:
    """Return the month that a text names.

    Raises:
        typer.BadParameter: it names none.
    """
    try:
        return Month.parse(text)
    except ValueError:
        raise typer.BadParameter(say("月份写作 2026-11", "a month is written like 2026-11")) from None


MonthArgument = Annotated[Month, typer.Argument(parser=month_parser, metavar="MONTH", help="2026-11")]
MaybeMonth = Annotated[Month | None, typer.Argument(parser=month_parser, metavar="MONTH", help="2026-11")]
MonthOption = Annotated[Month | None, typer.Option("--month", parser=month_parser, metavar="MONTH", help="2026-11")]
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def known_company(hub: Hub, code: str) -> str:
    """Return the code of a configured company.

    Raises:
        typer.BadParameter: there is none; the text names those there are.
    """
    if code not in hub.companies:
        names = ", ".join(hub.companies)
        raise typer.BadParameter(say(f"没有公司 {code}；现有 {names}", f"no company {code}; there are: {names}"))
    return code


def content_of(path: Path) -> Content:
    """Return what opens a file from its start each time it is called."""

    def chunks() -> Iterable[bytes]:
        with path.open("rb") as file:
            yield from iter(partial(file.read, 1 << 20), b"")

    return chunks
