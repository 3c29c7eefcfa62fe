"""Looks for the city's people in bytes where they must not stand: the lists' files and the database.

A pattern finds every run of figures and of Chinese signs; each window of a run is looked up among all that is secret.
So nothing needs to be sampled, however large the city is.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from integration.demo.city import City
from integration.demo.people import Person, fold_name, long_id

Buffer = bytes | mmap.mmap

_FIGURES: Final = re.compile(rb"[0-9]{15}[0-9Xx]*")
#: A Chinese sign, a middle dot, a full-width figure in UTF-8; a text is two or more, with plain figures between.
_SIGN: Final = rb"(?:[\xe2-\xef][\x80-\xbf]{2}|\xf0[\xa0-\xaf][\x80-\xbf]{2}|\xc2\xb7)"
_SIGNS: Final = re.compile(_SIGN + rb"(?:" + _SIGN + rb"|[0-9 ])+")
#: The same in GB18030, where the second half of a sign may be an ASCII letter or figure.
_GB_SIGNS: Final = re.compile(rb"(?:[\x81-\xfe][\x30-\x39\x40-\x7e\x80-\xfe]){2,}")
#: Six bytes of a name of two signs would stand in a large database by mere chance, once in some hundred demos.
_CHANCE: Final = 3


class Secrets:
    """What may stand nowhere: texts (names, addresses) and figures (ID and certificate numbers)."""

    def __init__(self, texts: Iterable[str], figures: Iterable[str]) -> None:
        self._texts = frozenset(filter(None, texts))
        self._figures = frozenset(figures)
        self._longest = max(map(len, self._texts), default=0)
        self._lengths = sorted({len(number) for number in self._figures})

    def __len__(self) -> int:
        return len(self._texts) + len(self._figures)

    @classmethod
    def of(cls, city: City) -> Secrets:
        """Collect them from households and customers: each way of writing a name, short and long ID numbers."""
        people = [member for household in city.households for member in household.members]
        people += [Person(account.holder, account.holder_id) for account in city.accounts.values()]
        texts = {form for person in people for form in (person.name, fold_name(person.name))}
        figures = {form for person in people for form in _forms(person.id_number)}
        figures |= {number for household in city.households for number in household.numbers}
        texts |= {household.address for household in city.households}
        texts |= {account.address for account in city.accounts.values() if account.where}
        return cls(texts, figures)

    def in_figures(self, run: str) -> bool:
        """Whether a number stands in a run of figures."""
        run = run.upper()
        windows = (run[i : i + size] for size in self._lengths for i in range(len(run) - size + 1))
        return any(window in self._figures for window in windows)

    def in_text(self, run: str, shortest: int) -> bool:
        """Whether a name or address of so many signs at least stands in a run of signs."""
        return any(
            run[start:end] in self._texts
            for start in range(len(run))
            for end in range(start + shortest, min(len(run), start + self._longest) + 1)
        )


def _forms(id_number: str) -> Iterator[str]:
    """Yield an ID number as it is, in 18 and in 15 figures; placeholders are nobody's."""
    number = long_id(id_number.upper()) if id_number else ""
    if len(number) == 18 and len(set(number)) > 1:
        yield from (number, number[:6] + number[8:17])


def file_faults(secrets: Secrets, paths: Sequence[Path]) -> Iterator[str]:
    """Yield the files in which anything secret stands, in UTF-8 or GB18030."""
    for path in paths:
        content = path.read_bytes()
        if _figures_in(secrets, content) or _texts_in(secrets, content, 2) or _texts_in(secrets, content, 2, gb=True):
            yield f"{path.name}: holds what belongs to a person"


def bytes_faults(secrets: Secrets, content: bytes) -> bool:
    """Say whether anything secret stands in bytes of UTF-8."""
    return _figures_in(secrets, content) or _texts_in(secrets, content, 2)


def database_faults(secrets: Secrets, path: Path) -> Iterator[str]:
    """Yield the database's files in which anything secret stands in plain bytes."""
    for part in (path, path.with_name(f"{path.name}-wal")):
        if part.exists() and part.stat().st_size:
            with part.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if _figures_in(secrets, content):
                    yield f"{part.name}: an ID or certificate number stands in plain bytes"
                if _texts_in(secrets, content, _CHANCE):
                    yield f"{part.name}: a name or an address stands in plain bytes"


def _figures_in(secrets: Secrets, content: Buffer) -> bool:
    return any(secrets.in_figures(run.decode()) for run in _runs(_FIGURES, content))


def _texts_in(secrets: Secrets, content: Buffer, shortest: int, *, gb: bool = False) -> bool:
    runs, encoding = (_runs(_GB_SIGNS, content), "gb18030") if gb else (_runs(_SIGNS, content), "utf-8")
    return any(secrets.in_text(run.decode(encoding, "replace"), shortest) for run in runs)


def _runs(pattern: re.Pattern[bytes], content: Buffer) -> set[bytes]:
    """Return the different runs; in lists they are few, however many rows there are."""
    return {found.group() for found in pattern.finditer(content)}
