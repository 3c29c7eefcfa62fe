"""The OpenAPI 3.1 document, made from the very models that validate: nothing of it is written twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from pydantic.json_schema import models_json_schema

from integration.web.api import EXAMPLES
from integration.web.endpoints import PARAMETERS, Endpoint, Form, Upload
from integration.web.problems import KINDS, MEDIA_TYPE, ProblemBody

_REF: Final = "#/components/schemas/{name}"
_FORM: Final = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "scope": {"type": "string", "description": "权限，空格分隔；不写为全部 / Rights, parted by spaces; else all"},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
        "client_assertion": {"type": "string"},
        "client_assertion_type": {"type": "string"},
    },
}
#: Problems that any endpoint may answer; of writes and of authenticated ones there are more.
_COMMON: Final = ("BAD_REQUEST", "NOT_FOUND", "BAD_PARAMETER", "TOO_MANY", "INTERNAL", "BUSY", "METHOD_NOT_ALLOWED")
_BODY: Final = ("TOO_SLOW", "TOO_LARGE", "BAD_MEDIA_TYPE", "ENCODED", "NOT_AS_AGREED", "BAD_JSON")
_INSIDE: Final = ("NOT_AUTHENTICATED", "BAD_SIGNATURE", "NOT_ALLOWED", "TOO_MANY")
_WRITE: Final = ("MISSING_KEY", "KEY_REUSED", "CONFLICT", "REFUSED")


def document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """Return the document of these endpoints."""
    shapes, components = _shapes(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "低保水气减免对接中心 Fee-waiver hub",
            "version": version,
            "summary": "登记、名单、回盘、核对 / Registry, lists, reports, reconciliation",
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in endpoints)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "client": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": "/v1/token", "scopes": _scopes(endpoints)}},
                },
                "session": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _scopes(endpoints: Iterable[Endpoint]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in endpoints:
        if one.right is not None:
            found.setdefault(str(one.right), one.summary)
    return found


def _shapes(endpoints: Sequence[Endpoint]) -> tuple[dict[str, Mapping[str, Any]], dict[str, Any]]:
    """Return the schema of each reply and body by its name, and all components."""
    kinds = [kind for one in endpoints for kind in (one.reply, _schema_of(one.body), *one.others.values())]
    structs = {str(kind): kind for kind in kinds if kind is not None}
    structs[str(ProblemBody)] = ProblemBody
    found, components = msgspec.json.schema_components(structs.values(), ref_template=_REF)
    shapes: dict[str, Mapping[str, Any]] = dict(zip(structs, found, strict=True))
    models = {one.body for one in endpoints if isinstance(one.body, type)}
    ordered = sorted(models, key=lambda model: model.__name__)
    template = _REF.replace("name", "model")
    _, made = models_json_schema([(model, "validation") for model in ordered], ref_template=template)
    shapes |= {str(model): {"$ref": _REF.format(name=model.__name__)} for model in ordered}
    return shapes, dict(sorted((_ecma(components) | _ecma(made.get("$defs", {}))).items()))


def _schema_of(body: Any) -> Any:
    return body.schema if isinstance(body, Upload) else None


def _ecma(schema: Any) -> Any:
    r"""Return a schema whose patterns are JavaScript's: the end of a text is ``$`` there, and ``\Z`` a letter."""
    return json.loads(re.sub(r"\\\\Z", "$", json.dumps(schema)))


def _operation(one: Endpoint, shapes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "parameters": [*_path_parameters(one), *_query_parameters(one), *_headers(one)],
        "responses": {**_success(one, shapes), **_problems(one, shapes)},
    }
    if one.right is not None:
        made["security"] = [{"client": [str(one.right)]}, {"session": []}]
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": _content(one, shapes)}
    return made


def _path_parameters(one: Endpoint) -> list[dict[str, Any]]:
    return [_parameter(name, "path", _path_schema(name), required=True) for name in re.findall(r"{(\w+)}", one.path)]


def _path_schema(name: str) -> dict[str, Any]:
    pattern, kind = PARAMETERS[name]
    if kind is int:
        low, digits = (0, 4) if pattern.startswith("[0-9]") else (1, 9)
        return {"type": "integer", "minimum": low, "maximum": 10**digits - 1}
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def _query_parameters(one: Endpoint) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = _ecma(one.query.model_json_schema(ref_template=_REF.replace("name", "model")))
    required = schema.get("required", [])
    return [
        _parameter(name, "query", _inlined(part, schema), required=name in required)
        for name, part in schema["properties"].items()
    ]


def _inlined(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema without references and without null: what is absent is left out of an address."""
    options = [one for one in part.get("anyOf", [part]) if one.get("type") != "null"]
    made = {key: value for key, value in (options[0] | part).items() if key not in ("anyOf", "default", "title")}
    if "$ref" in made:
        made = schema["$defs"][made["$ref"].rpartition("/")[2]]
    return made if part.get("default") is None else made | {"default": part["default"]}


def _headers(one: Endpoint) -> list[dict[str, Any]]:
    found = [_parameter("Accept-Language", "header", {"type": "string", "examples": ["zh", "en"]}, required=False)]
    if one.write:
        key = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,100}$"}
        found.append(_parameter("Idempotency-Key", "header", key, required=True))
    if one.ranged:
        found += [_parameter(name, "header", {"type": "string"}, required=False) for name in ("Range", "If-None-Match")]
    return found


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _content(one: Endpoint, shapes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(one.body, Form):
        return {"application/x-www-form-urlencoded": {"schema": _FORM}}
    if isinstance(one.body, Upload):
        known = one.body.schema is not None
        schema = shapes[str(one.body.schema)] if known else {"type": "string", "format": "binary"}
        return {media: {"schema": schema} | _example(one) for media in one.body.media_types}
    return {"application/json": {"schema": shapes[str(one.body)]} | _example(one)}


def _example(one: Endpoint) -> dict[str, Any]:
    return {"example": EXAMPLES[one.name]} if one.name in EXAMPLES else {}


def _success(one: Endpoint, shapes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if one.reply is not None:
        content = {"application/json": {"schema": shapes[str(one.reply)]}}
    else:
        content = {media: {"schema": {"type": "string", "format": "binary"}} for media in one.produces}
    found: dict[str, Any] = {str(one.status): {"description": "成功 / done", "content": content}}
    if one.ranged:
        found["206"] = {"description": "所求的一段 / the part asked for", "content": content}
        found |= {code: {"description": text} for code, text in _CACHED.items()}
    return found


_CACHED: Final = {"304": "未变 / not modified", "416": "没有这一段 / there is no such part"}


def codes_of(one: Endpoint) -> set[str]:
    """Return every problem code that an endpoint may answer."""
    found = {*_COMMON, *one.problems}
    found |= set(_INSIDE) if one.right is not None else set()
    found |= set(_BODY) if one.body is not None else set()
    return found | (set(_WRITE) if one.write else set())


def _problems(one: Endpoint, shapes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes_of(one)):
        by_status.setdefault(KINDS[code].status, []).append(code)
    content = {MEDIA_TYPE: {"schema": shapes[str(ProblemBody)]}}
    found: dict[str, Any] = {
        str(status): {"description": "; ".join(f"{code}: {KINDS[code].title}" for code in codes), "content": content}
        for status, codes in sorted(by_status.items())
    }
    for status, reply in one.others.items():
        known = found.get(str(status), {"description": str(reply.__doc__), "content": {}})
        plain = {"application/json": {"schema": shapes[str(reply)]}}
        found[str(status)] = known | {"content": known["content"] | plain}
    return found
