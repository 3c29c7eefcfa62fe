"""What an endpoint is: one row of the table from which router, permissions and the OpenAPI document are all made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict

from integration.domain.rights import Right

if TYPE_CHECKING:
    from integration.web.calls import Call


def _whole(value: object) -> object:
    """Take 44.0 for 44, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: An integer of a JSON body: neither a boolean nor a text.
JsonInt = Annotated[int, Strict(), BeforeValidator(_whole)]


class Model(BaseModel):
    """A request's model: nothing beside what it names, and no value in its errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True)
class Upload:
    """A body that is a file: streamed, of these media types and at most so many bytes."""

    media_types: tuple[str, ...]
    most_bytes: int
    #: What a JSON body holds; other files are described by their dialects.
    schema: Any = None


@dataclass(frozen=True)
class Form:
    """A body of ``application/x-www-form-urlencoded`` fields, each once."""

    most_bytes: int


@dataclass(frozen=True)
class Reply:
    """An answer: a value to be written as JSON, or bytes as they are."""

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    media_type: str = "application/json"
    #: What is kept in its place for a repetition, where it tells a secret.
    kept: Any = None


#: Answers a call: in a thread, where it may wait for the database.
Work = Callable[["Call"], Reply]
#: Answers a call on the loop, and may answer with a file.
AsyncWork = Callable[["Call"], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint of the API.

    ``right`` is what the caller must hold; None is for everybody. ``body`` is a model, an upload, or None. A ``write``
    takes an Idempotency-Key, and its first answer is given again for ever. ``reply`` is the type of what it answers,
    or None for bytes of the ``produces`` types. ``problems`` are the codes it may answer beside the common ones.
    """

    method: str
    path: str
    name: str
    tag: str
    summary: str
    work: Work | None = None
    stream: AsyncWork | None = None
    right: Right | None = None
    query: type[Model] | None = None
    body: type[Model] | Upload | Form | None = None
    reply: Any = None
    status: int = 200
    produces: tuple[str, ...] = ("application/json",)
    problems: tuple[str, ...] = ()
    write: bool = False
    #: A read that is asked with POST, because what it asks must stand in no address.
    ask: bool = False
    #: A read short enough for the loop where the database is SQLite, that depends on nothing but the database, the
    #: caller's party and language, and the address.
    quick: bool = False
    #: Answers of other statuses than ``status`` that are no problems: their types.
    others: Mapping[int, Any] = field(default_factory=dict)
    #: It takes Range, If-Range and If-None-Match.
    ranged: bool = False


#: Path parameters by name: the pattern they match, and their JSON type.
PARAMETERS: Final[Mapping[str, tuple[str, type]]] = {
    "number": (r"[1-9][0-9]{0,8}", int),
    "submission": (r"[1-9][0-9]{0,8}", int),
    "hold": (r"[1-9][0-9]{0,8}", int),
    "report": (r"[1-9][0-9]{0,8}", int),
    "finding": (r"[1-9][0-9]{0,8}", int),
    "file": (r"[1-9][0-9]{0,8}", int),
    "household": (r"[1-9][0-9]{0,8}", int),
    "n": (r"[0-9]{1,4}", int),
    "month": (r"20[0-9]{2}-(?:0[1-9]|1[0-2])", str),
    "company": (r"[a-z][a-z0-9_]{1,39}", str),
    "rendering": (r"[a-z]{1,20}", str),
    "code": (r"[A-Z_]{1,40}", str),
    "name": (r"[^/:\s]{1,60}", str),
    "client": (r"[A-Za-z0-9._-]{1,60}", str),
    "message": (r"[A-Za-z0-9._:-]{1,200}", str),
    "kind": (r"[a-z]{1,20}", str),
    "period": (r"20[0-9]{2}-[0-9]{2}(?:-[0-9]{2})?", str),
    "asset": (r"[a-z0-9-]{1,40}\.[a-z]{2,4}", str),
}


def routed(path: str) -> str:
    """Return a path as the router wants it: with the pattern of each parameter."""
    for name, (pattern, _) in PARAMETERS.items():
        path = path.replace(f"{{{name}}}", f"{{{name}:{pattern}}}")
    return path
