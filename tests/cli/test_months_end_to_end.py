"""A month through the command: what each command says, and with which code it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hub_shell import FIRST, PASSWORD, Shell
from sqlalchemy import select
from world import delta, household

from integration.app import compose
from integration.demo import Step
from integration.jobs.decide_hold import approve_release, propose_release
from integration.settings import Settings
from integration.storage import holds
from integration.storage.engine import Store
from integration.storage.keys import KeyRing
from integration.storage.tables import submission_events

SETTINGS = {"data_dir": "/nowhere", "registry_source": "civil_affairs", "raw_retention_days": 90}


def held_step(story: list[Step]) -> Step:
    return next(step for step in story if step.expect.state == "held")


def test_status_names_the_month_the_lists_and_the_next_step(looking: Shell) -> None:
    found = looking.json("status")
    assert [run["month"] for run in found["runs"]] == [FIRST]
    assert {code: one["number"] for code, one in found["lists"].items()} == {
        "city_gas": 1,
        "city_water": 1,
        "suburb_water": 1,
    }
    assert found["next"] == "waiverhub run 2026-11"
    assert found["open_holds"] == 0
    assert found["unplaced"] > 0
    assert FIRST in looking("status").stdout


READS = [
    ("status",),
    ("submissions",),
    ("config", "check"),
    ("user", "list"),
    ("registry", "show", 4),
    ("link", "pending"),
    ("list", "show", "city_gas"),
    ("list", "show", "city_gas", 1),
    ("hold", "list", "--all"),
    ("audit", "verify"),
    ("audit", "log"),
    ("case", "list", "--all"),
    ("explain", 1, FIRST),
    ("explain", 1, FIRST, "--service", "heating"),
    ("explain", 1, FIRST, "--then", "2026-10-01"),
    ("explain", 1, FIRST, "--as-known", "2999-01-01", "--service", "gas"),
]


@pytest.mark.parametrize("words", READS, ids=lambda words: " ".join(map(str, words)))
def test_every_read_command_gives_words_and_json(looking: Shell, words: tuple[object, ...]) -> None:
    assert looking.json(*words) is not None
    assert Shell(looking.data, "zh")(*words).stdout.strip()


def test_a_month_run_twice_posts_nothing_and_publishes_nothing(shell: Shell) -> None:
    assert shell.json("run", FIRST)["rows"] == 0
    assert {result["state"] for result in shell.json("publish", FIRST)} == {"nothing_new"}


def test_what_a_writing_command_did_is_under_a_checkpoint_when_it_ends(shell: Shell, story: list[Step]) -> None:
    before = shell.json("audit", "verify")["tree_size"]
    shell("registry", "import", story[7].path)
    after = shell.json("audit", "verify")
    assert after["sound"]
    assert after["tree_size"] > before
    note = shell.json("audit", "checkpoint")["note"]
    assert note.splitlines()[1] == str(after["tree_size"])


def test_a_job_is_recorded_under_the_system_user_or_under_a_known_person(shell: Shell) -> None:
    shell("link")
    assert shell.json("audit", "log", "--limit", 1)[0]["actor"].startswith("os:")
    shell("link", "--as", "wang", typed=f"{PASSWORD}\n")
    assert shell.json("audit", "log", "--limit", 1)[0]["actor"] == "wang"


def test_the_same_file_again_is_done_and_a_used_message_id_is_refused(shell: Shell, story: list[Step]) -> None:
    first, again, other = (story[index] for index in (7, 8, 10))
    shell("registry", "import", first.path)
    assert shell.json("registry", "import", again.path)["state"] == "applied"
    refused = shell("registry", "import", other.path, ends=1)
    assert "another" not in refused.stdout
    assert "under a new id" in refused.stderr


def test_a_damaged_file_is_refused_with_row_code_and_remedy(shell: Shell, story: list[Step]) -> None:
    damaged = next(
        step for step in story if step.kind == "registry" and step.expect.state == "refused" and "snapshot" in step.name
    )
    result = shell("registry", "import", damaged.path, ends=1)
    assert "TRUNCATED" in result.stdout
    number = shell.json("submissions", "--limit", 1)[0]["submission_id"]
    assert shell.json("registry", "show", number)["submission"]["state"] == "refused"


def test_rows_are_shown_by_pages(looking: Shell) -> None:
    everything = looking.json("registry", "show", 4)["outcomes"]
    assert len(everything) > 4
    paged = looking.json("registry", "show", 4, "--limit", 2, "--skip", 2)["outcomes"]
    assert paged == everything[2:4]
    assert {one["outcome"] for one in everything} >= {"applied", "rejected"}


def test_a_dry_run_shows_who_would_lose_and_keeps_nothing(shell: Shell, story: list[Step]) -> None:
    before = shell.json("status")
    found = shell.json("dry-run", "2026-12", "--registry", held_step(story).path)
    assert found["households_losing"] > 0
    assert found["trips"]
    assert "nothing was kept" in shell("dry-run", FIRST).stdout
    assert shell.json("status") == before


def test_a_month_out_of_order_is_refused_with_what_to_do_first(shell: Shell) -> None:
    assert "compute 2026-11 first" in shell("run", "2026-12", ends=1).stderr
    assert "waiverhub run 2026-11" in shell("publish", "2026-11", ends=1).stderr


def test_a_refused_list_ends_with_one_and_says_what_comes_first(shell: Shell) -> None:
    """November's list was not published, so December's has to wait for it."""
    for month in ("2026-11", "2026-12"):
        shell("run", month)
    refused = shell.json("publish", "2026-12", ends=1)
    assert "refused" in {result["state"] for result in refused}
    assert "publish 2026-11 to city_water first" in shell("publish", "2026-12", ends=1).stdout


def test_a_month_far_ahead_is_refused_with_the_latest_one(shell: Shell) -> None:
    for month in ("2026-11", "2026-12"):
        shell("run", month)
    assert "2026-12" in shell("run", "2027-01", ends=1).stderr


WRONG = [
    ("run", "October"),
    ("roster", "import", "nobody", __file__),
    ("registry", "import", "no-such"),
    ("link", "confirm", 1, "tea", "--as", "li"),
    ("nonsense",),
]


@pytest.mark.parametrize("words", WRONG, ids=lambda words: words[0])
def test_wrong_usage_ends_with_two_and_no_traceback(looking: Shell, words: tuple[object, ...]) -> None:
    result = looking(*words, ends=2)
    assert "Traceback" not in result.output


def test_what_is_not_there_is_refused_in_words(looking: Shell) -> None:
    for words in (
        ("registry", "show", 999),
        ("hold", "show", 9),
        ("explain", 99999, FIRST),
        ("list", "show", "city_gas", 7),
    ):
        assert looking(*words, ends=1).stderr.strip()


# --- two persons ----------------------------------------------------------------------------------------------


def test_a_held_snapshot_takes_two_persons(shell: Shell, story: list[Step]) -> None:
    held = shell.json("registry", "import", held_step(story).path, ends=3)
    number, typed = held["hold_id"], f"{PASSWORD}\n"
    assert shell.json("status")["next"] == "waiverhub hold list"
    shell("hold", "approve", number, "--as", "li", typed=typed, ends=1)
    shell("hold", "propose", number, "--as", "li", "--reason", " ", typed=typed, ends=1)
    shell("hold", "propose", number, "--as", "li", "--reason", "the bureau confirmed by letter", typed=typed)
    refused = shell("hold", "approve", number, "--as", "li", typed=typed, ends=1)
    assert "proposer may not approve" in refused.stderr
    shell("hold", "approve", number, "--as", "wang", typed=typed, ends=6)
    approved = shell.json("hold", "approve", number, "--as", "zhao", typed=typed)
    assert approved["result"]["state"] == "applied"
    assert [one["state"] for one in shell.json("hold", "list", "--all")] == ["released"]
    assert shell.json("registry", "show", held["submission_id"])["submission"]["state"] == "applied"
    shell("hold", "approve", number, "--as", "zhao", typed=typed, ends=1)
    assert shell.json("audit", "verify")["sound"]


def test_a_rejected_snapshot_never_takes_effect(shell: Shell, story: list[Step]) -> None:
    before = shell.json("status")["version"]
    held = shell.json("registry", "import", held_step(story).path, ends=3)
    shell("hold", "reject", held["hold_id"], "--as", "zhao", typed=f"{PASSWORD}\n")
    assert shell.json("registry", "import", held_step(story).path, ends=1)["state"] == "rejected"
    assert shell.json("status")["version"] == before


def test_release_that_stopped_before_its_effect_is_carried_out_by_approving_again(
    shell: Shell, story: list[Step]
) -> None:
    held = shell.json("registry", "import", held_step(story).path, ends=3)
    store = Store.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
    with store.write() as connection:
        holds.propose(connection, held["hold_id"], "li", "by letter")
        holds.decide(connection, held["hold_id"], "zhao", 1, release=True)
    store.close()
    again = shell.json("hold", "approve", held["hold_id"], "--as", "zhao", typed=f"{PASSWORD}\n")
    assert again["result"]["state"] == "applied"


class Meeting(Store):
    """A store at whose reads two threads wait for each other."""

    both = threading.Barrier(2, timeout=20)

    def read(self):
        self.both.wait()
        return super().read()


def test_of_two_approvals_at_one_moment_one_takes_effect(shell: Shell, story: list[Step]) -> None:
    held = shell.json("registry", "import", held_step(story).path, ends=3)
    store = Meeting.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
    hub = compose(store, KeyRing.load(shell.data / "keys"), Settings(**SETTINGS))
    with store.write() as connection:
        holds.propose(connection, held["hold_id"], "li", "by letter")
        holds.decide(connection, held["hold_id"], "zhao", 1, release=True)
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(approve_release, hub, held["hold_id"], actor="zhao") for _ in range(2)]
        results = [one.result().result for one in both]
    with store.write() as connection:
        e = submission_events.c
        applied = connection.execute(select(e.n).where(e.submission_id == held["submission_id"], e.state == "applied"))
        assert len(applied.all()) == 1
    store.close()
    assert results[0] == results[1]  # the second is told what the first did
    assert shell.json("registry", "show", held["submission_id"])["submission"]["state"] == "applied"


def test_a_held_list_is_published_by_publishing_again_after_release(shell: Shell, story: list[Step]) -> None:
    def release(number: int) -> None:
        """Let the two persons decide as the command does, without the time that their passwords take."""
        store = Store.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
        hub = compose(store, KeyRing.load(shell.data / "keys"), Settings(**SETTINGS))
        propose_release(hub, number, "by letter", actor="wang")
        approve_release(hub, number, actor="li")
        store.close()

    release(shell.json("registry", "import", held_step(story).path, ends=3)["hold_id"])
    shell("run", "2026-11")
    shell("publish", "2026-11")
    shell("run", "2026-12")
    held = shell.json("publish", "2026-12", ends=3)
    assert "held" in {result["state"] for result in held}
    for one in shell.json("hold", "list"):
        release(one["hold_id"])
    again = shell.json("publish", "2026-12")
    assert {result["state"] for result in again} <= {"published", "nothing_new"}
    assert {one["month"] for one in shell.json("status")["lists"].values()} == {"2026-12"}


# --- who ------------------------------------------------------------------------------------------------------


def test_wrong_passwords_and_strangers_get_one_answer(shell: Shell) -> None:
    wrong = shell("link", "--as", "li", typed="wrong horse\n", ends=6)
    stranger = shell("link", "--as", "nobody", typed="wrong horse\n", ends=6)
    assert wrong.stderr == stranger.stderr
    shell("link", "--as", "li", ends=6)


def test_a_password_file_must_be_private(shell: Shell, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o644)
    refused = shell("link", "--as", "li", ends=1, WAIVERHUB_PASSWORD_FILE=str(secret))
    assert "chmod go=" in refused.stderr
    secret.chmod(0o600)
    shell("link", "--as", "li", WAIVERHUB_PASSWORD_FILE=str(secret))


def test_only_the_first_user_adds_themselves(shell: Shell, tmp_path: Path) -> None:
    shell("user", "add", "x", "--role", "clerk", typed=f"{PASSWORD}\n", ends=6)
    shell("user", "add", "x", "--role", "clerk", "--as", "li", typed=f"{PASSWORD}\n{PASSWORD}\n", ends=6)
    shell("user", "add", "wang", "--role", "clerk", "--as", "sec", typed=f"{PASSWORD}\n{PASSWORD}\n", ends=1)
    shell("user", "add", "os:root", "--role", "clerk", ends=2)
    fresh = Shell(tmp_path / "fresh")
    fresh("init")
    assert "security_admin" in fresh("user", "add", "x", "--role", "clerk", typed=f"{PASSWORD}\n", ends=1).stderr


def test_a_household_is_erased_once_and_long_ended_by_a_supervisor_with_a_reason(shell: Shell, tmp_path: Path) -> None:
    ended = household("LONG-AGO", 1, status="ended", valid_from=20240101, grant=True)
    file = tmp_path / "delta.ndjson"
    file.write_bytes(delta([ended], position=99, as_of=20261001))
    shell("registry", "import", file)
    find = ("household", "find", "certificate", "--issuer", "市局", "--as", "zhao")
    number = shell.json(*find, typed=f"{PASSWORD}\nLONG-AGO\n")["households"][0]
    words = ("household", "erase", number, "--reason", "保存期满")
    shell(*words, "--as", "wang", typed=f"{PASSWORD}\n", ends=6)
    assert shell.json(*words, "--as", "zhao", typed=f"{PASSWORD}\n") == {"erased": number}
    assert "erased already" in shell(*words, "--as", "zhao", typed=f"{PASSWORD}\n", ends=1).stderr
    live = ("household", "erase", 1, "--reason", "保存期满", "--as", "zhao")
    assert "live" in shell(*live, typed=f"{PASSWORD}\n", ends=1).stderr
    shell("audit", "verify")


def test_contents_past_their_retention_are_deleted_on_demand(shell: Shell) -> None:
    assert shell.json("purge") == {"purged": 0, "retention_days": 90}
    assert "content of 0" in shell("purge").stdout


def test_a_household_is_found_by_its_certificate_and_the_look_is_audited_without_the_number(
    shell: Shell, story: list[Step]
) -> None:
    from adapters.registry import registry_reader

    raw = story[3].path.read_bytes()
    record = next(read.record for read in registry_reader(raw[:64]).read([raw])[1] if read.record)
    certificate, member = record.certificates[0], record.members[0]
    words = (
        "household",
        "find",
        "certificate",
        "--as",
        "wang",
        "--issuer",
        certificate.issuer,
        "--kind",
        certificate.kind,
    )
    found = shell.json(*words, typed=f"{PASSWORD}\n{certificate.number}\n")["households"]
    assert len(found) == 1
    by_id = ("household", "find", "citizen-id", "--as", "wang")
    assert found[0] in shell.json(*by_id, typed=f"{PASSWORD}\n{member.id_number}\n")["households"]
    company, number = next(iter(record.accounts.items()))
    by_account = ("household", "find", "account", "--company", company, "--as", "wang")
    assert set(shell.json(*by_account, typed=f"{PASSWORD}\n{number}\n", ends=0)["households"]) >= set(found)
    assert shell.json(*by_id, typed=f"{PASSWORD}\n11010519491231002X\n", ends=1)["households"] == []
    said = shell("audit", "log", "--action", "household_looked_up", "--json").stdout
    assert said.count("household_looked_up") == 4
    assert certificate.number not in said
    assert member.id_number not in said


# --- configuration, keys, locks --------------------------------------------------------------------------------


def test_init_is_repeatable_and_keeps_its_keys_private(shell: Shell) -> None:
    before = (shell.data / "keys" / "wrapping.key").read_bytes()
    assert shell.json("init")["keys_made"] is False
    assert (shell.data / "keys" / "wrapping.key").read_bytes() == before
    assert all(path.stat().st_mode & 0o077 == 0 for path in (shell.data / "keys").glob("*.key"))
    (shell.data / "keys" / "wrapping.key").chmod(0o644)
    assert "chmod" in shell("status", ends=4).stderr


def test_a_hub_that_was_never_made_says_init(tmp_path: Path) -> None:
    assert "waiverhub init" in Shell(tmp_path / "nothing")("status", ends=4).stderr


def test_a_key_folder_without_a_database_says_init(shell: Shell) -> None:
    for path in shell.data.glob("hub.sqlite*"):
        path.unlink()
    assert "waiverhub init" in shell("status", ends=4).stderr
    assert not list(shell.data.glob("hub.sqlite*"))


def test_three_faults_of_configuration_are_told_at_once(tmp_path: Path) -> None:
    import shutil

    config = Path(shutil.copytree(Path(__file__).parents[2] / "config", tmp_path / "config"))
    for name, line in (("hub.toml", "raw_retention_dayz = 3\n"), ("companies/city_gas.toml", "surprise = 1\n")):
        path = config / name
        path.write_text(line + path.read_text("utf-8"), "utf-8")
    (config / "policy" / "process.toml").write_text("this is not TOML", "utf-8")
    result = Shell(tmp_path)("--config", config, "config", "check", ends=4, WAIVERHUB_CONFIG="")
    for word in ("raw_retention_dayz", "surprise", "process.toml"):
        assert word in result.stderr
    assert "Traceback" not in result.output


def test_a_second_writer_is_told_that_the_hub_is_busy_and_readers_are_let_in(shell: Shell) -> None:
    store = Store.open(f"sqlite:///{shell.data / 'hub.sqlite'}")
    try:
        assert "another process writes" in shell("link", ends=5).stderr
        shell("status")
    finally:
        store.close()
    shell("link")


def test_a_database_that_is_none_of_ours_is_refused(looking: Shell) -> None:
    looking("--database-url", "mysql://x/y", "status", ends=4, WAIVERHUB_DATABASE_URL="")
    unreachable = "postgresql://hub:secretword@127.0.0.1:1/hub"
    result = looking("--database-url", unreachable, "status", ends=7, WAIVERHUB_DATABASE_URL="")
    assert "secretword" not in result.output


def test_long_work_shows_bars_at_a_terminal_only_and_never_beside_json(shell: Shell, story: list[Step]) -> None:
    shown = shell("registry", "import", story[7].path, TTY_COMPATIBLE="1")
    assert "registry" in shown.stderr
    assert shell("link", "--json", TTY_COMPATIBLE="1").stderr == ""
    assert shell("run", "2026-11").stderr == ""


def test_the_same_commands_work_on_postgresql(story: list[Step], tmp_path: Path, postgresql_url: str) -> None:
    shell = Shell(tmp_path / "data")
    at = ("--database-url", postgresql_url)
    assert shell.json(*at, "init")["database"] == "postgresql"
    shell(*at, "user", "add", "sec", "--role", "security_admin", typed=f"{PASSWORD}\n")
    for step in story[:3]:
        shell(*at, "roster", "import", step.company, step.path)
    shell(*at, "registry", "import", story[3].path)
    for words in (["link"], ["run", FIRST], ["publish", FIRST]):
        shell(*at, *words)
    for words in READS:
        assert shell.json(*at, *words) is not None
    shell(*at, "list", "export", "city_gas", 1, "--to", tmp_path / "out")
    shell("verify-list", tmp_path / "out" / "manifest.json", "--key", tmp_path / "out" / "lists.pub.pem")


def test_a_fault_of_the_hub_itself_shows_class_and_place_but_no_data(looking: Shell, monkeypatch) -> None:
    from integration.cli import standing

    def broken(_hub: object) -> None:
        raise KeyError("张三")

    monkeypatch.setattr(standing, "standing", broken)
    result = looking("status", ends=70)
    assert "KeyError at broken:" in result.stderr
    assert "张三" not in result.output


def test_the_program_runs_as_a_process_of_its_own_in_either_language(looking: Shell) -> None:
    run = [sys.executable, "-m", "integration.cli"]
    done = subprocess.run([*run, "--language", "zh", "--help"], capture_output=True, text=True, check=True)
    assert "退出码" in done.stdout
    told = subprocess.run(
        [*run, "--data-dir", str(looking.data), "--language", "en", "status"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "waiverhub run 2026-11" in told.stdout
