"""The demo plays through, says so, and cannot be fooled."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console
from sqlalchemy import ColumnElement, Connection, Table, and_
from tampering import tampering
from test_demo_reports import NOT_PLAYED
from typer.testing import CliRunner

from integration.cli.program import program
from integration.demo.acting import Record, perform
from integration.demo.bars import Bars
from integration.demo.book import Books, Story
from integration.demo.check import Check
from integration.demo.check_privacy import Secrets, database_faults
from integration.demo.check_reports import findings_closed, findings_now, findings_then, report_privacy_faults
from integration.demo.play import FAILED, PASSED, REFUSED, conclude, examine, play, tell
from integration.demo.rows import Wanted
from integration.demo.stage import CLERK, SUPERVISOR, Stage, cleared, opened
from integration.demo.words import CHECKS
from integration.domain.findings import DETECTED
from integration.storage import holds
from integration.storage.reports import decoded, packed
from integration.storage.tables import draws, findings, postings, report_rows, settlements
from schemas.findings import FindingKind

HOUSEHOLDS = 300


def console() -> Console:
    return Console(file=io.StringIO(), width=160, no_color=True)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


# --- playing --------------------------------------------------------------------------------------------------


@dataclass
class Demo:
    folder: Path
    status: int
    text: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder, shown = tmp_path_factory.mktemp("play") / "demo", console()
    return Demo(folder, play(folder, HOUSEHOLDS, language="en", console=shown), text_of(shown))


def test_every_check_passes_and_the_exit_status_says_so(demo: Demo) -> None:
    assert demo.status == PASSED
    assert demo.text.count("✓") == len(CHECKS) + 2  # one ledger for each of three months
    assert "✗" not in demo.text


def test_the_folder_holds_files_data_and_a_list_of_each_month_for_each_company(demo: Demo) -> None:
    names = [path.name for path in (demo.folder / "files").iterdir()]
    assert len(names) == 43
    assert sum("report-" in name for name in names) == 14
    assert len(list((demo.folder / "settlements").glob("*.sig"))) == 12
    assert (demo.folder / "var" / "hub.sqlite").is_file()
    assert len(list((demo.folder / "lists").glob("*/*/manifest.json"))) == 9


def test_the_summary_shows_no_progress_bar_where_there_is_no_terminal(demo: Demo) -> None:
    assert "━" not in demo.text
    assert demo.text.lstrip().startswith("Fee-waiver hub demo")


def test_passwords_stand_in_files_of_their_owner_alone_and_nowhere_else(demo: Demo) -> None:
    secrets = [demo.folder / "var" / f"{name}.password" for name in (CLERK, SUPERVISOR)]
    assert [path.stat().st_mode & 0o777 for path in secrets] == [0o600, 0o600]
    for secret in secrets:
        password = secret.read_text().strip()
        assert password not in demo.text
        others = [path for path in demo.folder.rglob("*") if path.is_file() and path != secret]
        assert not [path for path in others if password.encode() in path.read_bytes()]


def test_the_summary_names_nobody(demo: Demo) -> None:
    assert not re.findall(r"\d{15}", demo.text)


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if re.search(r"(^|[ /])waiverhub ", line) and "#" not in line]


def test_the_commands_to_try_next_work_as_they_stand(demo: Demo) -> None:
    found = commands(demo.text)
    assert len(found) >= 7
    ended = subprocess.run(["bash", "-c", found[0]], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, (found[0], ended.stderr)
    for command in found[1:]:
        words = shlex.split(command)
        at = next(n for n, word in enumerate(words) if word.endswith("waiverhub"))
        env = dict(word.split("=", 1) for word in words[:at])
        result = CliRunner().invoke(program, words[at + 1 :], env=env)
        assert result.exit_code == 0, (command, result.output)


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    folder = cleared(tmp_path / "demo")
    (folder.files / "left").write_text("by an earlier demo")
    assert not list(cleared(tmp_path / "demo").files.iterdir())


def test_a_folder_with_anything_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine").write_text("mine")
    shown = console()
    assert play(tmp_path, HOUSEHOLDS, console=shown) == REFUSED
    assert [path.name for path in tmp_path.rglob("*")] == ["files", "mine"]
    assert "nothing was touched" in text_of(shown)


def test_a_city_too_small_for_the_story_is_refused(tmp_path: Path) -> None:
    shown = console()
    assert play(tmp_path / "demo", 20, console=shown) == REFUSED
    assert "300" in text_of(shown)


def test_another_configuration_than_the_demos_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAIVERHUB_CONFIG", str(tmp_path))
    shown = console()
    assert play(tmp_path / "demo", HOUSEHOLDS, console=shown) == REFUSED
    assert "WAIVERHUB_CONFIG" in text_of(shown)


@pytest.mark.soak
def test_the_demo_plays_on_postgresql_and_only_in_an_empty_database(tmp_path: Path, postgresql_url: str) -> None:
    shown = console()
    assert play(tmp_path / "demo", HOUSEHOLDS, console=shown, database_url=postgresql_url) == PASSED, text_of(shown)
    assert play(tmp_path / "demo", HOUSEHOLDS, console=console(), database_url=postgresql_url) == REFUSED


# --- negative controls ----------------------------------------------------------------------------------------


@dataclass
class Scene:
    stage: Stage
    story: Story
    record: Record

    def checks(self) -> list[Check]:
        return examine(self.stage, self.story, self.record, Bars(console(), "en")).checks

    def failed(self) -> set[str]:
        return {check.name for check in self.checks() if not check.passed}

    def concluded(self) -> tuple[int, list[str]]:
        """The exit status, and the lines of the summary with a cross."""
        shown = console()
        played = examine(self.stage, self.story, self.record, Bars(shown, "en"))
        status = conclude(shown, played, "en")
        return status, [line for line in text_of(shown).splitlines() if "✗" in line]


@pytest.fixture(scope="module")
def performed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = cleared(tmp_path_factory.mktemp("controls") / "demo")
    with Bars(console(), "en") as bars, opened(folder, None, bars.rows) as stage:
        story = tell(folder, HOUSEHOLDS, 2, bars)
        yield Scene(stage, story, perform(stage, story.steps, bars.step))


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def a_list(scene: Scene, name: str) -> Path:
    return scene.stage.folder.list_folder("city_gas", 2) / name


def test_what_was_played_passes_before_anything_is_altered(performed: Scene) -> None:
    assert performed.concluded() == (PASSED, [])


def test_a_truth_altered_by_one_key_is_found(performed: Scene) -> None:
    *before, last = performed.story.truths
    key = next(key for key, places in last.items() if None in places)
    altered = replace(performed.story, truths=[*before, {one: v for one, v in last.items() if one != key}])
    status, crosses = replace(performed, story=altered).concluded()
    assert status == FAILED
    assert len(crosses) == 1
    assert "after run 2026-12 the ledger is the truth" in crosses[0]


def test_a_truth_of_another_place_is_found(performed: Scene) -> None:
    *before, last = performed.story.truths
    one, other = [key for key, places in last.items() if None not in places][:2]
    altered = replace(performed.story, truths=[*before, {**last, one: last[other]}])
    failing = [c for c in replace(performed, story=altered).checks() if not c.passed]
    assert [c.name for c in failing] == ["ledger"]
    assert len(failing[0].faults) == 1


def test_another_end_of_a_step_than_the_storys_is_found(performed: Scene) -> None:
    first, *rest = performed.record.ended
    held = replace(first, step=replace(first.step, expect=replace(first.step.expect, state="held")))
    assert replace(performed, record=replace(performed.record, ended=[held, *rest])).failed() == {"steps"}


def test_a_row_that_ended_nowhere_is_found(performed: Scene) -> None:
    path = performed.record.ended[0].step.path
    assert path is not None
    with changed(path, path.read_bytes() + b"one row more\n"):
        assert performed.failed() == {"rows"}


def test_a_changed_byte_of_a_list_is_found(performed: Scene) -> None:
    path = a_list(performed, "city_gas-000002.csv")
    with changed(path, path.read_bytes().replace(b"3000", b"4000", 1)):
        status, crosses = performed.concluded()
    assert status == FAILED
    assert len(crosses) == 1
    assert "9 lists: signature, digests" in crosses[0]


def test_a_changed_manifest_is_found(performed: Scene) -> None:
    path = a_list(performed, "manifest.json")
    with changed(path, path.read_bytes().replace(b'"number":2', b'"number":3')):
        assert "list_signed" in performed.failed()


def test_a_missing_list_is_found(performed: Scene, tmp_path: Path) -> None:
    folder = performed.stage.folder.list_folder("city_gas", 3)
    shutil.move(folder, tmp_path)
    try:
        assert performed.failed() == {"list_signed"}
    finally:
        shutil.move(tmp_path / folder.name, folder)


def test_a_row_for_somebody_not_due_is_found(performed: Scene) -> None:
    path = a_list(performed, "city_gas-000002.ndjson")
    first, *_ = path.read_bytes().splitlines(keepends=True)
    with changed(path, path.read_bytes() + first):
        assert performed.failed() == {"list_signed", "list_rows"}


def test_a_row_that_was_left_out_is_found(performed: Scene) -> None:
    path = a_list(performed, "city_gas-000002.ndjson")
    with changed(path, b"".join(path.read_bytes().splitlines(keepends=True)[1:])):
        assert performed.failed() == {"list_signed", "list_rows"}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("what", ["name", "rare name", "id_number", "certificate"])
def test_a_persons_name_or_number_in_a_list_is_found(performed: Scene, what: str, encoding: str) -> None:
    city = performed.story.city
    household = city.households[5]
    rare = next(a.holder for a in city.accounts.values() if any(c in a.holder for c in "䶮㭎㛃𬴂𠮷"))
    texts = {
        "name": household.members[0].name,
        "rare name": rare,
        "id_number": household.members[0].id_number.lower(),
        "certificate": household.numbers[0],
    }
    path = a_list(performed, "city_gas-000002.csv")
    with changed(path, path.read_bytes() + f"x,{texts[what]},3000\r\n".encode(encoding)):
        assert performed.failed() == {"list_signed", "list_privacy"}


@pytest.mark.parametrize("what", ["name", "id_number", "address", "certificate"])
def test_personal_data_in_the_databases_bytes_is_found(performed: Scene, what: str, tmp_path: Path) -> None:
    household = next(h for h in performed.story.city.households if len(h.members[0].name) > 2)
    person = household.members[0]
    texts = {"name": person.name, "id_number": person.id_number, "address": household.address}
    secrets = Secrets.of(performed.story.city)
    copy = tmp_path / "hub.sqlite"
    with closing(sqlite3.connect(performed.stage.folder.database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        assert not list(database_faults(secrets, copy))
        target.execute("UPDATE holds SET reason = ?", (f"see {texts.get(what, household.numbers[0])}.",))
        target.commit()
    assert len(list(database_faults(secrets, copy))) == 1


def holds_of(scene: Scene) -> list[holds.Hold]:
    with scene.stage.hub.store.read() as connection:
        return holds.all_holds(connection)


def test_each_held_snapshot_was_decided_by_two_persons(performed: Scene) -> None:
    decided = [(one.state, one.proposed_by, one.approved_by) for one in holds_of(performed)]
    assert decided == [("rejected", CLERK, SUPERVISOR)] * 2


# --- negative controls: reports --------------------------------------------------------------------------------


@contextmanager
def rewritten(scene: Scene, table: Table, condition: ColumnElement[bool], **values: object) -> Iterator[None]:
    """Change one row by SQL for a while."""
    store = scene.stage.hub.store
    with tampering(store) as connection:
        key = list(table.primary_key.columns)
        row = connection.execute(table.select().where(condition).order_by(*key).limit(1)).mappings().one()
        own = and_(*(column == row[column.name] for column in key))
        connection.execute(table.update().where(own).values(**values))
    try:
        yield
    finally:
        with tampering(store) as connection:
            connection.execute(table.update().where(own).values(**{name: row[name] for name in values}))


def test_a_line_of_draws_changed_by_sql_is_found(performed: Scene) -> None:
    d = draws.c
    agreed = (d.verdict == "agreed") & (d.due_milli == 3000) & (d.company == "suburb_water")
    with rewritten(performed, draws, agreed, due_milli=2000):
        assert performed.failed() == {"balance", "draws"}
    with rewritten(performed, draws, agreed, due_fen=1):
        assert performed.failed() == {"draws"}
    assert performed.failed() == set()


@pytest.mark.parametrize("values", [{"state": "closed"}, {"stake_fen": 1}, {"kind": "missing"}, {"acts": "office"}])
def test_a_finding_changed_by_sql_is_found(performed: Scene, values: dict[str, object]) -> None:
    chosen = (findings.c.state == "open") & (findings.c.kind == "wrong_list")
    with rewritten(performed, findings, chosen, **values):
        assert "findings" in performed.failed() <= {"findings", "closed"}


def test_a_closed_finding_opened_by_sql_is_found(performed: Scene) -> None:
    with rewritten(performed, findings, findings.c.state == "closed", state="open"):
        status, crosses = performed.concluded()
    assert status == FAILED
    assert len(crosses) == 2


def test_a_settlement_changed_by_sql_is_found(performed: Scene) -> None:
    with performed.stage.hub.store.read() as connection:
        content = connection.execute(settlements.select().limit(1)).mappings().one()["content"]
    changed_content = bytes(content).replace(b'"n":0', b'"n":1', 1)
    with rewritten(performed, settlements, settlements.c.n == 0, content=changed_content):
        assert performed.failed() == {"settled", "audit"}


def test_a_report_row_changed_by_sql_is_found(performed: Scene) -> None:
    with rewritten(performed, report_rows, report_rows.c.waived_milli == 3000, waived_milli=2000):
        assert performed.failed() == {"audit"}


def test_a_settlements_file_changed_is_found(performed: Scene) -> None:
    path = min(performed.stage.folder.settlements.glob("*.json"))
    with changed(path, path.read_bytes() + b" "):
        assert performed.failed() == {"settled"}


def planted_otherwise(scene: Scene, wanted: list[Wanted]) -> Scene:
    replies = copy(scene.story.replies)
    replies.wanted = wanted
    return replace(scene, story=replace(scene.story, replies=replies))


def finding_faults(scene: Scene) -> tuple[int, int, int]:
    """How many faults are found of what was open after each report, of what is open now, and of what is closed."""
    replies = scene.story.replies
    with scene.stage.hub.store.read() as connection:
        books = Books(scene.stage.hub, connection, scene.story, scene.record)
        found = [check(books, replies) for check in (findings_then, findings_now, findings_closed)]
        then, now, closed = (len(list(faults)) for faults in found)
    return then, now, closed


@pytest.mark.parametrize("kind", sorted(set(FindingKind) - DETECTED - NOT_PLAYED))
def test_whichever_finding_nobody_planted_is_found(performed: Scene, kind: FindingKind) -> None:
    """The hub finds it, the story does not know of it: the checks must say so."""
    first = next(one for one in performed.story.replies.wanted if one.kind is kind)
    rest = [one for one in performed.story.replies.wanted if one is not first]
    then, now, closed = finding_faults(planted_otherwise(performed, rest))
    assert then > 0
    assert (now, closed) == ((0, 1) if first.until else (1, 0))


def test_a_planted_finding_of_another_stake_is_missed(performed: Scene) -> None:
    first, *rest = performed.story.replies.wanted
    dearer = planted_otherwise(performed, [first._replace(fen=first.fen + 1), *rest])
    assert "findings" in dearer.failed()


def test_another_count_of_a_companys_bills_than_the_hubs_is_found(performed: Scene) -> None:
    """A line less in the demo's own books: balance, draws and settlement all differ."""
    ended = list(performed.record.ended)
    index = max(i for i, one in enumerate(ended) if one.step.name.startswith("report-suburb_water-2026-12"))
    step = ended[index].step
    assert step.reply is not None
    full = next(line for line in step.reply.lines if line.due_milli == 3000)
    fewer = replace(step.reply, lines=tuple(line for line in step.reply.lines if line is not full))
    ended[index] = replace(ended[index], step=replace(step, reply=fewer))
    failed = replace(performed, record=replace(performed.record, ended=ended)).failed()
    assert failed == {"balance", "draws", "settled"}


