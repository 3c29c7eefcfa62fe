"""What every form of file has: rows that are cut into cells, and a way to write them. The form itself is a detail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from adapters.dialects.spec import Cell, Cells


class Rows(Protocol):
    """The rows of a file as they lie in it, numbered as its sender counts them.

    What a row is, a line, a record or the cells of a sheet, only its form knows. ``last`` is the trailer, kept apart;
    it and ``last_row`` are only right once the rows are exhausted.
    """

    last: Any
    last_row: int

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        """Return itself."""
        ...

    def __next__(self) -> tuple[int, Any]:
        """Return the next row; raises FileRefused if the file is damaged."""
        ...

    def take(self) -> tuple[int, Any]:
        """Return what stands before the rows: the header, if one is declared, then the line of column names."""
        ...


class Writing(Protocol):
    """One file being written, from its first byte to its last. Texts are those of the cells, in their order."""

    def opening(self, header: Sequence[str], totals: Sequence[str] | None) -> bytes:
        """Write what stands before the rows.

        ``totals`` are the trailer's texts where they are known already, for a form that has them first.
        """
        ...

    def join(self, columns: Sequence[Iterable[str]], rows: int) -> bytes | None:
        """Write many rows at once, given column by column; None if they must be written one by one."""
        ...

    def line(self, texts: Sequence[str]) -> bytes:
        """Write one row with care.

        Raises:
            BadCell: a text cannot stand in this file; its column is named.
        """
        ...

    def closing(self, trailer: Sequence[str]) -> Iterator[bytes]:
        """Write what stands after the rows, and all that was held back until now."""
        ...


class Form(Protocol):
    """How the rows of one table's files are found, cut into cells, and written."""

    def open(self, chunks: Iterable[bytes]) -> Rows:
        """Return the rows of a file.

        Raises:
            FileRefused: it is no file of this form; from this call, or from the rows.
        """
        ...

    def cut(self, row: Any, cells: Cells, /) -> list[str]:
        """Return the texts of a row's cells; raises BadCell, or UnicodeDecodeError."""
        ...

    def columns(self, rows: Sequence[Any], cells: Cells, /) -> list[Sequence[str]] | None:
        """Return what ``cut`` gives for each row, but by column; None if a row must be looked at by itself."""
        ...

    def fit(self, cell: Cell, text: str, /) -> str:
        """Bring a text to its cell's width."""
        ...

    def pad(self, cell: Cell, /) -> str | None:
        """Return the %-format that does the same for ASCII; None if the text stands as it is."""
        ...

    def writing(self) -> Writing:
        """Begin a file."""
        ...
