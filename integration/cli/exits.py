"""How commands end: one table of exit codes, and every expected error as a clear text with its remedy."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from integration.cli.words import err, say, side


class Exit(IntEnum):
    """What an exit code means; ``integration.cli`` and ``--help`` show the same table."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    HELD = 3
    CONFIGURATION = 4
    BUSY = 5
    NOT_ALLOWED = 6
    STORAGE = 7
    INTERNAL = 70


class Refused(Exception):  # noqa: N818 - it names what happened
    """A command refuses by itself; the text says why and what to do."""


class NotAllowed(Exception):  # noqa: N818 - it names what happened
    """The person is not known, or may not do this."""


def meanings() -> dict[Exit, str]:
    """Return what each exit code means."""
    return {
        Exit.DONE: say("完成", "done"),
        Exit.REFUSED: say("被拒绝或发现问题", "refused, or a fault was found"),
        Exit.USAGE: say("命令用法有误", "the command was used wrongly"),
        Exit.HELD: say("已暂存，须两人决定", "held: two persons must decide"),
        Exit.CONFIGURATION: say("配置或密钥不可用", "configuration or keys cannot be used"),
        Exit.BUSY: say("数据库正被另一进程写入", "busy: another process writes to this database"),
        Exit.NOT_ALLOWED: say("身份未通过或无权限", "not allowed: wrong password, or not for this role"),
        Exit.STORAGE: say("数据库拒绝", "the database refused"),
        Exit.INTERNAL: say("本程序内部错误", "a fault of the hub itself"),
    }


def epilog() -> str:
    """Return the table as ``--help`` ends with it."""
    rows = [f"{code.value}: {meaning}" for code, meaning in meanings().items()]
    return "\n\n".join([say("退出码", "Exit codes"), *rows])


def leave(code: Exit) -> None:
    """End the command with a code, if it is not the plain one."""
    if code is not Exit.DONE:
        raise typer.Exit(code)


class HubGroup(TyperGroup):
    """The program's root: no error leaves it as a traceback, and none with data in it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; tell an error in words and end with its code."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, EOFError, KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - the last place there is
            code, lines = told(error)
        for line in lines:
            err().print(line, soft_wrap=True, style="red" if code is Exit.INTERNAL else None)
        raise typer.Exit(code)


def told(error: Exception) -> tuple[Exit, list[str]]:
    """Return how an error ends the command, and what is said of it."""
    from integration.storage.errors import StorageError
    from integration.storage.submissions import MessageConflict
    from schemas.configuration import ConfigurationRefused

    if isinstance(error, ConfigurationRefused):
        count = len(error.faults)
        return Exit.CONFIGURATION, [say(f"配置有 {count} 处错误：", f"{count} faults of configuration:"), *_each(error)]
    if isinstance(error, StorageError):
        return _storage(error)
    if isinstance(error, MessageConflict):
        return Exit.REFUSED, [_conflict(error.original)]
    code = next((code for code, kinds in _expected().items() if isinstance(error, kinds)), None)
    return (Exit.INTERNAL, _internal(error)) if code is None else (code, [_text(error)])


def _each(error: Any) -> list[str]:
    return [f"  {fault}" for fault in error.faults]


def _expected() -> dict[Exit, tuple[type[Exception], ...]]:
    from integration.jobs.compute_month import MonthRefused, TotalsDisagree
    from integration.jobs.erase_household import EraseRefused
    from integration.jobs.explain import ExplainRefused
    from integration.jobs.link_evidence import LinkRefused
    from integration.jobs.publish import ListRefused
    from integration.storage.holds import HoldRefused
    from integration.storage.keys import KeysUnusable
    from integration.storage.pii import Unreadable
    from integration.storage.submissions import ContentGone
    from integration.storage.users import UserRefused
    from schemas.faults import FileRefused

    refused = (
        Refused,
        UserRefused,
        ExplainRefused,
        ContentGone,
        Unreadable,
        OSError,
        FileRefused,
        MonthRefused,
        TotalsDisagree,
        LinkRefused,
        ListRefused,
        HoldRefused,
        EraseRefused,
    )
    return {
        Exit.NOT_ALLOWED: (NotAllowed,),
        Exit.CONFIGURATION: (KeysUnusable,),
        Exit.REFUSED: (*refused, *_undecided()),
    }


def _undecided() -> tuple[type[Exception], ...]:
    """Return the refusals of what is decided after the lists: reports, settlements, cases, scores."""
    from integration.jobs.allowances import BalanceBroken
    from integration.jobs.cases import CaseRefused
    from integration.jobs.decide import DecisionRefused
    from integration.jobs.sample_bills import SampleRefused
    from integration.jobs.scorecard import ScorecardRefused
    from integration.jobs.settle import SettlementRefused
    from integration.jobs.variances import VarianceRefused

    return (
        BalanceBroken,
        CaseRefused,
        DecisionRefused,
        SampleRefused,
        ScorecardRefused,
        SettlementRefused,
        VarianceRefused,
    )


def _text(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or type(error).__name__}: {error.filename or '-'}"
    return side(str(error))


def _conflict(original: int) -> str:
    return say(
        f"该报文编号已用于报送 {original}，内容不同；请换新编号重报（waiverhub registry show {original}）",
        f"this message id was used for submission {original}, which had other content; send it again under a new id"
        f" (see: waiverhub registry show {original})",
    )


def _storage(error: Any) -> tuple[Exit, list[str]]:
    if error.code in ("STORE_BUSY", "LOCK_TIMEOUT", "DEADLOCK", "CONFLICT"):
        busy = say(
            "数据库正被另一进程写入；请先停止它，或稍后再试",
            "another process writes to this database; stop it (or let it do the work), then try again",
        )
        return Exit.BUSY, [busy]
    remedy = say("未做任何更改；请检查数据库", "nothing was changed; look at the database")
    if str(error).find("no such table") >= 0 or error.code == "42P01":
        remedy = say("请先运行 waiverhub init", "first run: waiverhub init")
    return Exit.STORAGE, [f"{say('数据库拒绝', 'the database refused')}: {error}; {remedy}"]


def _internal(error: Exception) -> list[str]:
    """Tell class and place alone: an unforeseen text may quote a person."""
    from integration.logs import without_text

    line = without_text(None, "", {"exc_info": error})
    fault = say("本程序内部错误，请把下一行告知维护者：", "a fault of the hub itself; tell its makers the next line:")
    return [fault, f"  {line['error']} at {line['error_at']}"]
