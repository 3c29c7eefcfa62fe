"""The sandbox as a partner: whoever sends it a list finds its report in the box that the hub keeps for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from adapters.base import Channel, Parcel, Refused, Unreachable
from adapters.channels.folder import FolderPlace
from adapters.channels.lay_lists import lay
from adapters.companies import Company
from adapters.dialects.spec import ListFile, ReportFile, RosterFile
from adapters.dialects.table import TableReader
from adapters.dialects.writing import TableWriter
from adapters.sandbox import DAMAGES, HANGS_UP, REFUSES, answers
from schemas.lists import ListKind
from schemas.reports import ReportKind


@dataclass(frozen=True)
class SandboxCompany(Company):
    """A company of its own file that answers by itself."""

    @classmethod
    def of(cls, company: Company) -> SandboxCompany:
        """Return a company that answers by itself, in the words of one that does not."""
        return cls(**{field.name: getattr(company, field.name) for field in fields(company)})

    @property
    def roster_table(self) -> RosterFile:
        """How its roster is written."""
        return self._file.roster

    def channel(self, homes: Path) -> Channel | None:
        """Return the way on which it is sent its lists, and on which its answer comes to be."""
        channel, listed, reported = super().channel(homes), self._file.list, self._file.report
        if channel is None or listed is None or reported is None:
            return channel
        return AnsweringChannel(channel, FolderPlace(homes, home=self.code), listed, reported)


@dataclass(frozen=True)
class AnsweringChannel:
    """A channel at whose other end the sandbox sits. A list is small here, and held in memory."""

    inner: Channel
    home: FolderPlace
    listed: ListFile
    reported: ReportFile

    def send(self, parcel: Parcel, content: Iterable[bytes]) -> str:
        """Take a list and lay the report on it.

        Raises:
            Refused: SANDBOX_REFUSES; an account of the list asks for that.
            Unreachable: SANDBOX_HANGS_UP, after everything was taken.
        """
        kept = b"".join(content)
        head, read = TableReader(self.listed).read([kept])
        rows = [one.values for one in read if one.values]
        endings = {row["account"][-2:] for row in rows}
        if REFUSES in endings:
            raise Refused("SANDBOX_REFUSES")
        for name, report in self._reports(head, rows, damaged=DAMAGES in endings):
            with self.home.opened() as place:
                lay(place, "in", name, [report], len(report), hashlib.sha256(report).hexdigest())
        code = self.inner.send(parcel, [kept])
        if HANGS_UP in endings:
            raise Unreachable("SANDBOX_HANGS_UP")
        return code

    def has(self, parcel: Parcel) -> bool:
        """Tell whether a list lies there."""
        return self.inner.has(parcel)

    def _reports(
        self, head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], *, damaged: bool
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the report's files: one, or a damaged one without its last line, and after it the whole one."""
        kind = ReportKind.ORIGINAL if head["kind"] == ListKind.REGULAR else ReportKind.SUPPLEMENT
        said = {"month": head["month"], "kind": kind}
        report = b"".join(TableWriter(self.reported).write(said, answers(head["number"], rows)))
        name = f"SANDBOX_R_{head['month']}_{head['number']:06}"
        if damaged:
            yield f"{name}_1.csv", report[: report.rstrip().rindex(b"\n") + 1]
        yield f"{name}{'_2' * damaged}.csv", report
