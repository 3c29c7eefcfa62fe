"""The shape of the code, read with ``ast``: one-way imports, small functions, one clock, no floats."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.app import policy_in
from integration.domain.policy import MonthPolicy
from integration.settings import config_folder

ROOT = Path(__file__).parent.parent
CODE = sorted(
    path
    for room in ("schemas", "adapters", "integration")
    for path in (ROOT / room).rglob("*.py")
    if "versions" not in path.parts
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
NAMES = {path: str(path.relative_to(ROOT)) for path in (*CODE, *TESTS)}
TREES = {path: ast.parse(path.read_text()) for path in (*CODE, *TESTS)}

INNER = ("schemas", "integration.domain", "integration.storage", "integration.clock", "adapters.base")
#: Who may import whom; a room may always import itself. The longest prefix counts.
MAY = {
    "schemas": (),
    "adapters.base": ("schemas",),
    "adapters": ("schemas", "adapters"),
    "integration.clock": (),
    "integration.logs": ("integration.clock",),
    "integration.settings": ("schemas",),
    "integration.domain": ("schemas",),
    "integration.storage": ("schemas", "integration.domain", "integration.clock"),
    "integration.jobs": INNER,
    "integration.web": (*INNER, "integration.jobs"),
    "integration.scheduler": (*INNER, "integration.jobs"),
    "integration.demo": ("schemas", "adapters", "integration"),
    "integration.cli": ("schemas", "integration", "adapters"),
    "integration.app": ("schemas", "adapters.base", "adapters.registry", "integration"),
    "integration.service": (*INNER, "integration.jobs", "integration.web", "integration.scheduler"),
    "integration": (),
}
#: The outermost rooms; nothing inside may import them.
OUTER = tuple(f"integration.{name}" for name in ("app", "cli", "demo", "web", "scheduler", "service"))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{NAMES[path]}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(module: str, target: str) -> bool:
    if not any(within(target, room) for room in ("schemas", "adapters", "integration")):
        return False
    room = max((room for room in MAY if within(module, room)), key=len)
    if any(within(target, outer) for outer in OUTER) and room not in OUTER:
        return True
    return not any(within(target, allowed) for allowed in (room, *MAY[room]))


@pytest.mark.parametrize("path", CODE, ids=NAMES.get)
def test_imports_run_one_way(path: Path) -> None:
    assert [target for target in imported(path) if forbidden(module_of(path), target)] == []


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("integration.domain.brake", "integration.storage.tables"),
        ("integration.storage.lists", "integration.jobs.hub"),
        ("integration.jobs.publish", "adapters.registry"),
        ("integration.jobs.publish", "integration.app"),
        ("adapters.companies", "integration.clock"),
        ("schemas.values", "adapters.base"),
    ],
)
def test_an_import_against_the_current_would_be_found(module: str, target: str) -> None:
    assert forbidden(module, target)


@pytest.mark.parametrize("path", CODE, ids=NAMES.get)
def test_only_the_clock_reads_the_time(path: Path) -> None:
    if NAMES[path] == "integration/clock.py":
        return
    calls = [
        ast.unparse(node.func)
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    told = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    assert [call for call in calls if call in told or call.endswith(("datetime.now", "date.today"))] == []


@pytest.mark.parametrize("path", [*CODE, *TESTS], ids=NAMES.get)
def test_nothing_is_mocked(path: Path) -> None:
    assert [name for name in imported(path) if name.startswith(("unittest.mock", "mock", "pytest_mock"))] == []


@pytest.mark.parametrize("path", CODE, ids=NAMES.get)
def test_modules_and_functions_stay_small(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= 350
    functions = [n for n in ast.walk(TREES[path]) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [(n.name, long) for n in functions if (long := (n.end_lineno or 0) - n.lineno + 1) > 40] == []


@pytest.mark.parametrize(
    "path", [p for p in CODE if NAMES[p].startswith(("schemas/", "integration/domain/"))], ids=NAMES.get
)
def test_no_float_comes_near_money_or_quantities(path: Path) -> None:
    floats = [
        node.lineno
        for node in ast.walk(TREES[path])
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float")
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]
    assert floats == []


@pytest.mark.parametrize("path", [p for p in CODE if NAMES[p].startswith("integration/domain/")], ids=NAMES.get)
def test_the_rules_know_no_database_no_file_and_no_clock(path: Path) -> None:
    outside = ("sqlalchemy", "psycopg", "sqlite3", "pathlib", "os", "time", "random", "httpx", "socket")
    assert [name for name in imported(path) if name.split(".")[0] in outside] == []


def test_every_parameter_of_the_policy_says_what_it_means_and_where_it_is_written() -> None:
    policy = policy_in(config_folder() / "policy")
    assert set(policy.parameters) == set(MonthPolicy.model_fields)
    for name, parameter in policy.parameters.items():
        assert len(parameter.meaning) > 10, name
        assert len(parameter.source) > 5, name


def test_no_two_test_files_have_one_name() -> None:
    """Pytest imports them by their names alone."""
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))
