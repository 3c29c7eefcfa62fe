"""TLS by the hub itself, and its handshakes within the deadlines."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integration.web.admission import Refusals
from integration.web.deadlines import REFUSALS, Deadlines, runner
from integration.web.tls import certificate_sha256, server_context

QUICK = Deadlines(header_s=0.3, idle_s=0.6, connections=10, per_address=5)
_NOW = datetime.now(UTC)


class Authority:
    """A CA of the test's own, and the certificates that it gives."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.path = folder / f"{name}.pem"
        made = self._sign(self._name, self._key, ca=True)
        self.path.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        own = x509.SubjectKeyIdentifier.from_public_key
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(_NOW - timedelta(days=1))
            .not_valid_after(_NOW + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(own(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
                    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )  # fmt: skip
        return builder.sign(self._key, hashes.SHA256())

    def give(self, name: str) -> tuple[Path, Path, str]:
        """Return the files of a certificate and its key, and the digest of its DER."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, ca=False)
        cert, private = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return cert, private, hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()


class Served:
    def __init__(self, port: int, refusals: Refusals, ours: Authority) -> None:
        self.port = port
        self.refusals = refusals
        self.ours = ours

    def context(self, shown: tuple[Path, Path, str] | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ours.path))
        if shown is not None:
            context.load_cert_chain(*shown[:2])
        return context

    async def ask(self, context: ssl.SSLContext) -> str:
        """Ask which certificate the server sees."""
        async with (
            ClientSession(connector=TCPConnector(ssl=context)) as session,
            session.get(f"https://localhost:{self.port}/") as response,
        ):
            return await response.text()


@asynccontextmanager
async def serving(folder: Path, *, client_ca: bool = True, on_site: bool = False) -> AsyncIterator[Served]:
    """Serve with TLS: before the count of connections, or (``on_site``) behind aiohttp's own site."""
    ours = Authority(folder, "ours")
    cert, key, _ = ours.give("server")
    context = server_context(cert, key, ours.path if client_ca else None)

    async def answer(request: web.Request) -> web.Response:
        assert request.secure
        return web.Response(text=certificate_sha256(request) or "none")

    app = web.Application()
    app.router.add_get("/", answer)
    made = runner(app, QUICK, None if on_site else context)
    await made.setup()
    site = web.TCPSite(made, "127.0.0.1", 0, ssl_context=context if on_site else None)
    await site.start()
    try:
        yield Served(made.addresses[0][1], app[REFUSALS], ours)
    finally:
        await made.cleanup()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not true():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("on_site", [False, True])
async def test_a_client_is_known_by_the_certificate_that_it_shows(tmp_path: Path, on_site: bool) -> None:
    async with serving(tmp_path, on_site=on_site) as served:
        shown = served.ours.give("water")
        assert await served.ask(served.context(shown)) == shown[2]
        assert await served.ask(served.context()) == "none"
        await until(lambda: served.refusals.sockets == 0)


async def test_a_certificate_of_another_ca_does_not_come_in(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        (tmp_path / "other").mkdir()
        stranger = Authority(tmp_path / "other", "theirs").give("water")
        with pytest.raises((ClientError, OSError)):
            await served.ask(served.context(stranger))
        await until(lambda: served.refusals.handshakes > 0 and served.refusals.sockets == 0)


async def test_without_a_ca_for_clients_none_is_asked_for(tmp_path: Path) -> None:
    async with serving(tmp_path, client_ca=False) as served:
        assert await served.ask(served.context(served.ours.give("water"))) == "none"


async def test_old_versions_of_tls_do_not_come_in_and_the_newest_is_taken(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        old = served.context()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ClientError, OSError)):
            await served.ask(old)
        _, writer = await asyncio.open_connection("localhost", served.port, ssl=served.context())
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()


async def test_a_plain_request_at_a_tls_port_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n")
        async with asyncio.timeout(3):
            assert b"HTTP/" not in await reader.read()
        writer.close()
        await until(lambda: served.refusals.sockets == 0)


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_a_handshake_that_stands_still_ends_and_is_counted_meanwhile(tmp_path: Path, said: bytes) -> None:
    async with serving(tmp_path) as served:
        held = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(QUICK.per_address)]
        for _, writer in held:
            writer.write(said)
        await until(lambda: served.refusals.sockets == QUICK.per_address)
        with pytest.raises((ClientError, OSError)):
            await served.ask(served.context())
        assert served.refusals.per_address == 1
        await until(lambda: served.refusals.sockets == 0)
        assert served.refusals.handshakes == QUICK.per_address
        assert await served.ask(served.context()) == "none"
        for _, writer in held:
            writer.close()


async def test_a_handshake_under_way_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        await until(lambda: served.refusals.sockets == 1)
        start = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - start < 0.25
    writer.close()


async def test_slow_heads_end_behind_tls_as_well(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        reader, writer = await asyncio.open_connection("localhost", served.port, ssl=served.context())
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with asyncio.timeout(3):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await until(lambda: served.refusals == Refusals(heads=1))


def test_a_key_that_is_not_the_certificates_is_told(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    (cert, _, _), (_, other, _) = ours.give("one"), ours.give("two")
    with pytest.raises(OSError, match=r"(?i)key"):
        server_context(cert, other)
