"""Civil affairs 民政: pushing the registry, and seeing what became of it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from integration.domain.rights import Right
from integration.jobs.inbox import keep_file
from integration.storage import holds
from integration.storage.holds import Hold
from integration.storage.overview import at_text
from integration.web import strict_json
from integration.web.answers import Accepted, Batch, HoldLine
from integration.web.api import shared
from integration.web.calls import Call, found
from integration.web.endpoints import Endpoint, Reply, Upload
from integration.web.problems import Problem
from schemas.registry import FileKind, RegistryHeader
from schemas.registry_file import canonical_file

_ROWS_MOST: Final = 5_000


def send_batch(call: Call) -> Reply:
    """Keep a batch of updates as the canonical file that it stands for: batches and files go one road."""
    raw = b"".join(call.file.content())
    try:
        said = strict_json.loads(raw)
    except strict_json.NotStrict as error:
        raise Problem("BAD_JSON", f"{error}") from None
    header, rows = _header(said), said["rows"]
    if header.kind is not FileKind.DELTA:
        raise Problem("NOT_AS_AGREED", "全量请按文件报送 / send a snapshot as a file, to /v1/registry/files")
    content = canonical_file(header, rows)
    kept = keep_file(call.hub, "registry", call.principal.party, lambda: iter([content]))
    where = f"/v1/submissions/{kept.submission_id}"
    return Reply(Accepted(kept.submission_id, where), 202, {"Location": where})


def _header(said: Any) -> RegistryHeader:
    shape = isinstance(said, dict) and set(said) == {"header", "rows"} and isinstance(said["rows"], list)
    if not shape or len(said["rows"]) > _ROWS_MOST:
        raise Problem(
            "NOT_AS_AGREED",
            f"须为 header 与至多 {_ROWS_MOST} 行 rows / a batch is a header and at most {_ROWS_MOST} rows",
        )
    try:
        return msgspec.convert(said["header"], RegistryHeader)
    except msgspec.ValidationError:
        raise Problem("NOT_AS_AGREED", "header 不合约定 / the header is not as agreed") from None


def send_file(call: Call) -> Reply:
    """Keep a registry file: a snapshot or a delta, of any size."""
    return shared.keep(call, "registry", call.principal.party)


def own_holds(call: Call) -> Reply:
    """Give what of one's own submissions waits for two persons, or did."""
    return Reply([_line(one) for one in _own(call)])


def own_hold(call: Call) -> Reply:
    """Give one hold of one's own submissions."""
    number = call.number("hold")
    return Reply(_line(found(next((one for one in _own(call) if one.hold_id == number), None))))


def _own(call: Call) -> list[Hold]:
    """Return the holds of the sender's submissions; who proposed and approved is the office's own."""
    with call.hub.store.read() as connection:
        mine = holds.of_sender(connection, call.principal.party)
    return [one for one in mine if one.door in ("snapshot", "deltas")]


def _line(one: Hold) -> HoldLine:
    return HoldLine(one.hold_id, one.door, one.subject, at_text(one.at_us), one.state, one.trips)


_BATCH: Final = Upload(("application/json",), 8 << 20, Batch)

ENDPOINTS: Final = (
    Endpoint(
        method="POST", path="/v1/registry/batches", name="sendRegistryBatch", tag="民政 Civil affairs",
        summary="报送一批低保变更（增量） / Send a batch of registry updates",
        work=send_batch, right=Right.REGISTRY_SEND, body=_BATCH, reply=Accepted, status=202, write=True,
        problems=("BAD_JSON", "NOT_AS_AGREED", "MESSAGE_REUSED"),
    ),
    Endpoint(
        method="POST", path="/v1/registry/files", name="sendRegistryFile", tag="民政 Civil affairs",
        summary="报送登记文件（全量或增量，NDJSON 或本局 CSV） / Send a registry file, NDJSON or the bureau's CSV",
        work=send_file, right=Right.REGISTRY_SEND, body=shared.FILE, reply=Accepted, status=202, write=True,
        problems=("MESSAGE_REUSED",),
    ),
    Endpoint(
        method="GET", path="/v1/holds", name="listOwnHolds", tag="民政 Civil affairs",
        summary="本单位报送的暂存 / What of one's own submissions waits for two persons",
        work=own_holds, right=Right.HOLDS_OWN, reply=list[HoldLine],
    ),
    Endpoint(
        method="GET", path="/v1/holds/{hold}", name="getOwnHold", tag="民政 Civil affairs",
        summary="一项暂存及其超限说明 / One hold, and which limits it would exceed",
        work=own_hold, right=Right.HOLDS_OWN, reply=HoldLine,
    ),
)  # fmt: skip
