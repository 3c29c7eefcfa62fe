from collections.abc import Iterator

import pytest
import structlog
from hubs import hub, hub_maker, settings, sqlite_hub  # noqa: F401


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nothing reads these logs; left as it is, the library draws every traceback with all its variables."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: object) -> str:
    raise structlog.DropEvent
