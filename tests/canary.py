"""Search bytes for secrets in every dress in which they could leak."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

_GZIP = b"\x1f\x8b\x08"


def scan_bytes(sources: Iterable[Path | bytes], secrets: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return (secret, dress, where) of every hit; folders are read with all that is in them, gzip is opened."""
    dresses = {dress.lower(): (secret, name) for secret in secrets for name, dress in _dresses(secret)}
    width = min(map(len, dresses))
    starts: dict[bytes, list[bytes]] = {}
    for dress in dresses:
        starts.setdefault(dress[:width], []).append(dress)
    return [
        (*dresses[dress], where)
        for where, content in _contents(sources)
        for dress in _found(content.lower(), starts, width)
    ]


def _found(content: bytes, starts: dict[bytes, list[bytes]], width: int) -> Iterator[bytes]:
    """Look at every place once; one great pattern of ten thousand dresses would try each of them there."""
    for at in range(len(content) - width + 1):
        for dress in starts.get(content[at : at + width], ()):
            if content.startswith(dress, at):
                yield dress


def _dresses(secret: str) -> Iterator[tuple[str, bytes]]:
    plain = {name: secret.encode(name) for name in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")}
    yield from plain.items()
    for name in ("utf-8", "gb18030"):
        yield f"{name} hex", plain[name].hex().encode()
        yield f"{name} url", quote(plain[name]).encode()
        for phase in range(3):
            yield f"{name} base64 {phase}", _base64(plain[name], phase)
    yield "json", json.dumps(secret)[1:-1].encode()


def _base64(content: bytes, phase: int) -> bytes:
    """Return what base64 makes of the content at this phase of three, without the letters shared with neighbours."""
    coded = base64.b64encode(bytes(phase) + content + bytes(3))
    start = (0, 2, 3)[phase]
    return coded[start : (phase + len(content)) * 8 // 6]


def _contents(sources: Iterable[Path | bytes]) -> Iterator[tuple[str, bytes]]:
    for source in sources:
        if isinstance(source, bytes):
            yield from _opened("bytes", source)
        else:
            for path in [source] if source.is_file() else filter(Path.is_file, source.rglob("*")):
                yield from _opened(str(path), path.read_bytes())
                yield str(path), str(path).encode()


def _opened(where: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    yield where, content
    for start in re.finditer(re.escape(_GZIP), content):
        try:
            inner = zlib.decompressobj(wbits=31).decompress(content[start.start() :])
        except zlib.error:
            continue
        yield from _opened(f"{where} > gzip at {start.start()}", inner)
