"""The API's document, and the page that shows it; every file of the page comes from here."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

_OWN: Final = Path(__file__).with_name("static")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'"
)
_MEDIA: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
#: Swagger UI as the library ships it; the package itself is never imported, for it reads megabytes at once.
_SWAGGER: Final = ("swagger_bundle.js", "swagger_preset.js", "swagger_style.css")


def add_docs(app: web.Application, document: dict[str, Any]) -> None:
    """Serve the document at /v1/openapi.json and its page at /docs."""
    raw = msgspec.json.encode(document)
    app.router.add_get("/v1/openapi.json", partial(_bytes, raw, "application/json"))
    app.router.add_get("/docs", partial(_file, _OWN / "docs.html"))
    for path in (_OWN / "docs.js", *(_library() / name for name in _SWAGGER)):
        app.router.add_get(f"/docs/{path.name}", partial(_file, path))


def _library() -> Path:
    spec = find_spec("offapi")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("offapi")
    return Path(spec.submodule_search_locations[0])


async def _bytes(content: bytes, media_type: str, _request: web.Request) -> web.Response:
    return web.Response(body=content, content_type=media_type)


async def _file(path: Path, _request: web.Request) -> web.FileResponse:
    headers = {"Content-Type": f"{_MEDIA[path.suffix]}; charset=utf-8", "Content-Security-Policy": _POLICY}
    return web.FileResponse(path, headers=headers)
