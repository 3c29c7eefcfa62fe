"""Every clause with everything that signs, and who speaks what: the reports of ``waiverhub adapter``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from adapters.contract.boxes import COLLECTING, Collecting
from adapters.contract.channels import SENDING
from adapters.contract.clauses import Capability, Verdict, tried
from adapters.contract.damage import DAMAGE
from adapters.contract.dialects import listings, readings
from adapters.contract.listing import LISTS
from adapters.contract.reading import READING
from adapters.contract.samples import Sample
from adapters.contract.signers import Signer
from adapters.contract.ways import Sending

#: The names of all clauses.
CLAUSES: Final = (
    *(one.name for one in (*READING, *DAMAGE)),
    *(one.name for one in LISTS),
    *(one.name for one in SENDING),
    *(one.name for one in COLLECTING),
)


def of_files(partner: Signer, samples: Sequence[Sample] = (), others: Iterable[Signer] = ()) -> Iterator[Verdict]:
    """Try every clause with every kind of a partner's files, and every form of its lists."""
    for file in readings(partner, samples, others):
        yield from (tried(one, file) for one in (*READING, *DAMAGE))
    for form in listings(partner, samples):
        yield from (tried(one, form) for one in LISTS)


def of_ways(sending: Iterable[Sending], collecting: Iterable[Collecting]) -> Iterator[Verdict]:
    """Try every clause with ways on which files travel."""
    for way in sending:
        yield from (tried(one, way) for one in SENDING)
    for box in collecting:
        yield from (tried(one, box) for one in COLLECTING)


# --- who speaks what


#: The kinds of files that partners send, and the lists that they get.
KINDS: Final = ("registry", "roster", "aliases", "report", "cases", "workers", "list")
_WAYS: Final = (Capability.HTTP_PUSH, Capability.SFTP, Capability.FOLDER, Capability.HOME)
#: What stands in a cell of the matrix for what there is not.
NONE: Final = "–"
#: The heads of the matrix.
HEADS: Final = (
    "partner", "name", *KINDS, "rows of a list", "lists travel by", "files travel by", "totals", "prices",
)  # fmt: skip


def matrix_rows(partners: Mapping[str, Signer]) -> list[tuple[str, ...]]:
    """Return a row a partner: what it sends and gets, in which form and on which way."""
    return [_row(partner) for partner in partners.values()]


def _row(partner: Signer) -> tuple[str, ...]:
    can = partner.can
    kept = "all" if Capability.FULL_ROLL in can else "changes" if Capability.CHANGES in can else ""
    sent = [way.value for way in _WAYS if way in can] or (["API"] if Capability.PULLS in can else [])
    box = partner.exchange.form if Capability.BOX in can and partner.exchange else "API"
    says = [*(partner.forms.get(kind, "") for kind in KINDS), kept, ", ".join(sent), box]
    marks = ["yes" if one in can else "" for one in (Capability.TOTALS, Capability.PRICES)]
    return (partner.code, partner.title, *(one or NONE for one in (*says, *marks)))


def matrix(partners: Mapping[str, Signer]) -> str:
    """Return the table of Markdown that stands in ``adapters/README.md``."""
    rows = [(f"`{code}`", *rest) for code, *rest in matrix_rows(partners)]
    lines = [HEADS, ("---",) * len(HEADS), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
