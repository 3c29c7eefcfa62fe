"""Read the union's file of workers in hardship from a declared table, and check what no table can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adapters.base import ReadWorker
from adapters.dialects.spec import WorkerFile
from adapters.dialects.table import BAD_PERIOD, TableReader, column_of, typed
from schemas.citizen_id import IdFault, read_citizen_id
from schemas.faults import Fault
from schemas.workers import WorkerRow


class UnionWorkers:
    """Reads workers, one certificate a row."""

    def __init__(self, table: WorkerFile) -> None:
        self._table, self._reader = table, TableReader(table)

    def read(self, chunks: Iterable[bytes]) -> Iterator[ReadWorker]:
        """Read workers as they come.

        Raises:
            FileRefused: not this file, or damaged.
        """
        for read in self._reader.read(chunks)[1]:
            worker, fault = typed(read, WorkerRow, self._table)
            fault = self._fault(read.row, worker) if worker else fault
            yield ReadWorker(read.row, None if fault else worker, fault)

    def _fault(self, row: int, worker: WorkerRow) -> Fault | None:
        """Say what is wrong with a worker as a whole: a number that nobody has, or days that cannot be."""
        number = read_citizen_id(worker.id_number)
        if isinstance(number, IdFault):
            return Fault(row, column_of(self._table.columns, "id_number"), number.code, number.text)
        if worker.valid_to < worker.valid_from:
            return Fault(row, column_of(self._table.columns, "valid_to"), *BAD_PERIOD)
        return None
