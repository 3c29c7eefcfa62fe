"""Write 0001 anew from the tables. Only before the first release; later each change is a revision."""

from __future__ import annotations

import tempfile
from pathlib import Path

from alembic import command

from integration.storage.engine import Store
from integration.storage.migrations import config


def main() -> None:
    """Replace 0001 by what an empty database lacks."""
    folder = Path(__file__).with_name("versions")
    for old in folder.glob("0001_*.py"):
        old.unlink()
    with tempfile.TemporaryDirectory() as empty:
        store = Store.open(f"sqlite:///{empty}/empty.db")
        with store.write(dry_run=True) as connection:
            command.revision(config(connection), "the first tables", autogenerate=True, rev_id="0001")
        store.close()


if __name__ == "__main__":
    main()
