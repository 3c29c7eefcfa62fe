"""What stands in deploy/ and in the operations guide: scripts that parse, and commands that the program has."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from integration.cli.program import program

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((ROOT / "deploy").rglob("*.sh"))
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
GUIDES = [ROOT / "docs" / "operations.md", *UNITS]
COMMAND = re.compile(r"(?:^|[\s/'(`])waiverhub ((?:[a-z]|--)[^`'#|;)\n]*)")


def commands_in(path: Path) -> Iterator[list[str]]:
    text = path.read_text().replace("\\\n", " ")
    lines = re.findall(r"^ {4}.*$|`[^`\n]+`", text, re.MULTILINE) if path.suffix == ".md" else text.splitlines()
    for line in lines:
        if not line.startswith(("#", "Description", "Documentation")):
            yield from map(shlex.split, COMMAND.findall(re.sub(r"\$+\([^)]*\)", "FILE", line).replace('"', "")))


def unknown(words: list[str]) -> str | None:
    """Return the first word that is no command, or the first option that the command has not."""
    group: object = typer.main.get_command(program)
    for word in words:
        if word.startswith("-"):
            options = {name for one in group.params for name in one.opts}  # type: ignore[attr-defined]
            if word.partition("=")[0] not in options:
                return word
        elif hasattr(group, "commands"):
            if word not in group.commands:
                return word
            group = group.commands[word]
    return "a command is missing" if hasattr(group, "commands") else None


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_every_command_that_is_written_down_exists(path: Path) -> None:
    found = list(commands_in(path))
    assert found
    assert [(words, wrong) for words in found if (wrong := unknown(words))] == []


@pytest.mark.parametrize("words", [["backup"], ["backup", "mend"], ["backup", "make", "--fast"], ["nothing"]])
def test_a_command_that_does_not_exist_would_be_found(words: list[str]) -> None:
    assert unknown(words) is not None


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_can_be_started(path: Path) -> None:
    subprocess.run(["sh", "-n", path], check=True)
    assert path.stat().st_mode & 0o111


def test_every_service_is_shut_in_alike() -> None:
    def hardening(path: Path) -> str:
        return path.read_text().partition("NoNewPrivileges=yes")[2].partition("\n[")[0].strip()

    assert {hardening(path) for path in UNITS} == {hardening(UNITS[0])}
    assert "ProtectSystem=strict" in hardening(UNITS[0])


def test_the_proxies_are_configured_in_words_that_haproxy_knows(tmp_path: Path) -> None:
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if haproxy is None:
        pytest.skip("haproxy is not installed")
    nodes = {f"@node{n}@": f"127.0.0.1:1541{n} check port 1542{n}" for n in (1, 2, 3)}
    for path in sorted((ROOT / "deploy").rglob("haproxy.cfg")):
        content = path.read_text()
        for name, value in {"@port@": "15400", **nodes}.items():
            content = content.replace(name, value)
        (tmp_path / "haproxy.cfg").write_text(content)
        subprocess.run([haproxy, "-c", "-f", tmp_path / "haproxy.cfg"], check=True, capture_output=True)
