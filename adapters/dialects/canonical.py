"""The hub's own two renderings of a list: CSV and NDJSON, all rows, fields named as in ``ListRow``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, starmap
from typing import Final

import msgspec

from adapters.base import ListHead, ListWriter
from adapters.dialects.listing import BATCH_ROWS, ListDialect
from adapters.dialects.spec import ListFile
from schemas.lists import ListRow

_CSV: Final = ListFile.model_validate(
    {
        "form": "delimited",
        "encoding": "utf-8",
        "newline": "crlf",
        "delimiter": ",",
        "quoting": "rfc4180",
        "full_roll": True,
        "file_name": "{company}-{number:06}.csv",
        "media_type": "text/csv",
        "names_row": True,
        "columns": [
            {"name": "reference", "field": "reference"},
            {"name": "account", "field": "account"},
            {"name": "service", "field": "service"},
            {"name": "month", "field": "month", "as": "month6"},
            {"name": "quantity_milli", "field": "quantity_milli", "as": "milli"},
            {"name": "change", "field": "change"},
        ],
    }
)

#: One line of the NDJSON: a ``ListRow`` with its names.
_Line = msgspec.defstruct("_Line", list(ListRow.__annotations__.items()), frozen=True)


class NdjsonList:
    """Newline-delimited JSON, one object a row."""

    name = "ndjson"
    media_type = "application/x-ndjson"
    full_roll = True

    def file_name(self, head: ListHead) -> str:
        """Name the file after company and list number."""
        return f"{head.company}-{head.number:06}.ndjson"

    def render(self, _head: ListHead, rows: Iterable[ListRow]) -> Iterator[bytes]:
        """Render the rows; there is no header, the signed manifest says the rest."""
        encoder, remaining = msgspec.json.Encoder(), iter(rows)
        while batch := list(islice(remaining, BATCH_ROWS)):
            yield encoder.encode_lines(starmap(_Line, batch))


#: Every list is rendered in these forms, whatever else its company wants.
CANONICAL_WRITERS: Final[tuple[ListWriter, ...]] = (ListDialect("csv", _CSV), NdjsonList())
