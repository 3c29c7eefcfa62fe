"""What SQLAlchemy has compiled, shared by all engines of a test process: each test opens databases of its own.

Compiling takes a quarter of a test's time otherwise. A statement is told by what it is and by the kind of dialect; the
engines of one kind are all made alike.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event

Key = tuple[Any, ...]


class Compiled(dict[Key, Any]):
    """A cache as ``compiled_cache`` wants it, whose keys begin with the dialect's kind instead of the dialect."""

    def get(self, key: Key, default: Any = None) -> Any:
        """Return what was compiled for a dialect of the same kind."""
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: Key, compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


_COMPILED = Compiled()


@event.listens_for(Engine, "engine_connect")
def _share(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_COMPILED)
