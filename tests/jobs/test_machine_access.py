"""Machines: how each gets its token, everything that must not get one, and that what is on file holds at every call."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from counting import calls_counted, work_of
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey
from sqlalchemy import select, update

from integration.clock import now_us
from integration.domain.rights import CLIENT_RIGHTS, ClientKind, Right, Role
from integration.jobs.hub import Hub
from integration.jobs.machine_access import (
    IssuedToken,
    Machine,
    TokenInvalid,
    TokenRefused,
    issue_token,
    machine_by_certificate,
    machine_of,
    note_nonce,
    signing_keys,
)
from integration.jobs.manage_access import AccessRefused
from integration.jobs.manage_clients import add_client, list_clients, revoke_client, rotate_client
from integration.storage import clients, users
from integration.storage.tables import audit, metadata
from integration.storage.tables import clients as clients_table

AUDIENCE = "https://hub.example/v1"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALL = " ".join(sorted(CLIENT_RIGHTS[ClientKind.COMPANY]))
KEYS: dict[str, Callable[[], OKPKey | ECKey]] = {
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "ES256": lambda: ECKey.generate_key("P-256"),
}


@pytest.fixture(autouse=True)
def manager(request: pytest.FixtureRequest) -> None:
    """Let ``sec`` be there, who manages access."""
    hub = request.getfixturevalue("hub" if "hub" in request.fixturenames else "sqlite_hub")
    with hub.store.write() as connection:
        users.insert_user(connection, hub.clock, users.NewUser("sec", Role.SECURITY_ADMIN, "no hash"))


def water(hub: Hub, client_id: str = "water-1", **more: Any) -> str:
    """Add a machine of the water company; return its secret, '' if it has none."""
    given = {"title": "自来水", "kind": ClientKind.COMPANY, "party": "city_water", "actor": "sec", **more}
    return add_client(hub, client_id=client_id, **given) or ""


def ask(hub: Hub, secret: str, client_id: str = "water-1", certificate: str | None = None, **form: str) -> IssuedToken:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret, **form}
    return issue_token(hub, form, audience=AUDIENCE, certificate_sha256=certificate)


def refused(ask_for: Callable[[], object]) -> str:
    with pytest.raises(TokenRefused) as refusal:
        ask_for()
    assert " / " in refusal.value.description
    return refusal.value.error


def enter(hub: Hub, token: str, certificate: str | None = None, audience: str = AUDIENCE) -> Machine:
    with hub.store.read() as connection:
        return machine_of(hub, connection, token, audience=audience, certificate_sha256=certificate)


def invalid(hub: Hub, token: str, certificate: str | None = None, audience: str = AUDIENCE) -> str:
    with pytest.raises(TokenInvalid) as found:
        enter(hub, token, certificate, audience)
    return found.value.code


def assertion(
    hub: Hub, key: OKPKey | ECKey | OctKey, alg: str, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    now_s = now_us(hub.clock) // 1_000_000
    usual = {"iss": "water-1", "sub": "water-1", "aud": AUDIENCE, "exp": now_s + 60, "jti": secrets.token_hex(8)}
    said = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode({"alg": alg, **(header or {})}, said, key, algorithms=[alg])


def ask_signed(hub: Hub, signed: str, **form: str) -> IssuedToken:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION, "client_assertion": signed, **form}
    return issue_token(hub, form, audience=AUDIENCE)


def public(key: OKPKey | ECKey, **more: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), **more}


def certificate(hub: Hub, days: int = 365) -> tuple[str, str]:
    """Return a certificate as PEM, and the SHA-256 of its DER."""
    key, now = Ed25519PrivateKey.generate(), hub.clock()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "water-1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = (
        builder.not_valid_before(now - timedelta(days=400)).not_valid_after(now + timedelta(days=days)).sign(key, None)
    )
    return made.public_bytes(Encoding.PEM).decode(), made.fingerprint(SHA256()).hex()


# --- by secret -----------------------------------------------------------------------------------------------------


def test_a_secret_gets_a_token_for_five_minutes_and_the_token_its_machine(hub: Hub, clock) -> None:
    issued = ask(hub, water(hub))
    assert (issued.token_type, issued.expires_in, issued.scope) == ("Bearer", 300, ALL)
    rights = CLIENT_RIGHTS[ClientKind.COMPANY]
    machine = Machine("water-1", ClientKind.COMPANY, "city_water", rights, must_sign=False, must_tls=False)
    assert enter(hub, issued.access_token) == machine
    clock.advance(seconds=299)
    assert enter(hub, issued.access_token) == machine
    clock.advance(seconds=1)
    assert invalid(hub, issued.access_token) == "EXPIRED"


def test_the_token_says_what_rfc_9068_asks_and_nothing_of_the_secret(sqlite_hub: Hub) -> None:
    secret = water(sqlite_hub)
    token = ask(sqlite_hub, secret, scope="lists:own").access_token
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    assert header == {"alg": "Ed25519", "typ": "at+jwt", "kid": sqlite_hub.ring.tokens.key_id}
    assert set(claims) == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "epoch"}
    assert (claims["iss"], claims["sub"], claims["exp"] - claims["iat"]) == (AUDIENCE, "water-1", 300)
    with sqlite_hub.store.read() as connection:
        kept = str([connection.execute(select(table)).all() for table in metadata.sorted_tables])
    assert secret not in kept
    assert token not in kept


def test_a_secret_in_the_header_does_as_well_and_two_ways_at_once_do_not(hub: Hub) -> None:
    secret = water(hub)
    form = {"grant_type": "client_credentials"}
    assert issue_token(hub, form, audience=AUDIENCE, basic=("water-1", secret)).scope == ALL
    both = form | {"client_id": "water-1", "client_secret": secret}
    assert refused(lambda: issue_token(hub, both, audience=AUDIENCE, basic=("water-1", secret))) == "invalid_request"
    other = form | {"client_id": "gas-1"}
    assert refused(lambda: issue_token(hub, other, audience=AUDIENCE, basic=("water-1", secret))) == "invalid_client"


def test_a_grant_that_is_no_client_credentials_is_refused(sqlite_hub: Hub) -> None:
    secret = water(sqlite_hub)
    assert refused(lambda: ask(sqlite_hub, secret, grant_type="password")) == "unsupported_grant_type"
    assert refused(lambda: issue_token(sqlite_hub, {}, audience=AUDIENCE)) == "invalid_request"
    nobody = {"grant_type": "client_credentials"}
    assert refused(lambda: issue_token(sqlite_hub, nobody, audience=AUDIENCE)) == "invalid_client"


def test_the_unknown_the_wrong_and_the_revoked_are_one_answer_after_the_same_work(hub: Hub) -> None:
    water(hub)
    gone = water(hub, "water-2")
    revoke_client(hub, "water-2", actor="sec")
    tries = (("water-1", "wrong"), ("nobody", "wrong"), ("water-2", gone))
    seen = [work_of(lambda given=given: ask(hub, given[1], given[0])) for given in tries]
    assert seen[0] == seen[1] == seen[2]
    assert len([step for step in seen[0] if step.startswith("SELECT")]) == 2
    with calls_counted("compare_digest") as compared:
        for client_id, secret in tries:
            refused(lambda client_id=client_id, secret=secret: ask(hub, secret, client_id))
    assert len(compared) == len(tries)
    assert {refused(lambda given=given: ask(hub, given[1], given[0])) for given in tries} == {"invalid_client"}
    for odd in ("\x00", "\ud800", "", "水"):
        assert refused(lambda odd=odd: ask(hub, odd, odd)) == "invalid_client"


def test_a_scope_is_what_was_asked_for_and_never_beyond_the_machines_rights(hub: Hub) -> None:
    secret = water(hub, rights=[Right.LISTS_OWN, Right.REPORTS_SEND])
    issued = ask(hub, secret, scope="lists:own lists:own")
    assert issued.scope == "lists:own"
    assert enter(hub, issued.access_token).rights == {Right.LISTS_OWN}
    assert ask(hub, secret).scope == "lists:own reports:send"
    for scope in ("rosters:send", "lists:own holds:decide", "no:such", "LISTS:OWN"):
        assert refused(lambda scope=scope: ask(hub, secret, scope=scope)) == "invalid_scope"


# --- by signed assertion -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", KEYS)
def test_a_signed_assertion_gets_a_token_once(hub: Hub, alg: str) -> None:
    key = KEYS[alg]()
    assert water(hub, jwk=public(key)) == ""
    signed = assertion(hub, key, alg)
    assert enter(hub, ask_signed(hub, signed).access_token).client_id == "water-1"
    assert refused(lambda: ask_signed(hub, signed)) == "invalid_client"
    listed = assertion(hub, key, alg, aud=["https://other.example", AUDIENCE], header={"kid": key.thumbprint()})
    assert ask_signed(hub, listed, client_id="water-1").scope == ALL


def test_of_two_replicas_one_takes_an_assertion(hub: Hub) -> None:
    key = KEYS["Ed25519"]()
    water(hub, jwk=public(key))
    signed = assertion(hub, key, "Ed25519")

    def once(_n: int) -> str:
        try:
            return ask_signed(hub, signed).token_type
        except TokenRefused as refusal:
            return refusal.error

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(once, range(2))) == ["Bearer", "invalid_client"]


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "gas-1"},
        {"sub": "gas-1"},
        {"iss": "nobody", "sub": "nobody"},
        {"aud": "https://other.example"},
        {"aud": []},
        {"aud": None},
        {"exp": -31},
        {"exp": 331},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 31},
        {"nbf": 31},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 201},
        {"jti": 5},
    ],
    ids=str,
)
def test_an_assertion_that_claims_something_else_is_refused(sqlite_hub: Hub, claims: dict[str, Any]) -> None:
    key = KEYS["Ed25519"]()
    water(sqlite_hub, jwk=public(key))
    now_s = now_us(sqlite_hub.clock) // 1_000_000
    said = {n: now_s + v if n in ("exp", "iat", "nbf") and isinstance(v, int) else v for n, v in claims.items()}
    signed = assertion(sqlite_hub, key, "Ed25519", **said)
    assert refused(lambda: ask_signed(sqlite_hub, signed)) == "invalid_client"
    assert ask_signed(sqlite_hub, assertion(sqlite_hub, key, "Ed25519", iat=now_s)).scope == ALL


def _unsigned(header: object, payload: object) -> str:
    parts = (header, payload)
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts) + "."


def test_an_algorithm_of_the_senders_choice_opens_nothing(hub: Hub) -> None:
    key, other = KEYS["Ed25519"](), KEYS["ES256"]()
    water(hub, jwk=public(key))
    claims = {"iss": "water-1", "sub": "water-1", "aud": AUDIENCE, "jti": "1"}
    claims["exp"] = now_us(hub.clock) // 1_000_000 + 60
    # the public key as the secret of an HMAC: whoever lets the header choose would take it
    known = [json.dumps(public(key)).encode(), base64.urlsafe_b64decode(public(key)["x"] + "==")]
    forged = [assertion(hub, OctKey.import_key(one), "HS256") for one in known]
    forged += [_unsigned({"alg": alg}, claims) for alg in ("none", "None", "", 5, [], {}, None)]
    forged += [assertion(hub, other, "ES256"), assertion(hub, KEYS["Ed25519"](), "Ed25519")]
    good = assertion(hub, key, "Ed25519")
    forged += [good[:-4], good + ".x", "", "a.b", "\ud800", "." * 9_000, good.replace(".", "..", 1), "é.é.é"]
    forged += [
        _unsigned(one, claims)
        for one in ([], 5, None, {"alg": "Ed25519", "crit": ["x"]}, {"alg": "Ed25519", "crit": 5})
    ]
    assert {refused(lambda one=one: ask_signed(hub, one)) for one in forged} == {"invalid_client"}
    assert ask_signed(hub, good).scope == ALL


def test_a_forged_assertion_does_not_use_up_the_id_of_the_right_one(sqlite_hub: Hub) -> None:
    key = KEYS["Ed25519"]()
    water(sqlite_hub, jwk=public(key))
    forged = assertion(sqlite_hub, KEYS["Ed25519"](), "Ed25519", jti="same")
    assert refused(lambda: ask_signed(sqlite_hub, forged)) == "invalid_client"
    assert ask_signed(sqlite_hub, assertion(sqlite_hub, key, "Ed25519", jti="same")).scope == ALL


def test_an_assertion_of_another_kind_is_an_invalid_request(sqlite_hub: Hub) -> None:
    form = {"grant_type": "client_credentials", "client_assertion": "x", "client_assertion_type": "saml"}
    assert refused(lambda: issue_token(sqlite_hub, form, audience=AUDIENCE)) == "invalid_request"


def test_an_unknown_machines_assertion_is_verified_like_a_known_ones(sqlite_hub: Hub) -> None:
    water(sqlite_hub, jwk=public(KEYS["Ed25519"]()))
    stranger = KEYS["Ed25519"]()
    counts, work = [], []
    for name in ("first", "water-1", "nobody"):
        signed = assertion(sqlite_hub, stranger, "Ed25519", iss=name, sub=name)
        with calls_counted("verify") as verified:
            refused(lambda signed=signed: ask_signed(sqlite_hub, signed))
        counts.append(len(verified))
        work.append(work_of(lambda signed=signed: ask_signed(sqlite_hub, signed)))
    assert counts[1:] == [1, 1]
    assert work[1] == work[2]


# --- checking a token ----------------------------------------------------------------------------------------------


def test_a_token_is_worth_nothing_elsewhere_or_changed(hub: Hub, key_folder) -> None:
    token = ask(hub, water(hub)).access_token
    head, body, signature = token.split(".")
    more = base64.urlsafe_b64encode(base64.urlsafe_b64decode(body + "==").replace(b"water-1", b"water-2")).decode()
    assert invalid(hub, token, audience="https://other.example") == "AUDIENCE"
    changed = (f"{head}.{more}.{signature}", f"{head}.{body}.", f"{head}.{body}", "", "x", "\ud800", "." * 5_000)
    assert {invalid(hub, one) for one in changed} == {"SIGNATURE"}
    assert enter(hub, token).client_id == "water-1"


def test_what_is_signed_otherwise_is_no_token(sqlite_hub: Hub) -> None:
    water(sqlite_hub)
    now_s = now_us(sqlite_hub.clock) // 1_000_000
    claims = {"iss": AUDIENCE, "aud": AUDIENCE, "sub": "water-1", "exp": now_s + 60, "scope": ALL, "epoch": 1}
    own = OKPKey.import_key(sqlite_hub.ring.tokens.private)
    lists = OKPKey.import_key(sqlite_hub.ring.lists.private)
    secret = OctKey.import_key(sqlite_hub.ring.tokens.public_pem.replace(b"-----", b""))

    def signed(key: Any, alg: str = "Ed25519", typ: str = "at+jwt", **more: Any) -> str:
        return jwt.encode({"alg": alg, "typ": typ}, claims | more, key, algorithms=[alg])

    assert enter(sqlite_hub, signed(own)).client_id == "water-1"
    forged = [
        signed(lists),
        signed(secret, "HS256"),
        signed(own, typ="JWT"),
        signed(own, exp="x"),
        signed(own, epoch=None),
    ]
    forged.append(_unsigned({"alg": "none", "typ": "at+jwt"}, claims))
    forged += [
        _unsigned(one, claims) for one in ([], 5, None, {}, {"alg": []}, {"alg": "Ed25519", "kid": [], "crit": 5})
    ]
    forged += [_unsigned({"alg": "Ed25519", "typ": "at+jwt"}, one) for one in ([], 5, None, {})]
    assert {invalid(sqlite_hub, one) for one in forged} == {"SIGNATURE"}


def test_a_signature_is_verified_once_and_the_row_read_at_every_call(sqlite_hub: Hub) -> None:
    token = ask(sqlite_hub, water(sqlite_hub)).access_token
    with calls_counted("verify") as verified:
        for _ in range(5):
            enter(sqlite_hub, token)
    assert len(verified) == 1
    work = work_of(lambda: enter(sqlite_hub, token))
    assert len([step for step in work if step.startswith("SELECT")]) == 1


def test_ten_thousand_tokens_do_not_fill_the_memory(sqlite_hub: Hub) -> None:
    from integration.jobs.machine_access import _Claims, _Verified

    kept, claims = _Verified(100), _Claims("water-1", AUDIENCE, 1, "", 1)
    for n in range(10_000):
        kept.put(hashlib.sha256(str(n).encode()).digest(), claims)
    found = [n for n in range(10_000) if kept.get(hashlib.sha256(str(n).encode()).digest())]
    assert found == list(range(9_900, 10_000))


def test_a_revocation_holds_at_the_next_call(hub: Hub) -> None:
    secret = water(hub)
    token = ask(hub, secret).access_token
    assert enter(hub, token)
    revoke_client(hub, "water-1", actor="sec")
    assert invalid(hub, token) == "REVOKED"
    assert refused(lambda: ask(hub, secret)) == "invalid_client"
    with pytest.raises(AccessRefused, match="revoked"):
        revoke_client(hub, "water-1", actor="sec")
    with pytest.raises(AccessRefused, match="revoked"):
        rotate_client(hub, "water-1", grace_s=0, actor="sec")


def test_what_the_matrix_or_the_entry_takes_away_is_gone_from_tokens_too(hub: Hub) -> None:
    token = ask(hub, water(hub)).access_token
    with hub.store.write() as connection:
        connection.execute(update(clients_table).values(rights='["lists:own"]'))
    assert enter(hub, token).rights == {Right.LISTS_OWN}


def test_a_revoked_machine_gets_no_token_even_if_a_proof_of_it_lives_on(sqlite_hub: Hub) -> None:
    secret = water(sqlite_hub)
    with sqlite_hub.store.write() as connection:
        clients.revoke(connection, sqlite_hub.clock, "water-1")
    assert refused(lambda: ask(sqlite_hub, secret)) == "invalid_client"


# --- rotation ------------------------------------------------------------------------------------------------------


def test_a_rotated_secret_stays_good_for_its_grace_and_old_tokens_do_not(hub: Hub, clock) -> None:
    old = water(hub)
    token = ask(hub, old).access_token
    new = rotate_client(hub, "water-1", grace_s=3600, actor="sec")
    assert new not in (None, old)
    assert invalid(hub, token) == "EPOCH"
    assert enter(hub, ask(hub, old).access_token) == enter(hub, ask(hub, new or "").access_token)
    clock.advance(seconds=3600)
    assert refused(lambda: ask(hub, old)) == "invalid_client"
    assert ask(hub, new or "").scope == ALL


def test_without_a_grace_the_old_secret_ends_at_once(hub: Hub) -> None:
    old = water(hub)
    new = rotate_client(hub, "water-1", grace_s=0, actor="sec")
    assert refused(lambda: ask(hub, old)) == "invalid_client"
    assert ask(hub, new or "").scope == ALL


def test_a_key_takes_the_place_of_a_secret_and_another_key_of_it(hub: Hub, clock) -> None:
    secret, first, second = water(hub), KEYS["ES256"](), KEYS["Ed25519"]()
    assert rotate_client(hub, "water-1", grace_s=0, jwk=public(first), actor="sec") is None
    assert refused(lambda: ask(hub, secret)) == "invalid_client"
    rotate_client(hub, "water-1", grace_s=60, jwk=public(second), actor="sec")
    for key, alg in ((first, "ES256"), (second, "Ed25519")):
        assert ask_signed(hub, assertion(hub, key, alg)).scope == ALL
    clock.advance(seconds=60)
    assert refused(lambda: ask_signed(hub, assertion(hub, first, "ES256"))) == "invalid_client"
    assert ask_signed(hub, assertion(hub, second, "Ed25519")).scope == ALL


def test_a_machine_without_a_secret_is_not_given_one_by_chance(sqlite_hub: Hub) -> None:
    key = KEYS["Ed25519"]()
    water(sqlite_hub, jwk=public(key))
    with pytest.raises(AccessRefused, match="no secret"):
        rotate_client(sqlite_hub, "water-1", grace_s=0, actor="sec")
    assert ask_signed(sqlite_hub, assertion(sqlite_hub, key, "Ed25519")).scope == ALL


def test_two_keys_of_one_name_are_never_good_together(sqlite_hub: Hub) -> None:
    water(sqlite_hub, jwk=public(KEYS["Ed25519"](), kid="k1"))
    again = public(KEYS["Ed25519"](), kid="k1")
    with pytest.raises(AccessRefused, match="kid"):
        rotate_client(sqlite_hub, "water-1", grace_s=60, jwk=again, actor="sec")
    rotate_client(sqlite_hub, "water-1", grace_s=0, jwk=again, actor="sec")
    with sqlite_hub.store.read() as connection:
        assert signing_keys(sqlite_hub, connection, "water-1") == [("k1", again)]


# --- certificates --------------------------------------------------------------------------------------------------


def test_a_token_asked_for_with_a_certificate_is_good_with_that_one_alone(hub: Hub) -> None:
    secret = water(hub)
    mine, other = "ab" * 32, "cd" * 32
    token = ask(hub, secret, certificate=mine).access_token
    assert enter(hub, token, mine)
    assert [invalid(hub, token, one) for one in (other, None)] == ["CERTIFICATE"] * 2
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["cnf"] == {"x5t#S256": base64.urlsafe_b64encode(bytes.fromhex(mine)).rstrip(b"=").decode()}


def test_a_machine_that_must_use_tls_shows_its_registered_certificate(hub: Hub) -> None:
    (pem, mine), (_, other), key = certificate(hub), certificate(hub), KEYS["Ed25519"]()
    water(hub, jwk=public(key), certificate_pem=pem, must_tls=True)

    def signed(shown: str | None) -> IssuedToken:
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION}
        form["client_assertion"] = assertion(hub, key, "Ed25519")
        return issue_token(hub, form, audience=AUDIENCE, certificate_sha256=shown)

    assert [refused(lambda one=one: signed(one)) for one in (None, other)] == ["invalid_client"] * 2
    token = signed(mine).access_token
    assert enter(hub, token, mine).must_tls
    assert invalid(hub, token) == "CERTIFICATE"


def test_a_token_without_a_certificate_ends_when_one_is_asked_for(sqlite_hub: Hub) -> None:
    token = ask(sqlite_hub, water(sqlite_hub)).access_token
    with sqlite_hub.store.write() as connection:
        connection.execute(update(clients_table).values(must_tls=1))
    assert invalid(sqlite_hub, token) == "CERTIFICATE"


def test_a_certificate_is_a_machine_until_it_ends_and_one_machines_only(hub: Hub, clock) -> None:
    (pem, mine), (later_pem, later) = certificate(hub, days=1), certificate(hub)
    assert water(hub, certificate_pem=pem) == ""
    with pytest.raises(AccessRefused, match="registered"):
        water(hub, "water-2", certificate_pem=pem)

    def by(sha256: str) -> Machine | None:
        with hub.store.read() as connection:
            return machine_by_certificate(hub, connection, sha256)

    machine = by(mine)
    assert machine is not None
    assert (machine.client_id, machine.rights) == ("water-1", CLIENT_RIGHTS[ClientKind.COMPANY])
    assert by(later) is None
    rotate_client(hub, "water-1", grace_s=7 * 86_400, certificate_pem=later_pem, actor="sec")
    assert by(mine) == by(later) == machine
    clock.advance(days=1)
    assert (by(mine), by(later)) == (None, machine)
    revoke_client(hub, "water-1", actor="sec")
    assert by(later) is None


# --- managing ------------------------------------------------------------------------------------------------------


def test_only_a_security_administrator_manages_machines(hub: Hub) -> None:
    water(hub)
    for name, role in (("wang", Role.CLERK), ("sys", Role.SYSTEM_ADMIN), ("aud", Role.AUDIT_ADMIN)):
        with hub.store.write() as connection:
            users.insert_user(connection, hub.clock, users.NewUser(name, role, "no hash"))
    for actor in ("wang", "sys", "aud", "nobody", "os:root", "client:water-1", ""):
        for act in (
            lambda actor=actor: water(hub, "water-2", actor=actor),
            lambda actor=actor: rotate_client(hub, "water-1", grace_s=0, actor=actor),
            lambda actor=actor: revoke_client(hub, "water-1", actor=actor),
        ):
            with pytest.raises(AccessRefused, match="security_admin"):
                act()
    assert [(one.client_id, one.revoked_at) for one in list_clients(hub)] == [("water-1", None)]


SPOILT: list[dict[str, Any]] = [
    {"client_id": "水"},
    {"client_id": ""},
    {"client_id": "x" * 65},
    {"title": " "},
    {"party": "no_company"},
    {"party": "civil_affairs"},
    {"kind": ClientKind.CIVIL_AFFAIRS},
    {"rights": []},
    {"rights": [Right.ACCESS_MANAGE]},
    {"rights": [Right.REGISTRY_SEND]},
    {"must_sign": True},
    {"must_tls": True},
    {"jwk": {}},
    {"jwk": OKPKey.generate_key("Ed25519").as_dict(private=True)},
    {"jwk": OctKey.generate_key(256).as_dict(private=True)},
    {"jwk": ECKey.generate_key("P-384").as_dict(private=False)},
    {"jwk": {**OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": ""}},
    {"certificate_pem": "no certificate"},
]


@pytest.mark.parametrize("spoilt", SPOILT, ids=" ".join)
def test_a_machine_that_cannot_be_is_refused_and_nothing_is_kept(sqlite_hub: Hub, spoilt: dict[str, Any]) -> None:
    with pytest.raises(AccessRefused, match=" / "):
        water(sqlite_hub, **{"client_id": "water-1", **spoilt})
    assert list_clients(sqlite_hub) == []


def test_an_expired_certificate_and_a_taken_id_are_refused(hub: Hub) -> None:
    with pytest.raises(AccessRefused, match="expired"):
        water(hub, certificate_pem=certificate(hub, days=0)[0])
    water(hub)
    with pytest.raises(AccessRefused, match="taken"):
        water(hub)


def test_civil_affairs_sends_the_registry_and_nothing_of_the_companies(sqlite_hub: Hub) -> None:
    given = {"kind": ClientKind.CIVIL_AFFAIRS, "party": sqlite_hub.registry_source}
    issued = ask(sqlite_hub, water(sqlite_hub, "bureau", **given), "bureau")
    machine = enter(sqlite_hub, issued.access_token)
    assert (machine.kind, machine.party) == (ClientKind.CIVIL_AFFAIRS, sqlite_hub.registry_source)
    assert machine.rights == CLIENT_RIGHTS[ClientKind.CIVIL_AFFAIRS]


def test_everything_done_to_a_machine_is_audited_without_its_secret(hub: Hub) -> None:
    secret = water(hub)
    new = rotate_client(hub, "water-1", grace_s=5, actor="sec") or ""
    revoke_client(hub, "water-1", actor="sec")
    with hub.store.read() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.audit_id)).all()
    assert [row.action for row in rows] == ["client_added", "client_rotated", "client_revoked"]
    assert {(row.actor, row.subject) for row in rows} == {("sec", "water-1")}
    assert json.loads(rows[1].detail) == {"grace_s": 5, "proofs": ["secret"]}
    assert secret not in str(rows)
    assert new not in str(rows)


def test_a_signatures_nonce_is_good_once(sqlite_hub: Hub) -> None:
    ends = now_us(sqlite_hub.clock) + 600_000_000
    assert note_nonce(sqlite_hub, "water-1", "n", ends)
    assert not note_nonce(sqlite_hub, "water-1", "n", ends)
