"""Everybody who may call, or may not: machines, persons of each role, and those who are not let in any more."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from sqlalchemy import insert

from integration.clock import now_us
from integration.domain.rights import ClientKind, Right, Role
from integration.jobs.hub import Hub
from integration.jobs.machine_access import issue_token
from integration.jobs.manage_clients import add_client, revoke_client
from integration.storage import sessions
from integration.storage.tables import users

AUDIENCE = "waiverhub"
#: Every kind of caller, with the rights that the matrix gives it (None: not let in at all).
MACHINES = {
    "water": (ClientKind.COMPANY, "city_water"),
    "gas": (ClientKind.COMPANY, "city_gas"),
    "bureau": (ClientKind.CIVIL_AFFAIRS, "civil_affairs"),
    "narrow": (ClientKind.COMPANY, "city_water"),
    "revoked": (ClientKind.COMPANY, "city_water"),
}
PERSONS = tuple(Role)
NOBODY = ("anonymous", "nonsense", "revoked", "expired", "disabled")
_keys = count(1)


def let_everybody_in(hub: Hub, path: Path) -> None:
    """Add every caller, and write down their tokens."""
    tokens = {"nonsense": "nonsense.of.nobody"}
    person(hub, "sec", Role.SECURITY_ADMIN)
    for name, (kind, party) in MACHINES.items():
        secret = add_client(hub, client_id=name, title=name, kind=kind, party=party, actor="sec")
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret or ""}
        form |= {"scope": str(Right.LISTS_OWN)} if name == "narrow" else {}
        tokens[name] = issue_token(hub, form, audience=AUDIENCE).access_token
    revoke_client(hub, "revoked", actor="sec")
    for role in PERSONS:
        tokens[role.value] = person(hub, role.value, role)
    tokens["supervisor2"] = person(hub, "supervisor2", Role.SUPERVISOR)
    tokens["disabled"] = person(hub, "disabled", Role.SUPERVISOR, disabled=1)
    tokens["distant"] = person(hub, "distant", Role.CLERK, districts='["999999"]')
    path.write_text(json.dumps(tokens))


def person(hub: Hub, name: str, role: Role, **more: Any) -> str:
    """Add a person without a password, and return the token of a session."""
    company = "city_water" if role is Role.COMPANY_OPERATOR else None
    row = {"name": name, "role": role.value, "password_hash": "-", "created_us": now_us(hub.clock), "company": company}
    with hub.store.write() as connection:
        connection.execute(insert(users).values(row | more))
        return sessions.open_session(connection, hub.clock, name)


class Caller:
    """Calls the door as whoever one names."""

    def __init__(self, client: TestClient, hub: Hub, tokens: Path) -> None:
        self.client = client
        self.hub = hub
        self.tokens: dict[str, str] = json.loads(tokens.read_text())

    async def __call__(
        self, method: str, path: str, who: str = "anonymous", *, headers: dict[str, str] | None = None, **more: Any
    ) -> ClientResponse:
        """Call; a write gets a key of its own unless one is given."""
        given = dict(headers or {})
        if who in self.tokens:
            given.setdefault("Authorization", f"Bearer {self.tokens[who]}")
        if method == "POST":
            given.setdefault("Idempotency-Key", f"key-{next(_keys)}")
        if "data" in more:
            given.setdefault("Content-Type", "application/octet-stream")
        return await self.client.request(method, path, headers=given, **more)

    async def json(self, method: str, path: str, who: str, status: int = 200, **more: Any) -> Any:
        """Call, check the status, and return what is said."""
        response = await self(method, path, who, **more)
        said = await response.text()
        assert response.status == status, said
        return json.loads(said)
