"""Every route and every kind of caller, from the router itself; and nothing of another's, not even that it is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp import web
from callers import MACHINES, NOBODY, PERSONS, Caller

from integration.domain.rights import CLIENT_RIGHTS, ROLE_RIGHTS, Right
from integration.jobs.hub import Hub
from integration.web.api import ENDPOINTS
from integration.web.door import Options
from integration.web.endpoints import PARAMETERS, Endpoint
from integration.web.server import make_app

#: Routes that are no endpoints: the API's document and its page.
DOCUMENT = {
    "/v1/openapi.json", "/docs", "/docs/docs.js", "/docs/swagger_bundle.js", "/docs/swagger_preset.js",
    "/docs/swagger_style.css",
}  # fmt: skip
VALUES = {
    "month": "2026-10",
    "company": "city_water",
    "code": "NOT_FOUND",
    "name": "nobody",
    "client": "no-client",
    "period": "2026-10",
}


def path_of(endpoint: Endpoint) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        return VALUES.get(name, "1" if PARAMETERS[name][1] is int else "x")

    return re.sub(r"{(\w+)}", value, endpoint.path)


def rights_of(who: str) -> frozenset[Right]:
    if who == "narrow":
        return frozenset({Right.LISTS_OWN})
    if who in NOBODY:
        return frozenset()
    return CLIENT_RIGHTS[MACHINES[who][0]] if who in MACHINES else ROLE_RIGHTS[next(r for r in PERSONS if r == who)]


WHO = sorted({*MACHINES, *NOBODY, *(role.value for role in PERSONS)} - {"expired"})


def routes_of(app: web.Application) -> set[tuple[str, str]]:
    found = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    return {one for one in found if one[0] != "HEAD"}


LISTED = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} | {("GET", path) for path in DOCUMENT}


async def test_every_route_is_an_endpoint_of_the_list(api: Caller) -> None:
    assert routes_of(api.client.app) == LISTED  # type: ignore[arg-type]


def test_an_unlisted_route_would_be_found(city: Hub, tmp_path: Path) -> None:
    app = make_app(city, Options(folder=tmp_path / "service"))

    async def hidden(_request: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/v1/hidden", hidden)
    assert routes_of(app) - LISTED == {("GET", "/v1/hidden")}


def test_names_and_routes_are_given_once() -> None:
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}) == len(ENDPOINTS)


@pytest.mark.parametrize("who", WHO)
async def test_who_has_the_right_comes_in_and_nobody_else(api: Caller, who: str) -> None:
    for endpoint in ENDPOINTS:
        response = await api(endpoint.method, path_of(endpoint), who)
        said = (endpoint.name, who, response.status, (await response.read())[:300])
        if endpoint.right is None:
            assert response.status not in (401, 403) or endpoint.name in ("getToken", "openSession"), said
        elif who in NOBODY:
            assert response.status == 401, said
        elif endpoint.right in rights_of(who):
            assert response.status not in (401, 403), said
        else:
            assert response.status == 403, said
        assert response.status < 500, said
        if endpoint.name == "closeSession" and response.status == 200:
            break


async def test_an_expired_token_is_worth_nothing(api: Caller) -> None:
    assert (await api("GET", "/v1/lists", "water")).status == 200
    api.hub.clock.advance(minutes=6)
    assert (await api("GET", "/v1/lists", "water")).status == 401


@pytest.mark.parametrize(
    ("of_another", "of_nobody"),
    [
        ("/v1/reports/1", "/v1/reports/999999"),
        ("/v1/reports/1/rows", "/v1/reports/999999/rows"),
        ("/v1/findings/1", "/v1/findings/999999"),
        ("/v1/submissions/1", "/v1/submissions/999999"),
        ("/v1/submissions/1/rows", "/v1/submissions/999999/rows"),
        ("/v1/settlements/2026-10/0", "/v1/settlements/2026-10/77"),
    ],
)
async def test_anothers_object_and_none_are_one_answer(api: Caller, of_another: str, of_nobody: str) -> None:
    assert (await api("GET", of_another, "water")).status == 200  # it is there, for its own company
    answers = []
    for path in (of_another, of_nobody):
        response = await api("GET", path, "gas")
        headers = {name: value for name, value in response.headers.items() if name != "Date"}
        answers.append((response.status, headers, await response.read()))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


async def test_a_clerk_of_another_district_sees_no_household_of_this_one(api: Caller) -> None:
    path = "/v1/office/households/1/months/2026-10"
    assert (await api("GET", path, "clerk")).status == 200
    assert (await api("GET", path, "distant")).status == 404
    assert await api.json("GET", "/v1/office/findings", "distant") == []
    assert await api.json("GET", "/v1/office/findings", "clerk") != []
