"""The door: what every call passes before its endpoint answers, in this order.

Rate, who asks, whether they may, signature, key, parameters, body; then the work, in a thread; then, of a write, the
answer kept with its effect. Whatever goes wrong leaves as a problem and never with data in it.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from integration.clock import now_us, us_instant
from integration.domain.rights import ROLE_RIGHTS
from integration.jobs.hub import Hub
from integration.jobs.machine_access import Machine, TokenInvalid, machine_of, note_nonce, signing_keys
from integration.jobs.sign_in import person_of
from integration.storage import replies
from integration.storage.engine import take_key_lock
from integration.storage.pii import keyed_hasher
from integration.web import signatures
from integration.web.calls import Call, Principal
from integration.web.content import ListFiles
from integration.web.endpoints import Endpoint, Reply, Upload
from integration.web.health import Figures
from integration.web.limits import Buckets
from integration.web.problems import Problem, not_allowed
from integration.web.reading import Body, body_of, check_headers, key_of, language_of, query_of
from integration.web.spool import Spool
from integration.web.tls import certificate_sha256

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
#: A state of the database, and a second.
Moment = tuple[int | None, int]

_REMEMBERED: Final = 1_000

#: How long a captured signature would be good; its nonce is remembered twice as long.
_SIGNATURE_WINDOW_S: Final = 300


@dataclass(frozen=True)
class Options:
    """How the door is hung. ``audience`` is the hub's name in tokens; ``folder`` holds cache and arriving files."""

    folder: Path
    audience: str = "waiverhub"
    threads: int = 16
    #: Calls a second that one client (or, unknown yet, one address) may make over time, and at once.
    rate_per_s: int = 50
    burst: int = 200
    #: Every call has the proxy's address: what is counted by address is the proxy's to count.
    behind_proxy: bool = False
    #: Tells the worker that something has arrived.
    wake: Callable[[], None] = field(default=lambda: None)
    #: What else must be well for the hub to be ready: "ok", or what is wrong.
    checks: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    #: What else the metrics say, by name.
    figures: Callable[[], Mapping[str, int]] = field(default=dict)


