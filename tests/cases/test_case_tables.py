"""The tables are whole: every case has its example, every worked value is played, and the page says what they say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from case_tables import Case, Convention, cases, conventions
from rules_page import PAGE, page

ROOT = Path(__file__).parents[2]
#: The worked values (yuan) that have to be among what is expected.
WORKED = {"4.40", "6.60", "13.20", "7.20", "6.00", "10.00", "-4.40", "2.20"}


def test_every_one_of_the_92_cases_has_an_example() -> None:
    assert {case.number for case in cases()} == set(range(1, 93))


def test_every_convention_of_chinese_data_is_named() -> None:
    assert [one.number for one in conventions()] == [f"4.{number}" for number in range(1, 8)]


def test_no_two_examples_have_one_name() -> None:
    names = [case.key for case in cases()]
    assert len(names) == len(set(names))


def test_every_worked_value_is_expected_somewhere() -> None:
    assert {row["yuan"] for case in cases() for row in case.expected if "yuan" in row} >= WORKED


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.key)
def test_an_example_is_played_or_held_by_tests_or_says_why_not(case: Case) -> None:
    assert bool(case.expected or case.carried_by) or bool(case.not_followed or case.later)
    _stand(case.carried_by)


@pytest.mark.parametrize("convention", conventions(), ids=lambda one: one.number)
def test_a_convention_is_held_by_tests_or_says_why_not(convention: Convention) -> None:
    assert bool(convention.carried_by) != bool(convention.later)
    _stand(convention.carried_by)


def _stand(tests: list[str]) -> None:
    """Let every test that is named be there."""
    for test in tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in names, test


def test_the_page_is_made_from_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "make rules"
