"""Coming in over HTTP: tokens, sessions, signatures; and leaving at once when a right is taken away."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from callers import Caller
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from integration.clock import now_us
from integration.domain.rights import ClientKind, Role
from integration.jobs.hub import Hub
from integration.jobs.manage_access import add_user
from integration.jobs.manage_clients import add_client, revoke_client
from integration.storage.tables import audit
from integration.web.door import Options
from integration.web.server import make_app
from integration.web.signatures import sign_request

FORM = {"grant_type": "client_credentials"}
PASSWORD = "right horse battery"


async def test_a_secret_is_changed_for_a_short_token(api: Caller) -> None:
    secret = add_client(api.hub, client_id="new", title="x", kind=ClientKind.COMPANY, party="city_water", actor="sec")
    form = FORM | {"client_id": "new", "client_secret": secret, "scope": "lists:own"}
    got = await (await api.client.post("/v1/token", data=form)).json()
    assert (got["token_type"], got["expires_in"], got["scope"]) == ("Bearer", 300, "lists:own")
    api.tokens["new"] = got["access_token"]
    assert (await api("GET", "/v1/lists", "new")).status == 200
    assert (await api("GET", "/v1/findings", "new")).status == 403
    revoke_client(api.hub, "new", actor="sec")
    assert (await api("GET", "/v1/lists", "new")).status == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        (FORM | {"client_id": "water", "client_secret": "wrong"}, 401, "invalid_client"),
        (FORM | {"client_id": "nobody", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
    ],
)
async def test_a_refused_token_speaks_as_the_standard_says(
    api: Caller, form: dict[str, str], status: int, error: str
) -> None:
    response = await api.client.post("/v1/token", data=form)
    said = await response.json(content_type=None)
    assert (response.status, said["error"], response.headers["Cache-Control"]) == (status, error, "no-store")


async def test_a_person_logs_in_acts_and_logs_out(api: Caller) -> None:
    add_user(api.hub, name="wang", role=Role.CLERK, password=PASSWORD, actor="sec")
    got = await api.json("POST", "/v1/sessions", "anonymous", 201, json={"name": "wang", "password": PASSWORD})
    api.tokens["wang"] = got["token"]
    who = await api.json("GET", "/v1/sessions/current", "wang")
    assert (who["name"], "business:see" in who["rights"]) == ("wang", True)
    assert (await api("DELETE", "/v1/sessions/current", "wang")).status == 200
    assert (await api("GET", "/v1/sessions/current", "wang")).status == 401


async def test_a_session_ends_by_idleness(api: Caller) -> None:
    api.hub.clock.advance(minutes=16)
    assert (await api("GET", "/v1/office/status", "clerk")).status == 401


async def test_guessing_a_password_is_stopped_with_a_time_to_wait(api: Caller) -> None:
    said = {"name": "clerk", "password": "wrong guess"}
    answers = [await api("POST", "/v1/sessions", json=said) for _ in range(6)]
    assert [one.status for one in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 800


async def test_a_role_taken_away_is_gone_at_the_next_call(api: Caller) -> None:
    assert (await api("GET", "/v1/office/status", "clerk")).status == 200
    await api.json("POST", "/v1/admin/users/clerk/disabling", "security_admin", json={})
    assert (await api("GET", "/v1/office/status", "clerk")).status == 401


# --- signatures ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def signer(api: Caller) -> Ed25519PrivateKey:
    """The key of the client "signing", which must sign all that it sends."""
    key = Ed25519PrivateKey.generate()
    raw = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": raw, "kid": "k1"}
    kind = ClientKind.COMPANY
    add_client(
        api.hub, client_id="signing", title="x", kind=kind, party="city_water", must_sign=True, jwk=jwk, actor="sec"
    )
    api.tokens["signing"] = token_of(api, key)
    return key


def token_of(api: Caller, key: Ed25519PrivateKey) -> str:
    from joserfc import jwt
    from joserfc.jwk import OKPKey

    from integration.jobs.machine_access import issue_token

    now = now_us(api.hub.clock) // 1_000_000
    claims = {"iss": "signing", "sub": "signing", "aud": "waiverhub", "exp": now + 60, "jti": secrets.token_hex(8)}
    own = OKPKey.import_key(key, {"kid": "k1"})
    assertion = jwt.encode({"alg": "Ed25519", "kid": "k1"}, claims, own, algorithms=["Ed25519"])
    form = FORM | {
        "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    return issue_token(api.hub, form, audience="waiverhub").access_token


def signed(api: Caller, key: Ed25519PrivateKey, method: str, path: str, body: bytes | None = None, **more: Any):
    url = str(api.client.make_url(path))
    created = now_us(api.hub.clock) // 1_000_000
    given = {"created": created, "nonce": secrets.token_urlsafe(16), "key_id": "k1"} | more
    digest = None if body is None else hashlib.sha256(body).digest()
    return sign_request(method, url, key=key, body_sha256=digest, **given)


async def test_who_must_sign_comes_in_signed_and_not_otherwise(api: Caller, signer: Ed25519PrivateKey) -> None:
    assert (await api("GET", "/v1/lists", "signing")).status == 401
    assert (await api("GET", "/v1/lists", "signing", headers=signed(api, signer, "GET", "/v1/lists"))).status == 200


async def test_a_signed_request_is_taken_once_there_and_then(api: Caller, signer: Ed25519PrivateKey) -> None:
    headers = signed(api, signer, "GET", "/v1/lists")
    assert (await api("GET", "/v1/lists", "signing", headers=headers)).status == 200
    for path in ("/v1/lists", "/v1/lists?after=1", "/v1/findings"):
        assert (await api("GET", path, "signing", headers=headers)).status == 401
    old = signed(api, signer, "GET", "/v1/lists", created=now_us(api.hub.clock) // 1_000_000 - 400)
    assert (await api("GET", "/v1/lists", "signing", headers=old)).status == 401
    other = signed(api, Ed25519PrivateKey.generate(), "GET", "/v1/lists")
    assert (await api("GET", "/v1/lists", "signing", headers=other)).status == 401


async def test_a_body_that_is_not_the_signed_one_leaves_nothing(api: Caller, signer: Ed25519PrivateKey) -> None:
    before = await api.json("GET", "/v1/submissions", "water")
    headers = signed(api, signer, "POST", "/v1/reports", b"one")
    assert (await api("POST", "/v1/reports", "signing", data=b"two", headers=headers)).status == 401
    assert await api.json("GET", "/v1/submissions", "water") == before
    headers = signed(api, signer, "POST", "/v1/reports", b"one")
    assert (await api("POST", "/v1/reports", "signing", data=b"one", headers=headers)).status == 202


# --- the counter's question, and limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "benefit", "answer"),
    [("A1", "water", "yes"), ("A1", "gas", None), ("nobody", "water", "ask_the_office")],
)
async def test_the_counter_gets_one_word_and_the_audit_keeps_no_number(
    api: Caller, number: str, benefit: str, answer: str | None
) -> None:
    said = {"issuer": "市局", "kind": "dibao", "number": number, "benefit": benefit}
    if answer is None:
        await api.json("POST", "/v1/certificates/questions", "water", 403, json=said)
        return
    got = await api.json("POST", "/v1/certificates/questions", "water", json=said)
    assert got == {"answer": answer, "day": "2026-11-05"}
    with api.hub.store.read() as connection:
        row = connection.execute(select(audit).where(audit.c.action == "certificate_asked")).one()
    assert number not in row.detail + row.subject


@pytest.mark.parametrize(("behind_proxy", "refused"), [(False, True), (True, False)])
async def test_addresses_are_limited_unless_a_proxy_hides_them(
    city: Hub, tmp_path, behind_proxy: bool, refused: bool
) -> None:
    options = Options(folder=tmp_path / "service", rate_per_s=1, burst=2, behind_proxy=behind_proxy)
    async with TestClient(TestServer(make_app(city, options))) as client:
        answers = [await client.get("/healthz") for _ in range(12)]
    assert (429 in {one.status for one in answers}) == refused


async def test_whoever_asks_too_often_is_told_when_to_come_again(city: Hub, filled, tmp_path) -> None:
    options = Options(folder=tmp_path / "service", rate_per_s=1, burst=3)
    async with TestClient(TestServer(make_app(city, options))) as client:
        api = Caller(client, city, filled / "tokens.json")
        answers = [await api("GET", "/v1/lists", "water") for _ in range(5)]
        assert [one.status for one in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert (await api("GET", "/v1/lists", "gas")).status == 200  # another's haste holds nobody up