@dataclass(frozen=True)
class Door:
    """The hub behind its door."""

    hub: Hub
    options: Options
    files: ListFiles
    pool: ThreadPoolExecutor
    callers: Buckets
    addresses: Buckets
    #: What is known to be noted as collected.
    collected: set[tuple[str, int, str]] = field(default_factory=set)
    figures: Figures = field(default_factory=Figures)
    #: Machines by token and certificate, and the moment for which that holds.
    machines: dict[tuple[str, str | None], tuple[Moment, Machine]] = field(default_factory=dict)
    #: Short answers by party, language and address, and the state of the database that they are of.
    replies: dict[tuple[str, str, str], tuple[int | None, Reply]] = field(default_factory=dict)

    @classmethod
    def of(cls, hub: Hub, options: Options) -> Door:
        """Hang the door."""
        return cls(
            hub,
            options,
            ListFiles(hub, options.folder / "lists"),
            ThreadPoolExecutor(options.threads, "web"),
            Buckets(options.rate_per_s, options.burst),
            Buckets(options.rate_per_s * 4, options.burst * 4),
        )

    @property
    def _quick(self) -> bool:
        """Whether a point read is shorter than a change of thread."""
        return self.hub.store.dialect == "sqlite"

    async def in_thread(self, work: Callable[[], _Value]) -> _Value:
        """Do what may wait for the database where it holds up nobody else."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)

    async def answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        """Answer a call.

        Raises:
            Problem: it is refused.
        """
        if not self.options.behind_proxy:
            self._rate(self.addresses, request.remote or "")
        principal, machine = await self._admitted(endpoint, request)
        call = Call(self, self.hub, endpoint, request, principal, language_of(request))
        signed = await self._signature(machine, request)
        call = replace(call, query=query_of(endpoint, request), key=key_of(endpoint, request))
        if endpoint.body is None:
            return await self._answered(replace(call, request_mac=self._mac(call).digest()))
        with closing(Spool(self.options.folder / "spool", self._mac(call))) as spool:  # however it ends, nothing stays
            return await self._answered(await _with_body(call, endpoint.body, spool, signed))

    async def _answered(self, call: Call) -> web.StreamResponse:
        endpoint = call.endpoint
        if endpoint.stream is not None:
            return await endpoint.stream(call)
        if endpoint.quick and self._quick:
            return _response(self._quickly(call))
        return _response(await self.in_thread(lambda: self._worked(call)))

    def _rate(self, buckets: Buckets, key: str) -> None:
        wait_s = buckets.take(key, asyncio.get_running_loop().time())
        if wait_s:
            raise Problem("TOO_MANY", headers={"Retry-After": str(max(1, round(wait_s + 0.5)))})

    # --- who

    async def _admitted(self, endpoint: Endpoint, request: web.Request) -> tuple[Principal, Machine | None]:
        if endpoint.right is None:
            return Principal("anonymous", frozenset()), None
        token = _bearer(request)
        ask = partial(self._who, token, certificate_sha256(request))
        principal, machine = ask() if self._quick and "." in token else await self.in_thread(ask)
        self._rate(self.callers, principal.actor)
        if endpoint.right not in principal.rights:
            raise not_allowed(endpoint.right)
        return principal, machine

    def _who(self, token: str, certificate: str | None) -> tuple[Principal, Machine | None]:
        if "." not in token:
            person = person_of(self.hub, token)
            if person is None:
                raise _unknown()
            return Principal.of_person(person, ROLE_RIGHTS[person.role]), None
        machine = self._machine(token, certificate)
        return Principal.of_machine(machine), machine

    def _machine(self, token: str, certificate: str | None) -> Machine:
        """Return the machine of a token: within one second and one state of the database it is asked for once.

        So a revocation counts at the next call all the same.
        """
        mark, key = self.hub.store.mark(), (token, certificate)
        moment = (mark, now_us(self.hub.clock) // 1_000_000)
        known = self.machines.get(key)
        if known is not None and known[0] == moment:
            return known[1]
        machine = self._asked(token, certificate)
        if mark is not None:
            _remember(self.machines, key, (moment, machine))
        return machine

    def _asked(self, token: str, certificate: str | None) -> Machine:
        try:
            with self.hub.store.read() as connection:
                return machine_of(
                    self.hub, connection, token, audience=self.options.audience, certificate_sha256=certificate
                )
        except TokenInvalid:
            raise _unknown() from None

    async def _signature(self, machine: Machine | None, request: web.Request) -> signatures.Signed | None:
        """Verify the signature of a client that must sign; what was seen before is refused on every replica."""
        if machine is None or not machine.must_sign:
            return None
        return await self.in_thread(lambda: self._verified(machine, request))

    def _verified(self, machine: Machine, request: web.Request) -> signatures.Signed:
        now_s = now_us(self.hub.clock) // 1_000_000
        with self.hub.store.read() as connection:
            keys = dict(signing_keys(self.hub, connection, machine.client_id))
        try:
            signed = signatures.verify(request, keys, now_s, _SIGNATURE_WINDOW_S)
        except signatures.SignatureRefused as refused:
            raise Problem("BAD_SIGNATURE", f"{refused}") from None
        ends_us = (now_s + 2 * _SIGNATURE_WINDOW_S) * 1_000_000
        if not note_nonce(self.hub, machine.client_id, signed.nonce, ends_us):
            raise Problem("BAD_SIGNATURE", "该签名已用过 / this signature was used before")
        return signed

    # --- what

    def _mac(self, call: Call) -> hmac.HMAC:
        mac = keyed_hasher(self.hub.ring, "request")
        mac.update(f"{call.request.method} {call.request.raw_path}\n".encode())
        return mac

    # --- the work

    def _quickly(self, call: Call) -> Reply:
        """Do a short read on the loop, once within one state of the database."""
        mark, key = self.hub.store.mark(), (call.principal.party, call.language, call.request.raw_path)
        known = self.replies.get(key)
        if known is not None and known[0] == mark:
            return known[1]
        reply = self._worked(call)
        _remember(self.replies, key, (mark, replace(reply, raw=_encoded(reply))))
        return reply

    def _worked(self, call: Call) -> Reply:
        work = call.endpoint.work
        if work is None:
            raise TypeError(call.endpoint.name)
        return self.once(call, work) if call.endpoint.write else work(call)

    def once(self, call: Call, work: Callable[[Call], Reply]) -> Reply:
        """Do a write, or give the answer that it got before; work and answer are one transaction.

        Raises:
            Problem: the key was used for another request.
        """
        actor = call.principal.actor
        with self.hub.store.write() as connection:
            take_key_lock(connection, f"{actor} {call.key}")
            earlier = replies.find_reply(connection, actor, call.key)
            if earlier is not None:
                return _again(earlier, call.request_mac)
            reply = work(call.within(connection))
            kept = _encoded(reply if reply.kept is None else Reply(reply.kept)).decode()
            location = reply.headers.get("Location")
            replies.keep_reply(
                connection, self.hub.clock, actor, call.key, call.request_mac, reply.status, location, kept
            )
        if call.endpoint.status == 202:
            self.options.wake()
        return reply


async def _with_body(call: Call, body: Body, spool: Spool, signed: signatures.Signed | None) -> Call:
    """Take in the body that the headers announce, and give the call with it."""
    await spool.fill(call.request.content.iter_chunked(1 << 16), check_headers(call.request, body))
    if signed is not None and signed.content_digest != spool.sha256:
        raise Problem("BAD_SIGNATURE", "内容与 Content-Digest 不符 / the body is not that of Content-Digest")
    if isinstance(body, Upload):
        return replace(call, body=spool, request_mac=spool.mac)
    return replace(call, body=body_of(body, b"".join(spool.content())), request_mac=spool.mac)


def _remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value


def _again(earlier: replies.Kept, request_mac: bytes) -> Reply:
    if not hmac.compare_digest(earlier.request_mac, request_mac):
        at = us_instant(earlier.at_us).isoformat(timespec="seconds")
        raise Problem("KEY_REUSED", f"首次使用于 {at} / it was first used at {at}")
    headers = {"Location": earlier.location} if earlier.location else {}
    return Reply(status=earlier.status, headers=headers, raw=earlier.body.encode())


def _unknown() -> Problem:
    return Problem("NOT_AUTHENTICATED", headers={"WWW-Authenticate": 'Bearer realm="waiverhub"'})


def _bearer(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise _unknown()
    return token.strip()


def _encoded(reply: Reply) -> bytes:
    if reply.raw is not None:
        return reply.raw
    return b"" if reply.value is None else msgspec.json.encode(reply.value)


def _response(reply: Reply) -> web.Response:
    body, headers = _encoded(reply), dict(reply.headers)
    if body:
        headers.setdefault("Content-Type", reply.media_type)
    return web.Response(body=body or None, status=reply.status, headers=headers)
