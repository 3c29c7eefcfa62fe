"""Promise F7: a signed request cannot be cut, changed or moved; what it says of itself is what was signed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms
from joserfc.jwk import OKPKey
from multidict import CIMultiDict

from integration.web.signatures import SignatureRefused, Signed, Stated, sign_request, signature_of, verify

NOW = 1_793_840_400
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"water-1": KEY.public_key()}
NONCE = "b7e1c0d95a4f4e0e"
BODY = b"a report"
SHA256 = hashlib.sha256(BODY).digest()
PATH = "/v1/reports?kind=report&note=%E4%BD%8E"
URL = f"https://hub.example{PATH}"


def signed(method: str = "POST", url: str = URL, body: bytes | None = BODY, **more: Any) -> dict[str, str]:
    digest = None if body is None else hashlib.sha256(body).digest()
    said = {"key": KEY, "key_id": "water-1", "created": NOW, "nonce": NONCE, "body_sha256": digest} | more
    return sign_request(method, url, **said)


Headers = dict[str, str] | CIMultiDict[str]
Arrived = Callable[..., Awaitable[web.Request]]


@pytest.fixture
async def arrived() -> AsyncIterator[Arrived]:
    """Send a request's head to a real server, and give the request as its handler has it: the body is still to come."""
    requests: asyncio.Queue[web.Request] = asyncio.Queue()
    over, writers = asyncio.Event(), []

    async def hold(request: web.Request) -> web.Response:
        requests.put_nowait(request)
        await over.wait()
        return web.Response()

    async def send(headers: Headers, method: str = "POST", path: str = PATH, body: bytes | None = BODY) -> web.Request:
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        lines += [] if "Host" in headers else ["Host: hub.example"]
        lines += [] if body is None or "Content-Length" in headers else [f"Content-Length: {len(body)}"]
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writers.append(writer)
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(3):
            return await requests.get()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hold)
    async with TestServer(app) as server:
        yield send
        for writer in writers:
            writer.close()
        over.set()


async def refusal(found: web.Request, now_s: int = NOW, **more: Any) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify(found, more.pop("keys", KEYS), now_s, **more)
    return str(caught.value)


async def test_a_signed_request_is_verified_before_its_body_has_come(arrived: Arrived) -> None:
    found = verify(await arrived(signed()), KEYS, NOW)
    assert found == Signed("water-1", NOW, NONCE, SHA256)


async def test_a_signed_request_without_a_body_has_no_digest(arrived: Arrived) -> None:
    headers = signed("GET", body=None)
    assert "Content-Digest" not in headers
    assert verify(await arrived(headers, "GET", body=None), KEYS, NOW) == Signed("water-1", NOW, NONCE, None)


async def test_an_empty_body_may_be_signed_as_such(arrived: Arrived) -> None:
    found = verify(await arrived(signed(body=b""), body=None), KEYS, NOW)
    assert found.content_digest == hashlib.sha256(b"").digest()


async def test_keys_may_be_jwks(arrived: Arrived) -> None:
    jwk = OKPKey.import_key(KEY).as_dict(private=False)
    assert verify(await arrived(signed()), {"water-1": jwk}, NOW).key_id == "water-1"
    assert await refusal(await arrived(signed()), keys={"water-1": {"kty": "OKP"}}) == "UNKNOWN_KEY"
    other = {"kty": "OKP", "crv": "X25519", "x": jwk["x"]}
    assert await refusal(await arrived(signed()), keys={"water-1": other}) == "UNKNOWN_KEY"


async def test_what_it_says_of_itself_is_read_without_a_key(arrived: Arrived) -> None:
    covered = frozenset({"@method", "@path", "@query", "content-digest"})
    assert signature_of(await arrived(signed())) == Stated("water-1", NOW, None, NONCE, covered)


# --- changed on the way ------------------------------------------------------------------------------------------


