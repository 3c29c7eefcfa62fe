"""A partner's home as its SFTP client sees it: what it may lay, under which names, and that nothing leads out of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import asyncssh
import pytest
from asyncssh import (
    SFTPError,
    SFTPFailure,
    SFTPNoSuchFile,
    SFTPOpUnsupported,
    SFTPPermissionDenied,
)
from sftp_partner import Door, connected, hub_of, key_of, opened, put, refusal, until
from structlog.testing import capture_logs

from integration.clock import now_us, system_clock
from integration.jobs.hub import Hub
from integration.logs import ALLOWED
from integration.storage.keys import KeyRing
from integration.web.sftp.homes import sweep
from integration.web.sftp.inbox import Quota

NOTHING = "没有此文件或文件夹 / there is no such file or folder"
#: Names that a file cannot be laid under.
BAD_NAMES = [
    "a\nb.csv", "a\\b.csv", "..\\..\\b.csv", "=cmd.csv", "\u202evsc.csv", "a b.csv", "-rf", ".hidden", "a..b", "a.",
    "账单.csv", "con.csv", "LPT1", "x" * 129, "x" * 255, "a;b", "a%2fb", "a\0b",
]  # fmt: skip
ESCAPES = [
    "../../hub.db", "/etc/passwd", "in/../../city_gas/in/theirs.csv", "/../city_gas/in/theirs.csv", "in/./../..//x",
    "out/link", "in/a/b", "nowhere/x", "city_gas/in/theirs.csv", "in/.x.part",
]  # fmt: skip


@pytest.fixture
def hub(sqlite_url: str, ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    with hub_of(sqlite_url, ring, tmp_path) as made:
        yield made


@pytest.fixture
async def door(hub: Hub) -> AsyncIterator[Door]:
    async with opened(hub) as made:
        yield made


# --- laying and fetching


async def test_a_partner_lays_its_files_and_fetches_its_lists(door: Door) -> None:
    async with door() as sftp:
        assert sorted(str(one) for one in await sftp.listdir("/")) == ["done", "in", "out", "reject"]
        await put(sftp, "in/roster.csv", b"x" * 300_000)
        (door.home() / "out" / "list-000001.csv").write_bytes(b"y" * 700_000)
        assert await sftp.listdir("in") == ["roster.csv"]
        assert (await sftp.stat("in/roster.csv")).size == 300_000
        async with sftp.open("out/list-000001.csv", "rb") as file:
            assert await file.read() == b"y" * 700_000
        await sftp.remove("in/roster.csv")
        assert door.lying() == {}
    assert {one.stat().st_mode & 0o777 for one in door.home().iterdir()} == {0o700}


async def test_a_file_is_there_under_its_name_only_once_it_is_closed(door: Door) -> None:
    async with door() as sftp:
        file = await sftp.open("in/report.csv", "wb")
        await file.write(b"half")
        assert list(door.lying()) == [".report.csv.part"]
        assert await sftp.listdir("in") == []
        with pytest.raises(SFTPNoSuchFile):
            await sftp.stat("in/report.csv")
        await file.write(b" and half")
        await file.close()
        assert door.lying() == {"report.csv": b"half and half"}
        assert (door.home() / "in" / "report.csv").stat().st_mode & 0o777 == 0o600


async def test_a_file_is_renamed_from_a_temporary_name_to_a_free_one(door: Door) -> None:
    async with door() as sftp:
        for name in ("a.csv.part", "b.csv.filepart", "c.TMP"):
            await put(sftp, f"in/{name}", name.encode())
        await put(sftp, "in/taken.csv")
        await sftp.rename("in/a.csv.part", "in/a.csv")
        for old, new in (
            ("b.csv.filepart", "taken.csv"), ("b.csv.filepart", "TAKEN.csv"), ("b.csv.filepart", "../out/b.csv"),
            ("b.csv.filepart", "b.tmp"), ("b.csv.filepart", "=b.csv"), ("gone.part", "gone.csv"), ("taken.csv", "b"),
        ):  # fmt: skip
            with pytest.raises(SFTPError):
                await sftp.rename(f"in/{old}", f"in/{new}")
        with pytest.raises(SFTPError):
            await sftp.posix_rename("in/b.csv.filepart", "in/taken.csv")
        assert await sftp.listdir("in") == ["a.csv", "b.csv.filepart", "c.TMP", "taken.csv"]
    assert door.lying() == {
        ".b.csv.filepart.part": b"b.csv.filepart", ".c.TMP.part": b"c.TMP", "a.csv": b"a.csv.part",
        "taken.csv": b"1|2|3\n",
    }  # fmt: skip


async def test_a_whole_file_is_never_written_over(door: Door) -> None:
    async with door() as sftp:
        await put(sftp, "in/roster.csv", b"first")
        modes = (("roster.csv", "wb"), ("ROSTER.csv", "wb"), ("roster.csv", "ab"), ("roster.csv", "r+b"), ("b", "ab"))
        for name, mode in modes:
            with pytest.raises(SFTPError):
                await sftp.open(f"in/{name}", mode)
        with pytest.raises(SFTPError):
            await sftp.truncate("in/roster.csv", 0)
        await sftp.chmod("in/roster.csv", 0o666)
        await sftp.utime("in/roster.csv", (1, 1))
        found = (door.home() / "in" / "roster.csv").stat()
        assert (found.st_mode & 0o777, found.st_mtime > 1) == (0o600, True)
    assert door.lying() == {"roster.csv": b"first"}


async def test_a_broken_off_upload_stays_hidden_and_is_sent_again(door: Door) -> None:
    async with door.connected() as connection:
        sftp = await connection.start_sftp_client()
        file = await sftp.open("in/roster.csv", "wb")
        await file.write(b"much longer than what comes later")
        connection.abort()
    await until(lambda: list(door.lying()) == [".roster.csv.part"])
    async with door() as sftp:
        assert await sftp.listdir("in") == []
        await until_free(sftp, "in/roster.csv")
    assert door.lying() == {"roster.csv": b"whole"}


async def until_free(sftp: asyncssh.SFTPClient, name: str) -> None:
    """Send a file, as soon as the connection that broke off is known to be gone."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await put(sftp, name, b"whole")
            except SFTPFailure:
                await asyncio.sleep(0.02)


