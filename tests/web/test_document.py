"""The API's document: complete, valid, and what the server does is what it says (schemathesis)."""

from __future__ import annotations

import json
import re

import pytest
from callers import Caller

from integration.web.api import ENDPOINTS, EXAMPLES
from integration.web.openapi import document
from integration.web.problems import KINDS

MADE = document(ENDPOINTS, "test")


def test_every_endpoint_is_in_it_with_its_problems() -> None:
    for endpoint in ENDPOINTS:
        operation = MADE["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["summary"].count(" / ") == 1, endpoint.name
        assert str(endpoint.status) in operation["responses"]
        assert {str(KINDS[code].status) for code in endpoint.problems} <= set(operation["responses"])
        assert ("security" in operation) == (endpoint.right is not None)


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(MADE)))
    assert names <= set(MADE["components"]["schemas"])
    assert "#/$defs" not in json.dumps(MADE)


def test_examples_belong_to_endpoints() -> None:
    assert set(EXAMPLES) <= {endpoint.name for endpoint in ENDPOINTS}


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/docs/swagger_bundle.js", "/docs/swagger_style.css"])
async def test_the_page_needs_nothing_from_elsewhere(api: Caller, path: str) -> None:
    response = await api("GET", path)
    assert response.status == 200
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    if path == "/docs":
        assert not re.search(r"https?://", await response.text())


async def test_the_document_is_served_as_made(api: Caller) -> None:
    served = await api.json("GET", "/v1/openapi.json", "anonymous")
    assert served["openapi"] == "3.1.0"
    assert set(served["paths"]) == set(MADE["paths"])


@pytest.mark.parametrize(
    ("language", "word"), [("en", "no such thing"), ("zh-CN,en;q=0.5", "没有此对象"), ("", "没有此对象")]
)
async def test_problems_speak_the_callers_language(api: Caller, language: str, word: str) -> None:
    response = await api("GET", "/v1/nowhere", headers={"Accept-Language": language})
    said = await response.json(content_type="application/problem+json")
    assert (response.status, said["code"]) == (404, "NOT_FOUND")
    assert word in said["title"]
    assert (await api("GET", said["type"])).status == 200
