"""Whether the hub is well: what /readyz tells, and the figures of /metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from integration.storage.errors import StorageError
from integration.storage.overview import oldest_waiting
from integration.web.answers import Health

if TYPE_CHECKING:
    from integration.web.door import Door


class Figures:
    """What is counted of the calls. No label tells of a company or a person."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._calls = Counter("waiverhub_calls", "Calls answered.", labels, registry=self._registry)
        self._took = Histogram("waiverhub_call_seconds", "Time to answer.", ("route",), registry=self._registry)
        self._others: dict[str, Gauge] = {}
        age = "Age of the oldest file that waits to be applied."
        self.waiting_s = Gauge("waiverhub_inbox_age_seconds", age, registry=self._registry)

    def count(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a call that was answered."""
        self._calls.labels(method, route, str(status)).inc()
        self._took.labels(route).observe(took_s)

    def set(self, figures: Mapping[str, int]) -> None:
        """Set what others know: jobs, deliveries."""
        for name, value in figures.items():
            if name not in self._others:
                self._others[name] = Gauge(f"waiverhub_{name}", name.replace("_", " "), registry=self._registry)
            self._others[name].set(value)

    def written(self, accept: str) -> tuple[bytes, str]:
        """Return the figures as Prometheus reads them, and their media type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


def readiness(door: Door) -> Health:
    """Ask everything that the hub needs."""
    checks = {name: check() for name, check in door.options.checks.items()}
    checks["database"] = _database(door)
    return Health(all(value == "ok" for value in checks.values()), checks)


def _database(door: Door) -> str:
    try:
        with door.hub.store.read() as connection:
            age_us = oldest_waiting(connection, door.hub.clock)
    except StorageError as error:
        return error.code
    door.figures.waiting_s.set(age_us // 1_000_000)
    return "ok"