async def test_a_session_that_ends_without_closing_its_file_has_not_sent_it(door: Door) -> None:
    """The channel ends in good order, the file does not: this is where a server might take it for whole."""
    async with door.connected() as connection:
        await left_in_the_middle(await connection.start_sftp_client())
    assert door.lying() == {".roster.csv.part": b"half"}


async def left_in_the_middle(sftp: asyncssh.SFTPClient) -> None:
    file = await sftp.open("in/roster.csv", "wb")
    await file.write(b"half")
    sftp.exit()
    await sftp.wait_closed()
    await asyncio.sleep(0.1)


async def test_a_server_that_takes_the_end_of_a_session_for_that_of_a_file_would_be_found(tmp_path: Path) -> None:
    """The control: asyncssh's own server leaves half a file under its name, and these eyes see it."""
    (tmp_path / "in").mkdir()
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key_of("hub")],
        authorized_client_keys=asyncssh.import_authorized_keys(key_of("works").export_public_key().decode()),
        sftp_factory=partial(asyncssh.SFTPServer, chroot=str(tmp_path).encode()),
    )  # fmt: skip
    async with server, connected(server.get_port(), "works", client_keys=[key_of("works")]) as connection:
        await left_in_the_middle(await connection.start_sftp_client())
    assert [one.name for one in (tmp_path / "in").iterdir()] == ["roster.csv"]


