"""What anybody may see: whether the hub lives, its public keys, its newest checkpoint, and the API's own document."""

from __future__ import annotations

from typing import Final

from integration.storage import audit
from integration.web.answers import Code, Health, PublicKey
from integration.web.calls import Call
from integration.web.endpoints import Endpoint, Reply
from integration.web.health import readiness
from integration.web.problems import KINDS, Problem
from schemas.text import in_language


def alive(_call: Call) -> Reply:
    """Tell that the process answers."""
    return Reply(raw=b"ok\n", media_type="text/plain")


def ready(call: Call) -> Reply:
    """Tell whether everything that the hub needs is there."""
    found = readiness(call.door)
    return Reply(found, 200 if found.ready else 503)


def metrics(call: Call) -> Reply:
    """Give the figures for Prometheus."""
    call.door.figures.set(call.door.options.figures())
    raw, content_type = call.door.figures.written(call.request.headers.get("Accept", ""))
    return Reply(raw=raw, headers={"Content-Type": content_type})


def keys(call: Call) -> Reply:
    """Give the hub's public keys. Trust them only if they came once on another way as well."""
    ring = call.hub.ring
    names = ("lists", "checkpoints", "settlements", "tokens")
    pairs = [(name, getattr(ring, name)) for name in names]
    return Reply([PublicKey(name, key.key_id, key.public_pem.decode()) for name, key in pairs])


def checkpoint(call: Call) -> Reply:
    """Give the newest signed checkpoint of the audit."""
    with call.hub.store.read() as connection:
        newest = audit.newest_checkpoint(connection)
    if newest is None:
        raise Problem("NOT_FOUND")
    return Reply(raw=newest.note.encode(), media_type="text/plain")


def code(call: Call) -> Reply:
    """Tell what a problem's code means."""
    name = call.word("code")
    if name not in KINDS:
        raise Problem("NOT_FOUND")
    return Reply(Code(name, KINDS[name].status, in_language(KINDS[name].title, call.language)))


_TEXT: Final = ("text/plain",)
_OPEN: Final = "公开 Public"

ENDPOINTS: Final = (
    Endpoint(method="GET", path="/healthz", name="alive", tag=_OPEN, summary="进程存活 / The process answers",
             work=alive, produces=_TEXT, quick=True),
    Endpoint(method="GET", path="/readyz", name="ready", tag=_OPEN, summary="就绪检查 / Everything needed is there",
             work=ready, reply=Health, others={503: Health}),
    Endpoint(method="GET", path="/metrics", name="metrics", tag=_OPEN, summary="监测指标 / Figures for Prometheus",
             work=metrics, produces=("text/plain", "application/openmetrics-text")),
    Endpoint(method="GET", path="/v1/keys", name="getKeys", tag=_OPEN, summary="公钥 / The hub's public keys",
             work=keys, reply=list[PublicKey], quick=True),
    Endpoint(method="GET", path="/v1/checkpoint", name="getCheckpoint", tag=_OPEN,
             summary="最新审计检查点 / The newest signed checkpoint of the audit", work=checkpoint, produces=_TEXT),
    Endpoint(method="GET", path="/v1/problems/{code}", name="getProblem", tag=_OPEN,
             summary="问题代码的含义 / What a problem's code means", work=code, reply=Code, quick=True),
)  # fmt: skip
