"""TLS by the hub itself: 1.2 at least, client certificates where a CA for them is named."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from aiohttp import web


def server_context(cert: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the context of a server; with ``client_ca`` it asks for a client's certificate.

    A client may come without one (tokens bound to a certificate are then refused it); one that is not of the CA ends
    the handshake.

    Raises:
        OSError: a file is missing, or holds no certificate or not the certificate's key (``ssl.SSLError``).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(cert, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def certificate_sha256(request: web.BaseRequest) -> str | None:
    """Return the SHA-256 (hex, of the DER) of the certificate that a client showed; None if it showed none."""
    transport = request.transport
    connection = transport.get_extra_info("ssl_object") if transport is not None else None
    shown = connection.getpeercert(binary_form=True) if connection is not None else None
    return hashlib.sha256(shown).hexdigest() if shown else None