async def test_an_upload_under_a_temporary_name_goes_on_where_it_broke_off(door: Door) -> None:
    async with door() as sftp:
        await put(sftp, "in/roster.csv.part", b"first half, ")
    async with door() as sftp:
        size = (await sftp.stat("in/roster.csv.part")).size or 0
        async with sftp.open("in/roster.csv.part", asyncssh.FXF_WRITE | asyncssh.FXF_CREAT, encoding=None) as file:
            await file.write(b"second half", size)
        await sftp.rename("in/roster.csv.part", "in/roster.csv")
    assert door.lying() == {"roster.csv": b"first half, second half"}


async def test_two_connections_do_not_write_to_one_file(door: Door) -> None:
    async with door() as one, door() as other:
        for name in ("in/roster.csv", "in/report.part"):
            file = await one.open(name, "wb")
            with pytest.raises(SFTPFailure, match="another connection"):
                await other.open(name, "wb")
            await file.write(b"mine")
            if name.endswith(".part"):
                with pytest.raises(SFTPFailure, match="another connection"):
                    await other.rename(name, "in/report.csv")
                with pytest.raises(SFTPFailure, match="another connection"):
                    await other.remove(name)
            await file.close()
    assert door.lying() == {".report.part.part": b"mine", "roster.csv": b"mine"}


async def test_who_asks_for_much_and_takes_nothing_is_given_no_more_than_the_connection_holds(door: Door) -> None:
    async with door.connected() as connection:
        sftp = await connection.start_sftp_client()
        with (door.home() / "out" / "list.csv").open("wb") as large:
            large.truncate(64 << 20)
        file = await sftp.open("out/list.csv", "rb")
        with capture_logs() as lines:
            connection._transport.pause_reading()
            asked = [asyncio.create_task(sftp._handler.read(file._handle, n << 18, 1 << 18)) for n in range(256)]
            await asyncio.sleep(0.3)
            connection.abort()
            await until(lambda: bool(lines))
        await asyncio.gather(*asked, return_exceptions=True)
    assert lines[0]["action"] == "broken_off"
    assert lines[0]["bytes"] < 8 << 20


async def test_the_log_says_who_did_what_and_no_name(door: Door) -> None:
    with capture_logs() as lines:
        async with door() as sftp:
            await put(sftp, "in/roster.csv.tmp")
            await sftp.rename("in/roster.csv.tmp", "in/roster.csv")
            await sftp.remove("in/roster.csv")
    who = {"event": "sftp", "log_level": "info", "actor": "client:works", "company": "city_water"}
    did = [("put", 6), ("rename", 0), ("remove", 0)]
    assert lines[1:] == [who | {"action": action, "bytes": size} for action, size in did]
    assert {key for line in lines for key in line} - {"log_level"} <= ALLOWED


async def test_a_name_left_over_by_a_crash_never_leads_to_the_whole_file(door: Door) -> None:
    async with door() as sftp:
        await put(sftp, "in/roster.csv", b"whole")
        os.link(door.home() / "in" / "roster.csv", door.home() / "in" / ".roster.csv.part.part")
        await put(sftp, "in/roster.csv.part", b"next")
    assert door.lying() == {".roster.csv.part.part": b"next", "roster.csv": b"whole"}


async def test_what_was_broken_off_long_ago_is_removed(door: Door) -> None:
    inbox, now_s = door.home() / "in", now_us(system_clock) // 1_000_000
    async with door() as sftp:
        for name in ("old.part", "young.part", "old.csv"):
            await put(sftp, f"in/{name}")
        (inbox / ".broken.csv.part").touch()
        file = await sftp.open("in/slow.part", "wb")
        for name in (".old.part.part", "old.csv", ".broken.csv.part", ".slow.part.part"):
            os.utime(inbox / name, (now_s - 100_000, now_s - 100_000))
        assert sweep(door.hub.homes, Quota(), now_s) == 2
        await file.close()
    assert list(door.lying()) == [".slow.part.part", ".young.part.part", "old.csv"]


# --- names and places


