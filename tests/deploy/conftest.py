"""The cluster of the fail-over tests: up once for all of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from killable_cluster import NEEDED, Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip(f"not installed: {', '.join(missing) or 'postgresql'}")
    folder = Path(tempfile.mkdtemp(prefix="waiverhub-cluster-"))
    folder.chmod(0o755)  # the database's own user works below it
    made = Cluster(folder)
    try:
        made.up()
        yield made
    finally:
        made.down()
