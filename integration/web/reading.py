"""Reading what a call says: its language, its key, its parameters, its body. Nothing is taken that is not as agreed."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import ValidationError

from integration.web import strict_json
from integration.web.endpoints import Endpoint, Form, Model, Upload
from integration.web.problems import Problem
from schemas.faults import Fault

Body = type[Model] | Upload | Form

_KEY: Final = re.compile(r"[\x21-\x7e]{1,100}\Z")
_JSON_MOST: Final = 1 << 20


def language_of(request: web.Request) -> str:
    """Return zh or en: whichever ``Accept-Language`` weighs more, zh where it says nothing."""
    weights = {"zh": 0.0, "en": 0.0}
    for part in request.headers.get("Accept-Language", "").split(","):
        name, _, rest = part.strip().partition(";")
        quality = re.fullmatch(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", rest)
        primary = name.partition("-")[0].lower()
        if primary in weights:
            weights[primary] = max(weights[primary], float(quality[1]) if quality else 1.0)
    return "en" if weights["en"] > weights["zh"] else "zh"


def key_of(endpoint: Endpoint, request: web.Request) -> str:
    """Return a write's Idempotency-Key.

    Raises:
        Problem: it has none.
    """
    key = request.headers.get("Idempotency-Key", "")
    if endpoint.write and not _KEY.match(key):
        raise Problem("MISSING_KEY")
    return key


def query_of(endpoint: Endpoint, request: web.Request) -> Model | None:
    """Return the parameters of the address.

    Raises:
        Problem: they are not as agreed.
    """
    given = request.query
    if len(set(given)) != len(given):
        raise Problem("BAD_PARAMETER", "参数重复 / a parameter stands there twice")
    if endpoint.query is None:
        if given:
            raise Problem("BAD_PARAMETER", "此地址不带参数 / this address takes no parameters")
        return None
    try:
        return endpoint.query.model_validate(dict(given))
    except ValidationError as error:
        raise Problem("BAD_PARAMETER", errors=_faults(error)) from None


def _taken(body: Body) -> tuple[str, ...]:
    if isinstance(body, Upload):
        return body.media_types
    return ("application/x-www-form-urlencoded",) if isinstance(body, Form) else ("application/json",)


def check_headers(request: web.Request, body: Body) -> int:
    """Look at what the headers say of a body, and return how many bytes it may have.

    Raises:
        Problem: it is not taken.
    """
    most = body.most_bytes if isinstance(body, Upload | Form) else _JSON_MOST
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("ENCODED")
    taken = _taken(body)
    if request.content_type not in taken:
        raise Problem("BAD_MEDIA_TYPE", f"可用：{', '.join(taken)} / taken: {', '.join(taken)}")
    if (request.content_length or 0) > most:
        raise Problem("TOO_LARGE", f"上限 {most:,} 字节 / the limit is {most:,} bytes")
    return most


def body_of(body: type[Model] | Form, raw: bytes) -> Model | dict[str, str]:
    """Return what a body says.

    Raises:
        Problem: it is not strict JSON, not a form, or not as agreed.
    """
    return _fields(raw) if isinstance(body, Form) else _model(body, raw)


def _fields(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except (ValueError, UnicodeDecodeError):
        raise Problem("NOT_AS_AGREED", "表单格式不对 / this is no form") from None
    if len(dict(pairs)) != len(pairs):
        raise Problem("NOT_AS_AGREED", "字段重复 / a field stands there twice")
    return dict(pairs)


def _model(model: type[Model], raw: bytes) -> Model:
    try:
        strict_json.loads(raw)
        return model.model_validate_json(raw)
    except strict_json.NotStrict as error:
        raise Problem("BAD_JSON", f"{error}") from None
    except ValidationError as error:
        raise Problem("NOT_AS_AGREED", errors=_faults(error)) from None


_REMEDY: Final = "该栏不合约定，请更正 / this is not as agreed; see the API's document and correct it"
_REMEDIES: Final = {
    "missing": "缺少该栏，请补上 / it is missing; add it",
    "extra_forbidden": "没有此栏，请删去或改正拼写 / there is no such field; take it out or mend its spelling",
}


def _faults(error: ValidationError) -> list[Fault]:
    """Return every fault with its place, and never the value that stands there."""
    return [
        Fault(0, ".".join(map(str, one["loc"])), one["type"].upper(), _REMEDIES.get(one["type"], _REMEDY))
        for one in error.errors(include_input=False, include_url=False)
    ]
