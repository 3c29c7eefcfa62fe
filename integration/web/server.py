"""The application: every endpoint on its route, and around all of them what every answer needs."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.metadata import version
from typing import Final

import structlog
from aiohttp import web

from integration.jobs.hub import Hub
from integration.web.api import ENDPOINTS
from integration.web.docs import add_docs
from integration.web.door import Door, Options
from integration.web.endpoints import Endpoint, routed
from integration.web.openapi import document
from integration.web.problems import MEDIA_TYPE, Problem, problem_of
from integration.web.reading import language_of

_log = structlog.get_logger(__name__)

DOOR: Final = web.AppKey("door", Door)

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Server": "waiverhub",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: What aiohttp refuses by itself, as our codes.
_OF_STATUS: Final = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 408: "TOO_SLOW", 413: "TOO_LARGE"}


def make_app(hub: Hub, options: Options) -> web.Application:
    """Return the application of a hub."""
    app = web.Application(middlewares=[around], client_max_size=1 << 20)
    app[DOOR] = door = Door.of(hub, options)
    for endpoint in ENDPOINTS:
        app.router.add_route(endpoint.method, routed(endpoint.path), partial(_answer, door, endpoint))
    add_docs(app, document(ENDPOINTS, version("waiverhub")))

    async def close(_app: web.Application) -> None:
        door.pool.shutdown(wait=True, cancel_futures=True)

    app.on_cleanup.append(close)
    return app


async def _answer(door: Door, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
    return await door.answer(endpoint, request)


# --- around every answer -------------------------------------------------------------------------------------------

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer; turn whatever goes wrong into a problem; count and log the call, without its address or its words."""
    door, loop_time = request.app[DOOR], asyncio.get_running_loop().time
    start = loop_time()
    try:
        response = await handler(request)
    except Exception as error:  # noqa: BLE001 - the last place there is
        response = _refusal(request, error)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    took = loop_time() - start
    route = _route(request)
    door.figures.count(request.method if route else "-", route or "unmatched", response.status, took)
    _log.info("call_answered", action=route or "unmatched", state=str(response.status), took_ms=round(took * 1000))
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def _refusal(request: web.Request, error: Exception) -> web.Response:
    problem, incident = problem_of(error), ""
    if problem is None and isinstance(error, web.HTTPException):
        problem = Problem(_OF_STATUS.get(error.status, "BAD_REQUEST"))
        if "Allow" in error.headers:
            problem.headers["Allow"] = error.headers["Allow"]
    if problem is None:
        problem, incident = Problem("INTERNAL"), secrets.token_hex(8)
        _log.error("call_failed", code=incident, exc_info=error)
    return refused(problem, language_of(request), incident)


def refused(problem: Problem, language: str, incident: str = "") -> web.Response:
    """Return a problem as it is sent."""
    headers = problem.headers | {"Content-Language": language}
    body = problem.body(language, incident)
    return web.Response(body=body, status=problem.status, headers=headers, content_type=MEDIA_TYPE)