def test_a_judgement_that_changes_when_made_again_is_found(performed: Scene) -> None:
    first, *rest = performed.record.judged
    record = replace(performed.record, judged=[structs.replace(first, households=1), *rest])
    assert replace(performed, record=record).failed() == {"judged_again"}


class Undone(Exception):  # noqa: N818 - it names what happened
    """What was written is taken back."""


@contextmanager
def for_a_moment(scene: Scene) -> Iterator[Connection]:
    """Write what reaches no file: it is taken back before it is committed."""
    with suppress(Undone), tampering(scene.stage.hub.store) as connection:
        yield connection
        raise Undone


def test_personal_data_in_a_report_row_is_found(performed: Scene) -> None:
    secrets = Secrets.of(performed.story.city)
    name = next(h.members[0].name for h in performed.story.city.households if len(h.members[0].name) > 2)
    with for_a_moment(performed) as connection:
        assert not list(report_privacy_faults(connection, secrets))
        row = connection.execute(report_rows.select().limit(1)).mappings().one()
        named = packed(structs.replace(decoded(row["said"]), bill_id=f"户主{name}"))
        own = (report_rows.c.report_id == row["report_id"]) & (report_rows.c.row == row["row"])
        connection.execute(report_rows.update().where(own).values(said=named))
        assert len(list(report_privacy_faults(connection, secrets))) == 1


def test_a_posting_changed_by_sql_is_found_and_the_exit_status_says_so(performed: Scene) -> None:
    with rewritten(performed, postings, postings.c.account_id != 0, quantity_milli=4000):
        status, crosses = performed.concluded()
        assert status == FAILED
        assert {"ledger", "list_rows", "balance", "audit"} <= performed.failed()
    assert any("the audit's tree" in line for line in crosses)
