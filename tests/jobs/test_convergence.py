"""Any order of arrival, with repeats, gives the same timelines (edge cases 72, 75; promise B2)."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from histories import histories
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from world import take

from integration.app import compose
from integration.domain.policy import Brake, Policy, load_policy
from integration.jobs.hub import Hub
from integration.settings import Settings
from integration.storage import registry
from integration.storage.engine import Store
from integration.storage.tables import household_keys, sealed_records

#: Durability is not what is tested here; a folder in memory makes commits quick.
_QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

Timeline = list[tuple[object, ...]]


def unbraked(policy: Policy) -> Policy:
    """The same policy with a brake that never trips, so that small histories may end everything."""
    content = json.loads(policy.content)
    wide = {"count": 1_000_000, "per_mille": 1000}
    content["brake"]["values"][0]["value"] = dict.fromkeys(Brake.model_fields, wide)
    return load_policy({"test": content})


@contextmanager
def fresh_hub(template: Path, ring, clock) -> Iterator[Hub]:
    with tempfile.TemporaryDirectory(dir=_QUICK) as folder:
        shutil.copyfile(template, Path(folder) / "hub.db")
        store = Store.open(f"sqlite:///{folder}/hub.db")
        hub = compose(store, ring, Settings(data_dir=Path(folder)), clock=clock)  # type: ignore[call-arg]
        yield replace(hub, policy=unbraked(hub.policy))
        store.close()


def timelines(hub: Hub) -> dict[str, Timeline]:
    """Every household's timeline by its first certificate number, without the hub's own ids."""
    with hub.store.read() as connection:
        keys = dict(connection.execute(select(household_keys.c.household_id, household_keys.c.wrapped)).all())
        names: dict[int, str] = {}
        for one, record_id, sealed in connection.execute(select(sealed_records)):
            opened = hub.household_keys.unwrap(one, keys[one]).open(("sealed_records", one, record_id), sealed)
            numbers = [each["number"] for each in json.loads(opened)["certificates"]]
            names[one] = min([*numbers, names.get(one, numbers[0])], key=lambda number: (len(number), number))
        known = registry.timelines(connection, None)
    return {
        names[one]: [(k.part.valid_from, k.part.valid_to, k.part.standing, k.part.district) for k in parts]
        for one, parts in known.items()
    }


def outcome(files: Sequence[bytes], template: Path, ring, clock) -> dict[str, Timeline]:
    with fresh_hub(template, ring, clock) as hub:
        for content in files:
            take(hub, content)
        return timelines(hub)


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    written = draw(histories())
    again = draw(st.lists(st.sampled_from(written), max_size=2))
    return written, draw(st.permutations([*written, *again]))


def _converges(template: Path, ring, clock, both: tuple[list[bytes], list[bytes]]) -> None:
    written, arrived = both
    assert outcome(arrived, template, ring, clock) == outcome(written, template, ring, clock)


SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@given(both=shuffled())
@settings(max_examples=12, **SETTINGS)
def test_any_order_of_arrival_gives_the_same_timelines(sqlite_template, ring, clock, both) -> None:
    """Deltas and snapshots, shuffled and repeated, end in the same world."""
    _converges(sqlite_template, ring, clock, both)


@pytest.mark.soak
@given(both=shuffled())
@settings(max_examples=3000, **SETTINGS)
def test_any_order_of_arrival_gives_the_same_timelines_long(sqlite_template, ring, clock, both) -> None:
    """The same, for long."""
    _converges(sqlite_template, ring, clock, both)
