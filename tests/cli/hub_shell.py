"""A terminal in front of a hub, as the tests use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from integration.cli.program import program

PASSWORD = "right horse battery"
FIRST = "2026-10"


@dataclass
class Shell:
    """A terminal in front of one hub."""

    data: Path
    language: str = "en"

    def env(self, **more: str) -> dict[str, str]:
        own = {"WAIVERHUB_DATA_DIR": str(self.data), "WAIVERHUB_LANGUAGE": self.language}
        return {**own, "WAIVERHUB_DATABASE_URL": "", "WAIVERHUB_PASSWORD_FILE": "", **more}

    def __call__(self, *words: object, typed: str = "", ends: int = 0, **env: str) -> Result:
        result = CliRunner().invoke(program, [str(word) for word in words], input=typed, env=self.env(**env))
        assert result.exit_code == ends, result.output
        return result

    def json(self, *words: object, typed: str = "", ends: int = 0) -> Any:
        return json.loads(self(*words, "--json", typed=typed, ends=ends).stdout)
