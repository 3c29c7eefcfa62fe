"""Managing machines: done by a security administrator, audited, and in force at the machine's next call."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from integration.clock import now_us, us_instant
from integration.domain.rights import CLIENT_RIGHTS, ClientKind, Right
from integration.jobs.credentials import CredentialFault, certificate_of, key_of, ssh_key_of
from integration.jobs.hub import Hub
from integration.jobs.manage_access import AccessRefused, check_manager, take_access_lock
from integration.storage import audit, clients
from integration.storage.clients import Client, ClientTaken, Credential, CredentialKind
from integration.storage.overview import at_text

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_LONGEST_TITLE: Final = 200
#: How long what is rotated out may stay good.
LONGEST_GRACE_S: Final = 30 * 24 * 3600
#: What a machine asks for its token with: a new one of these takes the place of all of them.
_ASKS_WITH: Final = frozenset({CredentialKind.SECRET, CredentialKind.KEY})


class Proof(msgspec.Struct, frozen=True):
    """Something that a machine can prove itself with: its kind, its public name, and when it ends."""

    kind: str
    key_id: str | None
    ends_at: str | None


class ListedClient(msgspec.Struct, frozen=True):
    """A machine as it is listed, without anything secret."""

    client_id: str
    title: str
    kind: str
    party: str
    rights: list[str]
    must_sign: bool
    must_tls: bool
    created_at: str
    revoked_at: str | None
    proofs: list[Proof]


def add_client(  # noqa: PLR0913 - all but the hub by name
    hub: Hub,
    *,
    client_id: str,
    title: str,
    kind: ClientKind,
    party: str,
    rights: Collection[Right] | None = None,
    must_sign: bool = False,
    must_tls: bool = False,
    jwk: Mapping[str, Any] | None = None,
    certificate_pem: str | None = None,
    ssh_key: str | None = None,
    actor: str,
) -> str | None:
    """Add a machine; return its secret, which is shown once, or None if it proves itself with a key or certificate.

    ``rights`` None: all that the matrix gives its kind. With ``ssh_key`` it comes in by SFTP.

    Raises:
        AccessRefused: something of it cannot be so, or the actor may not.
    """
    given = CLIENT_RIGHTS[kind] if rights is None else frozenset(rights)
    made = now_us(hub.clock)
    client = Client(client_id, title.strip(), kind, party, given, must_sign, must_tls, 1, made, None)
    proofs = _proofs(hub, jwk, certificate_pem, ssh_key)
    _check(hub, client, proofs)
    secret, proofs = (None, proofs) if proofs else _secret()
    with hub.store.write() as connection:
        take_access_lock(connection)
        check_manager(connection, actor)
        _insert(connection, client)
        _give(hub, connection, client_id, proofs)
        detail = {"kind": kind.value, "party": party, "rights": sorted(given), "proofs": _kinds(proofs)}
        terms = {"must_sign": must_sign, "must_tls": must_tls}
        audit.record(connection, hub.clock, actor, "client_added", client_id, detail | terms)
    return secret


def rotate_client(
    hub: Hub,
    client_id: str,
    *,
    grace_s: int,
    jwk: Mapping[str, Any] | None = None,
    certificate_pem: str | None = None,
    ssh_key: str | None = None,
    actor: str,
) -> str | None:
    """Give a machine new proofs; return the new secret where no key or certificate is given.

    What it proved itself with so far stays good for ``grace_s`` seconds; a key or secret takes the place of keys and
    secrets, a certificate of certificates, an SSH key of SSH keys. Tokens issued so far are worth nothing at once.

    Raises:
        AccessRefused: it is unknown or revoked, the new proof does not suit it, or the actor may not.
    """
    if not 0 <= grace_s <= LONGEST_GRACE_S:
        raise AccessRefused(f"宽限期为 0 至 {LONGEST_GRACE_S} 秒 / the grace is 0 to {LONGEST_GRACE_S} seconds")
    proofs = _proofs(hub, jwk, certificate_pem, ssh_key)
    secret, proofs = (None, proofs) if proofs else _secret()
    with hub.store.write() as connection:
        take_access_lock(connection)
        check_manager(connection, actor)
        _live(connection, client_id)
        if secret is not None:
            _check_has_secret(hub, connection, client_id)
        ends_us = now_us(hub.clock) + grace_s * 1_000_000
        clients.end_credentials(connection, client_id, _replaced(proofs), ends_us)
        _give(hub, connection, client_id, proofs)
        clients.next_epoch(connection, client_id)
        detail = {"grace_s": grace_s, "proofs": _kinds(proofs)}
        audit.record(connection, hub.clock, actor, "client_rotated", client_id, detail)
    return secret


def revoke_client(hub: Hub, client_id: str, *, actor: str) -> None:
    """Let a machine in no more, from its next call on.

    Raises:
        AccessRefused: it is unknown or revoked already, or the actor may not.
    """
    with hub.store.write() as connection:
        take_access_lock(connection)
        check_manager(connection, actor)
        _live(connection, client_id)
        clients.revoke(connection, hub.clock, client_id)
        clients.end_credentials(connection, client_id, tuple(CredentialKind), now_us(hub.clock))
        audit.record(connection, hub.clock, actor, "client_revoked", client_id, {})


def list_clients(hub: Hub) -> list[ListedClient]:
    """Return every machine by id, with what it can prove itself with now."""
    with hub.store.read() as connection:
        return [_listed(hub, connection, one) for one in clients.all_clients(connection)]


def _listed(hub: Hub, connection: Connection, client: Client) -> ListedClient:
    kept = clients.current_credentials(connection, hub.clock, client.client_id)
    return ListedClient(
        client.client_id,
        client.title,
        client.kind.value,
        client.party,
        sorted(client.rights),
        client.must_sign,
        client.must_tls,
        at_text(client.created_us),
        None if client.revoked_us is None else at_text(client.revoked_us),
        [Proof(one.kind.value, one.key_id, None if one.ends_us is None else at_text(one.ends_us)) for one in kept],
    )


# --- checks --------------------------------------------------------------------------------------------------------


def _check(hub: Hub, client: Client, proofs: list[Credential]) -> None:
    kinds = _kinds(proofs)
    faults = (
        (
            not _ID.match(client.client_id),
            "编号为 1–64 个字母、数字或 . _ - / an id is 1 to 64 letters, digits or . _ -",
        ),
        (not 0 < len(client.title) <= _LONGEST_TITLE, "须有名称，且不过长 / a title is needed, and no long one"),
        (not client.rights, "至少须有一项权限 / it needs one right at least"),
        (not client.rights <= CLIENT_RIGHTS[client.kind], _rights_text(client.kind)),
        (client.party not in _parties(hub, client.kind), _parties_text(hub, client.kind)),
        (client.must_sign and "key" not in kinds, "须签名者要有公钥 / whoever must sign needs a key"),
        (
            client.must_tls and "certificate" not in kinds,
            "须用证书者要有证书 / whoever must use TLS needs a certificate",
        ),
    )
    if texts := [text for wrong, text in faults if wrong]:
        raise AccessRefused(texts[0])


def _parties(hub: Hub, kind: ClientKind) -> tuple[str, ...]:
    return tuple(hub.companies) if kind is ClientKind.COMPANY else (hub.registry_source,)


def _parties_text(hub: Hub, kind: ClientKind) -> str:
    names = ", ".join(_parties(hub, kind))
    return f"所属单位可为：{names} / its party is one of: {names}"


def _rights_text(kind: ClientKind) -> str:
    names = ", ".join(sorted(CLIENT_RIGHTS[kind]))
    return f"{kind} 可有的权限：{names} / a {kind} client may have: {names}"


def _proofs(
    hub: Hub, jwk: Mapping[str, Any] | None, certificate_pem: str | None, ssh_key: str | None
) -> list[Credential]:
    try:
        keys = [key_of(jwk)] if jwk is not None else []
        keys += [certificate_of(certificate_pem, hub.clock())] if certificate_pem is not None else []
        return keys + ([ssh_key_of(ssh_key)] if ssh_key is not None else [])
    except CredentialFault as fault:
        raise AccessRefused(str(fault)) from None


def _secret() -> tuple[str, list[Credential]]:
    secret, kept = clients.new_secret()
    return secret, [kept]


def _kinds(proofs: list[Credential]) -> list[str]:
    return [one.kind.value for one in proofs]


def _replaced(proofs: list[Credential]) -> tuple[CredentialKind, ...]:
    kinds = {one.kind for one in proofs}
    return tuple(kinds | _ASKS_WITH if kinds & _ASKS_WITH else kinds)


def _insert(connection: Connection, client: Client) -> None:
    try:
        clients.add_client(connection, client)
    except ClientTaken:
        raise AccessRefused("此编号已用，请另取 / this id is taken; choose another") from None


def _live(connection: Connection, client_id: str) -> None:
    found = clients.find_client(connection, client_id)
    if found is None:
        raise AccessRefused(f"没有客户端 {client_id} / there is no client {client_id}")
    if found.revoked_us is not None:
        at = us_instant(found.revoked_us).isoformat(timespec="seconds")
        raise AccessRefused(f"客户端已于 {at} 吊销 / the client was revoked at {at}")


def _check_has_secret(hub: Hub, connection: Connection, client_id: str) -> None:
    """Refuse a secret for a machine that has none: its contract asks for a key or a certificate."""
    if not clients.current_credentials(connection, hub.clock, client_id, CredentialKind.SECRET):
        raise AccessRefused(
            "此客户端不用密钥串，请给出新公钥或新证书 / this client has no secret: give its new key or certificate"
        )


def _give(hub: Hub, connection: Connection, client_id: str, proofs: list[Credential]) -> None:
    for one in proofs:
        if one.kind is CredentialKind.KEY:
            _check_key_id(hub, connection, client_id, one)
        if one.kind is CredentialKind.CERTIFICATE and clients.client_of_certificate(connection, hub.clock, one.value):
            raise AccessRefused("该证书已登记给一个客户端 / this certificate is registered to a client already")
        clients.add_credential(connection, hub.clock, client_id, one)


def _check_key_id(hub: Hub, connection: Connection, client_id: str, key: Credential) -> None:
    """Refuse a second key of one name: a signature could not say which it means."""
    kept = clients.current_credentials(connection, hub.clock, client_id, CredentialKind.KEY)
    if key.key_id in {one.key_id for one in kept}:
        raise AccessRefused(
            "该 kid 的公钥仍有效，请换 kid / a key of this kid is still good: give the new one another kid"
        )