async def test_it_holds_for_its_own_method_path_and_query_alone(arrived: Arrived) -> None:
    headers = signed()
    for method, path in (
        ("PUT", PATH), ("POST", "/v1/rosters?kind=report&note=%E4%BD%8E"), ("POST", "/v1/reports?kind=roster"),
        ("POST", "/v1/reports"), ("POST", PATH + "&more=1"), ("POST", PATH.replace("%E4", "%e4")),
        ("POST", "//hub.example" + PATH), ("POST", "http://hub.example" + PATH),
    ):  # fmt: skip
        assert await refusal(await arrived(headers, method, path)) == "WRONG", (method, path)


async def test_a_body_added_to_a_request_without_one_is_refused(arrived: Arrived) -> None:
    assert await refusal(await arrived(signed(body=None))) == "NOT_COVERED"
    headers = signed(body=None) | {"Content-Digest": signed()["Content-Digest"]}
    assert await refusal(await arrived(headers)) == "NOT_COVERED"


async def test_another_digest_than_was_signed_is_refused(arrived: Arrived) -> None:
    other = base64.b64encode(hashlib.sha256(b"another").digest()).decode()
    assert await refusal(await arrived(signed() | {"Content-Digest": f"sha-256=:{other}:"})) == "WRONG"
    twice = CIMultiDict(signed())
    twice.add("Content-Digest", f"sha-256=:{other}:")
    assert await refusal(await arrived(twice)) == "WRONG"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (f"created={NOW}", f"created={NOW + 1}"),
        (NONCE, NONCE[::-1]),
        ('"@query" ', ""),
        ('"@method"', '"@authority" "@method"'),
        (';alg="ed25519"', ""),
    ],
)
async def test_no_parameter_can_be_changed(arrived: Arrived, part: str, other: str) -> None:
    headers = signed()
    changed = headers["Signature-Input"].replace(part, other)
    assert changed != headers["Signature-Input"]
    assert await refusal(await arrived(headers | {"Signature-Input": changed})) in ("WRONG", "NOT_COVERED")


async def test_the_time_that_was_signed_counts(arrived: Arrived) -> None:
    found = await arrived(signed())
    for late in (-300, 0, 300):
        assert verify(found, KEYS, NOW + late)
    for late in (-301, 301):
        assert await refusal(found, NOW + late) == "TOO_OLD"
    assert await refusal(found, NOW + 11, window_s=10) == "TOO_OLD"


async def test_another_key_does_not_sign_for_it(arrived: Arrived) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert await refusal(await arrived(signed(key=stranger))) == "WRONG"
    assert await refusal(await arrived(signed(key_id="gas-1"))) == "UNKNOWN_KEY"
    assert await refusal(await arrived(signed()), keys={}) == "UNKNOWN_KEY"


# --- not as agreed -----------------------------------------------------------------------------------------------


async def signed_by_hand(arrived: Arrived, covered: list[str], digest: str = "", **parameters: Any) -> web.Request:
    """Return a request that another client's library signed in its own way."""
    given = CIMultiDict({"Content-Digest": digest or signed()["Content-Digest"], "Host": "hub.example"})
    message = type("Message", (), {"method": "POST", "url": f"http://hub.example{PATH}", "headers": given})
    resolver = MappingKeyResolver(public_keys={}, private_keys={"water-1": KEY})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    said = {"key_id": "water-1", "created": datetime.fromtimestamp(NOW, UTC), "nonce": NONCE} | parameters
    signer.sign(message, covered_component_ids=covered, use_existing_digest=True, **said)
    return await arrived(given)


ENOUGH = ["@method", "@path", "@query", "content-digest"]


async def test_the_address_as_a_whole_covers_path_and_query(arrived: Arrived) -> None:
    found = await signed_by_hand(arrived, ["@method", "@target-uri", "content-digest", "host"])
    assert verify(found, KEYS, NOW).content_digest == SHA256


@pytest.mark.parametrize("missing", ENOUGH)
async def test_what_must_be_covered_is_told_where_it_is_not(arrived: Arrived, missing: str) -> None:
    found = await signed_by_hand(arrived, [one for one in ENOUGH if one != missing])
    assert await refusal(found) == "NOT_COVERED"


