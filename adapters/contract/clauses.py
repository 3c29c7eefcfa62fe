"""What a clause is, how it is tried, and what comes of it.

A clause needs capabilities. Where its subject lacks one the clause is skipped and says which is missing; a partner is
never named in a clause.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from traceback import extract_tb
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from adapters.base import Refused, Unreachable


class Capability(StrEnum):
    """What a partner, one kind of its files, or the other end of a way can do."""

    REGISTRY = "registry"
    ROSTER = "roster"
    ALIASES = "aliases"
    REPORTS = "reports"
    CASES = "cases"
    WORKERS = "workers"
    LISTS = "lists"
    FULL_ROLL = "full_roll"
    CHANGES = "changes"
    DELIMITED = "delimited"
    FIXED_WIDTH = "fixed_width"
    XLSX = "xlsx"
    XML = "xml"
    JSON = "json"
    HTTP_PUSH = "http_push"
    SFTP = "sftp"
    FOLDER = "folder"
    HOME = "home"
    PULLS = "pulls"
    BOX = "box"
    TOTALS = "totals"
    PRICES = "prices"

    FILE = "file"
    TABLE = "table"
    TRAILER = "trailer"
    HEADED = "headed"
    HEAD_FIELDS = "head_fields"
    TEXT = "text"
    NAMES = "names"
    ANSWERS = "answers"
    DECIMALS = "decimals"
    AMOUNT_TOTALS = "amount_totals"
    WIDTHS = "widths"
    SAMPLE = "sample"
    GOLDEN = "golden"

    SHOWS = "shows"
    OBEYS = "obeys"
    HTTP = "http"
    FILES = "files"
    STRANGER = "stranger"
    NOWHERE = "nowhere"
    TOKENLESS = "tokenless"
    ASKED = "asked"
    BODIES = "bodies"
    LAYS = "lays"


#: What each capability is called in a report.
WORDS: Final[dict[Capability, str]] = {
    Capability.REGISTRY: "民政登记 / the registry",
    Capability.ROSTER: "用户档案 / a roster",
    Capability.ALIASES: "换号 / renumberings",
    Capability.REPORTS: "回盘 / reports",
    Capability.CASES: "报装案件 / project cases",
    Capability.WORKERS: "困难职工 / workers in hardship",
    Capability.LISTS: "名单自有格式 / a form of its own for lists",
    Capability.FULL_ROLL: "全量名单 / lists of everybody",
    Capability.CHANGES: "变更名单 / lists of changes only",
    Capability.DELIMITED: "分隔文本 / delimited text",
    Capability.FIXED_WIDTH: "定长文本 / fixed width",
    Capability.XLSX: "电子表格 / spreadsheets",
    Capability.XML: "XML 文件 / XML",
    Capability.JSON: "JSON 文件 / JSON",
    Capability.HTTP_PUSH: "推送到其接口 / pushed to its own API",
    Capability.SFTP: "经SFTP / SFTP",
    Capability.FOLDER: "共享文件夹 / a shared folder",
    Capability.HOME: "枢纽内信箱 / a home at the hub",
    Capability.PULLS: "自行取名单 / fetches lists itself",
    Capability.BOX: "由枢纽收取文件 / has files collected",
    Capability.TOTALS: "合计核对 / totals that are checked",
    Capability.PRICES: "价格 / prices",
    Capability.FILE: "可读的文件 / a file to read",
    Capability.TABLE: "以表声明的格式 / a form declared as a table",
    Capability.TRAILER: "尾行 / a trailer",
    Capability.HEADED: "标明来源的首行 / a first line that says whose the file is",
    Capability.HEAD_FIELDS: "首行含字段 / a first line with fields",
    Capability.TEXT: "有编码的文本 / text in an encoding",
    Capability.NAMES: "文字栏 / a column of words",
    Capability.ANSWERS: "约定的结果码 / agreed answer codes",
    Capability.DECIMALS: "金额或数量栏 / columns of amounts or quantities",
    Capability.AMOUNT_TOTALS: "金额合计 / a total of amounts",
    Capability.WIDTHS: "约定位数的户号 / account numbers of an agreed width",
    Capability.SAMPLE: "对方的样例文件 / a file of the partner's",
    Capability.GOLDEN: "样例的标准答案 / what the file must mean",
    Capability.SHOWS: "对端可查看 / another end that shows what lies there",
    Capability.OBEYS: "对端可操控 / another end that answers as it is told",
    Capability.HTTP: "经HTTP收发 / HTTP",
    Capability.FILES: "以文件交换 / files among files",
    Capability.STRANGER: "对端不认识的密钥 / a credential that the other end does not know",
    Capability.NOWHERE: "无人应答的地址 / an address where nobody answers",
    Capability.TOKENLESS: "缺令牌的配置 / a configuration whose token is missing",
    Capability.ASKED: "可查询是否收到的对端 / another end that can be asked what it has",
    Capability.BODIES: "约定的答复正文 / answers in an agreed body",
    Capability.LAYS: "可试放文件的信箱 / a box into which a file may be laid",
}


class Broken(Exception):  # noqa: N818 - it names what happened to the clause
    """A clause does not hold: why, and what to do; both written ``中文 / English``, without content of any row."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Subject(Protocol):
    """What signs: one kind of a partner's files, its form of lists, a channel, a box."""

    @property
    def name(self) -> str:
        """What it is called in a report, ``city_water/report`` say."""
        ...

    @property
    def can(self) -> frozenset[Capability]:
        """What it can do."""
        ...


