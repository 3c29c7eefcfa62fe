"""schemathesis over the whole document, as each kind of caller: no fault of the hub, no answer that is not told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import schemathesis
from callers import MACHINES, PERSONS, Caller
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.generation import GenerationMode
from serving import served

from integration.domain.rights import CLIENT_RIGHTS, ROLE_RIGHTS
from integration.jobs.hub import Hub
from integration.web.api import ENDPOINTS
from integration.web.door import Options
from integration.web.openapi import document
from integration.web.server import make_app

SCHEMA = schemathesis.openapi.from_dict(document(ENDPOINTS, "test"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
WHO = ["water", "bureau", *(role.value for role in PERSONS)]
#: How often each endpoint is called, sound and unsound, by each caller that may; more outside the default run.
EXAMPLES = int(os.environ.get("WAIVERHUB_FUZZ_EXAMPLES", "1"))


def rights_of(who: str) -> frozenset[str]:
    return CLIENT_RIGHTS[MACHINES[who][0]] if who in MACHINES else ROLE_RIGHTS[next(r for r in PERSONS if r == who)]


@pytest.mark.parametrize("who", ["water", "supervisor"])
def test_whatever_comes_is_answered_as_the_document_says(city: Hub, filled: Path, tmp_path: Path, who: str) -> None:
    fuzz(city, filled, tmp_path, who, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("who", WHO)
def test_so_is_much_more(city: Hub, filled: Path, tmp_path: Path, who: str) -> None:
    fuzz(city, filled, tmp_path, who, 200)


def fuzz(city: Hub, filled: Path, tmp_path: Path, who: str, examples: int) -> None:
    token = Caller(None, city, filled / "tokens.json").tokens[who]  # type: ignore[arg-type]
    mine = {(one.method, one.path) for one in ENDPOINTS if one.right is None or one.right in rights_of(who)}
    mine -= {("DELETE", "/v1/sessions/current"), ("POST", "/v1/sessions")}  # the one ends the caller, the other is slow
    options = Options(folder=tmp_path / "service", rate_per_s=10_000, burst=10_000)
    calls = 0
    with served(make_app(city, options)) as url:
        for found in SCHEMA.get_all_operations():
            operation = found.ok()
            if (operation.method.upper(), operation.path) in mine:
                for mode in GenerationMode:
                    calls += _called(operation, mode, url, token, examples)
    assert calls > len(mine)


def _called(operation, mode: GenerationMode, url: str, token: str, examples: int) -> int:
    calls = 0
    # a row of a batch that is not as agreed is no reason to refuse the batch: it ends rejected, by itself
    strict = mode is GenerationMode.NEGATIVE and operation.path != "/v1/registry/batches"
    checks = [*CHECKS, negative_data_rejection] if strict else CHECKS

    @settings(
        max_examples=examples, database=None, phases=[Phase.explicit, Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: schemathesis.Case) -> None:
        nonlocal calls
        calls += 1
        case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {token}"}, checks=checks)

    try:
        call()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, operation.label  # it takes nothing that could be wrong
    return calls