async def test_a_part_of_the_digest_does_not_cover_it(arrived: Arrived) -> None:
    found = await signed_by_hand(arrived, [*ENOUGH[:3], '"content-digest";key="sha-256"'])
    assert await refusal(found) == "NOT_COVERED"


async def test_nonces_have_a_length(arrived: Arrived) -> None:
    for nonce in (None, "short", "a" * 101, "with a blank inside"):
        assert await refusal(await signed_by_hand(arrived, ENOUGH, nonce=nonce)) == "NO_NONCE", nonce


async def test_an_end_that_was_signed_counts(arrived: Arrived) -> None:
    found = await signed_by_hand(arrived, ENOUGH, expires=datetime.fromtimestamp(NOW + 5, UTC))
    assert verify(found, KEYS, NOW + 5)
    assert await refusal(found, NOW + 6) == "TOO_OLD"


async def test_one_digest_alone_is_taken_and_it_is_sha_256(arrived: Arrived) -> None:
    sha512 = base64.b64encode(hashlib.sha512(BODY).digest()).decode()
    for digest in (f"sha-512=:{sha512}:", f"{signed()['Content-Digest']}, sha-512=:{sha512}:"):
        assert await refusal(await signed_by_hand(arrived, ENOUGH, digest)) == "BAD_DIGEST"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Signature": None}, "MISSING"),
        ({"Signature-Input": None}, "MISSING"),
        ({"Signature-Input": ""}, "MALFORMED"),
        ({"Signature-Input": "nonsense("}, "MALFORMED"),
        ({"Signature-Input": "pyhms=1"}, "MALFORMED"),
        ({"Signature-Input": 'a=("@method");created=1, b=("@method");created=1'}, "MALFORMED"),
        ({"Signature-Input": 'pyhms=("@method");created="now";keyid="water-1"'}, "MALFORMED"),
        ({"Signature-Input": 'pyhms=("@method");created=1.5;keyid="water-1"'}, "MALFORMED"),
        ({"Signature-Input": f'pyhms=("@method");created={NOW}'}, "NO_KEYID"),
        ({"Signature-Input": 'pyhms=("@method");keyid="water-1"'}, "TOO_OLD"),
        ({"Signature": "pyhms=:AAAA:"}, "WRONG"),
        ({"Signature": "other=:AAAA:"}, "WRONG"),
        ({"Signature": "nonsense("}, "WRONG"),
    ],
)
async def test_what_is_missing_or_malformed_is_told_by_its_code(
    arrived: Arrived, change: dict[str, str | None], code: str
) -> None:
    headers = {name: value for name, value in (signed() | change).items() if value is not None}
    assert await refusal(await arrived(headers)) == code


#: RFC 9421, B.1.4: the standard's own Ed25519 key.
RFC_KEY = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
#: RFC 9421, B.2.6: what is signed there, and the signature.
RFC_BASE = (
    b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
    b'"content-type": application/json\n"content-length": 18\n"@signature-params": ("date" "@method" "@path" '
    b'"@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"'
)
RFC_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def test_the_keys_are_those_of_the_standard() -> None:
    key = load_pem_private_key(RFC_KEY, None)
    assert isinstance(key, Ed25519PrivateKey)
    assert base64.b64encode(key.sign(RFC_BASE)).decode() == RFC_SIGNATURE


async def test_the_standards_own_message_is_read_and_found_without_what_we_ask_for(arrived: Arrived) -> None:
    headers = {
        "Host": "example.com",
        "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "Content-Type": "application/json",
        "Content-Length": "18",
        "Signature-Input": 'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");'
        'created=1618884473;keyid="test-key-ed25519"',
        "Signature": f"sig-b26=:{RFC_SIGNATURE}:",
    }
    found = await arrived(headers, path="/foo")
    assert signature_of(found).key_id == "test-key-ed25519"
    key = load_pem_private_key(RFC_KEY, None)
    assert await refusal(found, 1_618_884_473, keys={"test-key-ed25519": key.public_key()}) == "NO_NONCE"