S = TypeVar("S", bound=Subject)
T = TypeVar("T")


@dataclass(frozen=True)
class Clause(Generic[S]):
    """One promise: ``run`` returns if the subject keeps it, and raises ``Broken`` if not."""

    name: str
    needs: frozenset[Capability]
    meaning: str
    run: Callable[[S], None]


def clause(chinese: str, *needs: Capability) -> Callable[[Callable[[S], None]], Clause[S]]:
    """Make a clause of a function; its docstring is what it means in English."""

    def made(run: Callable[[S], None]) -> Clause[S]:
        english = (run.__doc__ or "").partition("\n")[0].rstrip(".")
        return Clause(run.__name__, frozenset(needs), f"{chinese} / {english}", run)

    return made


def there(found: T | None) -> T:
    """Return what a subject has; a clause may use only what it needs.

    Raises:
        TypeError: the subject has none.
    """
    if found is None:
        raise TypeError("a clause uses what it does not need")
    return found


@contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what is logged meanwhile."""
    listener, root = _Listener(), logging.getLogger()
    root.addHandler(listener)
    try:
        yield listener.lines
    finally:
        root.removeHandler(listener)


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(self.format(record))


class State(StrEnum):
    """What came of a clause."""

    PASSED = "passed"
    BROKEN = "broken"
    SKIPPED = "skipped"


class Verdict(NamedTuple):
    """What came of one clause with one subject; ``missing`` are the capabilities for want of which it was skipped."""

    subject: str
    clause: str
    meaning: str
    state: State
    reason: str = ""
    remedy: str = ""
    missing: tuple[Capability, ...] = ()


def tried(one: Clause[S], subject: S) -> Verdict:
    """Try a clause; whatever a subject raises is its own fault, and told by class and place alone."""
    verdict = Verdict(subject.name, one.name, one.meaning, State.PASSED)
    missing = tuple(sorted(one.needs - subject.can))
    if missing:
        return verdict._replace(state=State.SKIPPED, missing=missing)
    try:
        one.run(subject)
    except Broken as broken:
        return verdict._replace(state=State.BROKEN, reason=broken.reason, remedy=broken.remedy)
    except (Unreachable, Refused) as error:
        return verdict._replace(state=State.BROKEN, reason=f"{error.code} / {error.code}", remedy=_LOOK_THERE)
    except Exception as error:  # noqa: BLE001 - its text may quote a person, and is not told
        return verdict._replace(state=State.BROKEN, reason=_unforeseen(error), remedy=_OWN_ERRORS)
    return verdict


_LOOK_THERE: Final = (
    "核对地址、文件夹、密钥与权限 / check the address, the folders, the keys and what may be done there"
)
_OWN_ERRORS: Final = (
    "读写只可抛出 FileRefused，通道只可抛出 Unreachable、Refused、Garbled"
    " / readers and writers raise FileRefused, channels Unreachable, Refused or Garbled, and nothing else"
)


def _unforeseen(error: Exception) -> str:
    last = extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__} ({PurePath(last.filename).name}:{last.lineno})"
    return f"抛出未约定的错误 {what} / an error that nobody agreed on: {what}"
