"""Delivering what is in the outbox: lists to companies that have them sent.

At least once over the wire, with one effect: the message id is made of the list's own digest, the bytes are the signed
rendering's, and after an unclear end the company is asked whether it has the message before it is sent again.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import msgspec
import structlog
from isal import igzip
from sqlalchemy import Connection

from adapters.base import Channel, Parcel, Refused, Unreachable
from integration.clock import Clock
from integration.jobs.hub import Hub
from integration.jobs.patience import drawn_us
from integration.storage import lists, outbox
from integration.storage.outbox import Message
from schemas.lists import Manifest, Rendering

_log = structlog.get_logger(__name__)

LIST: Final = "list"
#: The name that a company's own rendering goes by; one without gets the first canonical form.
_OWN: Final = "company"
#: How long a claimed message is its claimer's: longer than any sending takes.
CLAIM_S: Final = 300.0
_FIRST_S: Final = 5


def queue_list(connection: Connection, clock: Clock, company: str, number: int, manifest_sha256: str) -> None:
    """Queue a list for its company, in the transaction that publishes it."""
    message_id = f"{LIST}-{company}-{number}-{manifest_sha256[:16]}"
    outbox.queue(connection, clock, message_id, LIST, company, str(number))


def deliver_next(hub: Hub, owner: str, claim_s: float = CLAIM_S) -> bool:
    """Send what has waited longest; False if there is nothing to send now."""
    with hub.store.write() as connection:
        message = outbox.claim(connection, hub.clock, owner, round(claim_s * 1_000_000))
    if message is None:
        return False
    try:
        code = _sent(hub, message)
    except Unreachable as error:
        _undelivered(hub, message, owner, error.code, wait_us(message.attempts, error.retry_after, hub.clock))
    except Refused as error:
        _undelivered(hub, message, owner, error.code, None)
    except Exception as error:  # noqa: BLE001 - a message that cannot even be tried must not be tried for ever
        _undelivered(hub, message, owner, type(error).__name__, wait_us(message.attempts, None, hub.clock))
    else:
        with hub.store.write() as connection:
            outbox.delivered(connection, hub.clock, message, owner, code)
        _log.info("message_delivered", company=message.company, message_id=message.message_id, attempt=message.attempts)
    return True


def _undelivered(hub: Hub, message: Message, owner: str, code: str, after_us: int | None) -> None:
    with hub.store.write() as connection:
        outbox.undelivered(connection, hub.clock, message, owner, code, after_us)
    _log.warning("message_undelivered", company=message.company, message_id=message.message_id, code=code)


def wait_us(attempts: int, retry_after: str | None, clock: Clock) -> int:
    """Return how long to wait: a time drawn, or longer where the company asks for that."""
    asked = _asked_s(retry_after, clock)
    drawn = drawn_us(attempts, _FIRST_S)
    return drawn if asked is None else max(asked * 1_000_000, drawn)


def _asked_s(text: str | None, clock: Clock) -> int | None:
    """Return the seconds that a ``Retry-After`` asks for, written as such or as a date; at most a day."""
    if text is None:
        return None
    if text.isascii() and text.strip().isdigit():  # "²" is a digit as well, and no number
        return min(int(text.strip()[:9]), 86_400)
    try:
        seconds = (parsedate_to_datetime(text) - clock()).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(0, min(round(seconds), 86_400))


class _Ready(NamedTuple):
    parcel: Parcel
    rendering: Rendering
    channel: Channel


def _sent(hub: Hub, message: Message) -> str:
    ready = _ready(hub, message)
    if message.unclear and ready.channel.has(ready.parcel):
        return "HAD_IT"
    with hub.store.read() as connection:
        members = lists.chunks_of(connection, message.company, int(message.subject), ready.rendering.name)
        unpack: Callable[[bytes], bytes] = igzip.decompress
        return ready.channel.send(ready.parcel, map(unpack, members))


def _ready(hub: Hub, message: Message) -> _Ready:
    port = hub.companies.get(message.company)
    channel = port.channel(hub.homes) if port is not None else None
    if channel is None:
        raise Refused("NO_CHANNEL")
    with hub.store.read() as connection:
        published = lists.find_list(connection, message.company, int(message.subject))
    if published is None:
        raise Refused("NO_LIST")
    manifest = msgspec.json.decode(published.manifest, type=Manifest)
    own = [one for one in manifest.renderings if one.name == _OWN]
    rendering = (own or manifest.renderings)[0]
    headers = {
        "Waiverhub-List": message.subject,
        "Waiverhub-File": rendering.file_name,
        "Waiverhub-Manifest": base64.b64encode(published.manifest).decode(),
        "Waiverhub-Signature": base64.b64encode(published.signature).decode(),
    }
    signed = {"manifest.json": published.manifest, "manifest.sig": published.signature}
    parcel = Parcel(
        message_id=message.message_id,
        file_name=rendering.file_name,
        media_type=rendering.media_type,
        size=rendering.size,
        sha256=rendering.sha256,
        headers=headers,
        beside={f"{rendering.file_name}.{suffix}": content for suffix, content in signed.items()},
    )
    return _Ready(parcel, rendering, channel)
