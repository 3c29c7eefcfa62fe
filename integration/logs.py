"""Logs: one JSON object a line, and only keys that are known to be free of personal data.

An unknown key is dropped and counted, never printed: a forgotten ``name=`` in some job must not become a leak. Of
exceptions stand class and place; neither their text nor their local variables.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

from integration.clock import Clock

#: What a log line may say. Values are numbers, codes and ids of the hub's own.
ALLOWED: Final = frozenset(
    {
        "event", "level", "at", "logger", "dropped", "error", "error_at",
        "action", "company", "service", "month", "season", "district", "source", "sender", "kind", "state",
        "submission", "message_id", "version", "cut_off", "position", "run", "list_number", "rendering",
        "household_id", "account_id", "hold", "door", "code", "constraint", "outcome",
        "rows", "applied", "unchanged", "held", "rejected", "findings", "quantity_milli", "amount_fen",
        "took_ms", "bytes", "size", "count", "job", "attempt", "tree_size", "actor", "role",
    }
)  # fmt: skip

_PLAIN: Final = (bool, int, str, type(None))


def configure(clock: Clock, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every log line, ours and the libraries', through the allow-list to a stream (default: stderr)."""
    chain: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _instant(clock),
        without_text,
        filter_keys,
    ]
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    json = structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True)
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, json]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=[_foreign, *chain]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("alembic", "aiohttp.access", "apscheduler"):  # what they tell is told by us, or nothing new
        logging.getLogger(noisy).setLevel(logging.WARNING)


def filter_keys(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Keep the allowed keys with plain values; say how many others there were."""
    kept = {key: value for key, value in line.items() if key.startswith("_") or _may_say(key, value)}
    dropped = len(line) - len(kept)
    return kept | {"dropped": dropped} if dropped else kept


def _may_say(key: str, value: object) -> bool:
    return key in ALLOWED and isinstance(value, _PLAIN)


def without_text(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Reduce an exception to its class and the place it came from."""
    info = line.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else sys.exc_info()[1] if info is True else info and info[1]
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        line["error_at"] = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-5:]))
    return line


def _foreign(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's message nobody knows what it quotes: its logger and level are all that stays."""
    line["event"] = "library message"
    return line


def _instant(clock: Clock) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["at"] = clock().isoformat()
        return line

    return add
