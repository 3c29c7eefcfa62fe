"""Faults of configuration are told all at once, and never quote what stands there."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.configuration import ConfigFault, ConfigurationRefused, faults_of, read_toml


class Sample(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int
    name: str


def test_every_finding_is_told_with_its_key_and_without_its_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"limit": "geheim", "nmae": "geheim"})
    faults = faults_of("hub.toml", caught.value)
    assert {fault.key: fault.remedy for fault in faults} == {
        "limit": "correct the value",
        "name": "add it",
        "nmae": "take it out, or mend its spelling",
    }
    refused = ConfigurationRefused(faults)
    assert str(refused).count("hub.toml") == 3
    assert "geheim" not in str(refused)


def test_the_text_of_a_refusal_lists_all_faults() -> None:
    refused = ConfigurationRefused([ConfigFault("a.toml", "x", "p", "r"), ConfigFault("b.toml", "", "q", "s")])
    assert str(refused) == "a.toml: x: p; r\nb.toml: -: q; s"


def test_toml_is_read() -> None:
    assert read_toml("a.toml", b"a = 1") == {"a": 1}


@pytest.mark.parametrize(("raw", "problem"), [(b"a = geheim", "at line 1"), (b"\xff\xfe", "not UTF-8")])
def test_what_is_not_toml_is_refused_without_quoting_it(raw: bytes, problem: str) -> None:
    with pytest.raises(ConfigurationRefused, match=problem) as caught:
        read_toml("a.toml", raw)
    assert "geheim" not in str(caught.value)