async def test_a_name_that_could_mean_something_else_is_refused(door: Door) -> None:
    async with door() as sftp:
        names = [*(f"in/{name}".encode() for name in BAD_NAMES), b"in/\xff.csv"]
        refusals = [await refusal(sftp.open(name, "wb")) for name in names]
    assert [name for name, said in zip(names, refusals, strict=True) if " / " not in str(said)] == []
    assert door.lying() == {}


async def test_nothing_leads_out_of_a_home(door: Door) -> None:
    theirs = door.home("city_gas") / "in"
    theirs.mkdir(parents=True)
    (theirs / "theirs.csv").write_bytes(b"secret")
    async with door() as sftp:
        (door.home() / "out" / "link").symlink_to(theirs / "theirs.csv")
        (door.home() / "in" / ".x.part").touch()
        for path in ESCAPES:
            await nothing_there(sftp, path)
        assert await sftp.listdir("out") == []
    assert door.lying(party="city_gas") == {"theirs.csv": b"secret"}


async def nothing_there(sftp: asyncssh.SFTPClient, path: str) -> None:
    """Ask for a path in every way, and be told the one thing."""
    asked = [await refusal(ask(path)) for ask in (sftp.stat, sftp.lstat, sftp.open, sftp.listdir)]
    assert {(type(said), str(said)) for said in asked} == {(SFTPNoSuchFile, NOTHING)}, path
    for writing in (sftp.open(path, "wb"), sftp.remove(path)):
        assert await refusal(writing) is not None, path


async def test_a_path_counts_from_the_home(door: Door) -> None:
    async with door() as sftp:
        assert await sftp.realpath("in/../../../../etc") == "/etc"
        assert await sftp.realpath("") == "/"
        await sftp.chdir("in")
        await put(sftp, "roster.csv")
        assert await sftp.listdir("..") == ["in", "out", "done", "reject"]
    assert list(door.lying()) == ["roster.csv"]


async def test_a_folder_that_became_a_link_is_not_followed(door: Door) -> None:
    async with door() as sftp:
        elsewhere = door.hub.homes / "elsewhere"
        elsewhere.mkdir()
        (door.home() / "in").rmdir()
        (door.home() / "in").symlink_to(elsewhere)
        with pytest.raises(SFTPError):
            await put(sftp, "in/roster.csv")
        assert list(elsewhere.iterdir()) == []
        (door.home() / "in").unlink()


@pytest.mark.parametrize("folder", ["out", "done", "reject"])
async def test_the_other_folders_are_read_only(door: Door, folder: str) -> None:
    async with door() as sftp:
        (door.home() / folder / "x.csv").write_bytes(b"x")
        for ask in (
            lambda: sftp.open(f"{folder}/new.csv", "wb"), lambda: sftp.open(f"{folder}/x.csv", "r+b"),
            lambda: sftp.remove(f"{folder}/x.csv"), lambda: sftp.chmod(f"{folder}/x.csv", 0o777),
            lambda: sftp.rename(f"{folder}/x.csv", "in/x.csv"), lambda: sftp.truncate(f"{folder}/x.csv", 0),
        ):  # fmt: skip
            with pytest.raises(SFTPPermissionDenied):
                await ask()
        async with sftp.open(f"{folder}/x.csv", "rb") as file:
            assert await file.read() == b"x"
    assert door.lying(folder) == {"x.csv": b"x"}


async def test_what_else_sftp_can_do_is_not_done(door: Door) -> None:
    async with door() as sftp:
        await put(sftp, "in/roster.csv")
        for ask in (
            lambda: sftp.symlink("/etc/passwd", "in/link"), lambda: sftp.link("in/roster.csv", "in/b.csv"),
            lambda: sftp.readlink("in/roster.csv"), lambda: sftp.mkdir("in/folder"), lambda: sftp.rmdir("in"),
            lambda: sftp.statvfs("/"),
        ):  # fmt: skip
            with pytest.raises(SFTPOpUnsupported):
                await ask()
    assert list(door.lying()) == ["roster.csv"]
