"""The SFTP door: who comes in, how many, for how long; and the real client at the real service."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncssh
import pytest
from asyncssh import SFTPError, SFTPFailure, SFTPPermissionDenied
from sftp_partner import Door, hub_of, key_of, let_in, opened, put

from integration.app import open_hub
from integration.domain.rights import ClientKind
from integration.jobs.hub import Hub
from integration.jobs.manage_clients import add_client, revoke_client
from integration.settings import Settings
from integration.storage.keys import KeyRing, KeysUnusable
from integration.web.sftp.guests import Limits
from integration.web.sftp.inbox import Quota

OPENSSH = shutil.which("sftp") and shutil.which("ssh")


@pytest.fixture
def hub(sqlite_url: str, ring: KeyRing, tmp_path: Path) -> Iterator[Hub]:
    with hub_of(sqlite_url, ring, tmp_path) as made:
        yield made


@pytest.fixture
async def door(hub: Hub) -> AsyncIterator[Door]:
    async with opened(hub) as made:
        yield made


# --- who


@pytest.mark.parametrize(
    ("who", "key"),
    [("works", "stranger"), ("works", "gas"), ("nobody", "works"), ("自来水", "works"), ("sec", "works")],
)
async def test_nobody_comes_in_by_another_key_and_all_are_told_the_same(door: Door, who: str, key: str) -> None:
    with pytest.raises(asyncssh.PermissionDenied, match="Permission denied for user") as refused:
        await door.connected(who, key)
    assert str(refused.value).removesuffix(f"{who} on host 127.0.0.1") == "Permission denied for user "


async def test_there_is_no_password_and_no_way_without_a_key(door: Door) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await door.connected("works", client_keys=None, password="password")
    with pytest.raises(asyncssh.PermissionDenied):
        await door.connected("works", client_keys=None)


async def test_an_sha1_signature_does_not_prove_a_key(door: Door) -> None:
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=3072)
    public = rsa.export_public_key("openssh").decode()
    given = {"title": "x", "kind": ClientKind.COMPANY, "party": "city_water", "ssh_key": public}
    add_client(door.hub, client_id="rsa", actor="sec", **given)
    async with door("rsa", client_keys=[rsa]) as sftp:
        assert await sftp.listdir("in") == []
    with pytest.raises(asyncssh.Error):
        await door.connected("rsa", client_keys=[rsa], signature_algs=["ssh-rsa"])


async def test_a_revoked_client_ends_at_its_next_operation_and_does_not_come_back(door: Door) -> None:
    async with door.connected() as connection:
        sftp = await connection.start_sftp_client()
        file = await sftp.open("in/roster.csv", "wb")
        await file.write(b"half")
        await asyncio.to_thread(revoke_client, door.hub, "works", actor="sec")
        with pytest.raises((SFTPError, asyncssh.Error)):
            await file.close()
        await connection.wait_closed()
    assert door.lying() == {".roster.csv.part": b"half"}
    with pytest.raises(asyncssh.PermissionDenied):
        await door.connected()


async def test_each_folder_takes_the_right_that_the_api_would_ask_for(door: Door) -> None:
    seen = {}
    for who in ("works", "reader", "reporter", "bureau"):
        async with door(who) as sftp:
            seen[who] = [folder for folder in ("in", "out", "done", "reject") if await may_list(sftp, folder)]
    assert seen == {
        "works": ["in", "out", "done", "reject"],
        "reader": ["out"],
        "reporter": ["done", "reject"],
        "bureau": ["in", "done", "reject"],
    }


async def may_list(sftp: asyncssh.SFTPClient, folder: str) -> bool:
    try:
        await sftp.listdir(folder)
    except SFTPPermissionDenied:
        return False
    return True


async def test_there_is_no_shell_no_command_and_no_forwarding(door: Door) -> None:
    async with door.connected() as connection:
        for ask in (
            connection.create_process("id"), connection.create_process(), connection.create_process(subsystem="x"),
            connection.create_process("scp -t /"),
        ):  # fmt: skip
            with pytest.raises(asyncssh.ChannelOpenError):
                await ask
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", door.port)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
        assert connection.get_extra_info("server_version") == "SSH-2.0-waiverhub"


# --- limits


async def test_a_file_beyond_the_limit_is_refused_and_never_taken_for_whole(hub: Hub) -> None:
    async with opened(hub, quota=Quota(file_bytes=1000, all_bytes=1500)) as door, door() as sftp:
        for name, size in (("in/large.csv", 1001), ("in/large.part", 1001)):
            file = await sftp.open(name, "wb")
            with pytest.raises(SFTPError, match="too large"):
                await file.write(b"x" * size)
            with pytest.raises(SFTPError, match="not whole"):
                await file.close()
        await put(sftp, "in/one.csv", b"x" * 1000)
        file = await sftp.open("in/two.csv", "wb")
        with pytest.raises(SFTPError, match="full"):
            await file.write(b"x" * 501)
        with pytest.raises(SFTPError, match="not whole"):
            await file.close()
        await put(sftp, "in/two.csv", b"x" * 500)
        assert sorted(door.lying()) == ["one.csv", "two.csv"]


async def test_no_more_files_than_the_quota_wait_and_as_soon_as_one_is_collected_there_is_room(hub: Hub) -> None:
    async with opened(hub, quota=Quota(files=2)) as door, door() as sftp:
        for name in ("in/a.csv", "in/b.csv"):
            await put(sftp, name)
        with pytest.raises(SFTPError, match="full"):
            await sftp.open("in/c.csv", "wb")
        (door.home() / "in" / "a.csv").rename(door.home() / "done" / "a.csv")
        await put(sftp, "in/c.csv")


async def test_connections_channels_and_open_files_are_counted(hub: Hub) -> None:
    async with opened(hub, Limits(per_client=2, channels=2)) as door:
        async with door.connected() as first, door.connected(), door.connected("gas"):
            third = await door.connected()
            async with asyncio.timeout(3):
                await third.wait_closed()
            sessions = [await first.start_sftp_client() for _ in range(2)]
            with pytest.raises(asyncssh.ChannelOpenError):
                await first.start_sftp_client()
            files = [await sessions[0].open(f"in/{n}.csv", "wb") for n in range(32)]
            with pytest.raises(SFTPFailure, match="too many files"):
                await sessions[0].open("in/32.csv", "wb")
            for file in files:
                await file.close()
        await until_in(door)


async def until_in(door: Door) -> None:
    """Come in, as soon as earlier connections are known to be gone."""
    async with asyncio.timeout(5):
        while True:
            try:
                async with door() as sftp:
                    return await put(sftp, "in/last.csv")
            except (asyncssh.DisconnectError, asyncssh.ChannelOpenError):
                await asyncio.sleep(0.02)


async def test_an_address_that_only_tries_keys_is_soon_turned_away(hub: Hub) -> None:
    async with opened(hub, Limits(keys=2, rate_per_s=0.001, burst=12, failure_costs=5)) as door:
        strangers = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(4)]
        with pytest.raises(asyncssh.DisconnectError, match="too many keys"):
            await door.connected("works", client_keys=[*strangers, key_of("works")])
        with pytest.raises(asyncssh.PermissionDenied):
            await door.connected("works", "stranger")
        with pytest.raises((asyncssh.Error, OSError)):
            await door.connected("works")


async def test_who_does_not_log_in_or_falls_silent_is_let_go(hub: Hub) -> None:
    async with opened(hub, Limits(login_s=0.3, idle_s=0.4)) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        async with asyncio.timeout(3):
            assert (await reader.read()).startswith(b"SSH-2.0-waiverhub\r\n")
        writer.close()
        async with door.connected() as connection, asyncio.timeout(3):
            await connection.wait_closed()


# --- beginning and ending


async def test_a_file_under_way_finishes_when_the_hub_is_to_end(hub: Hub) -> None:
    async with opened(hub) as door:
        async with door() as sftp, door.connected("gas") as idle:
            file = await sftp.open("in/roster.csv.part", "wb")
            door.stop.set()
            with pytest.raises(OSError, match="Connect call failed"):
                await door.connected("bureau")
            async with asyncio.timeout(3):
                await idle.wait_closed()
            await file.write(b"whole")
            await file.close()
            await sftp.rename("in/roster.csv.part", "in/roster.csv")
        assert door.lying() == {"roster.csv": b"whole"}


async def test_what_does_not_finish_in_time_is_broken_off(hub: Hub) -> None:
    async with opened(hub, drain_s=0.2) as door, door.connected() as connection:
        sftp = await connection.start_sftp_client()
        file = await sftp.open("in/roster.csv", "wb")
        await file.write(b"half")
        door.stop.set()
        async with asyncio.timeout(3):
            await connection.wait_closed()
        assert door.lying() == {".roster.csv.part": b"half"}


async def test_the_host_key_is_made_once_for_the_hub_alone(hub: Hub, tmp_path: Path) -> None:
    async with opened(hub):
        first = (tmp_path / "sftp_host_key").read_bytes()
    async with opened(hub):
        assert (tmp_path / "sftp_host_key").read_bytes() == first
    assert (tmp_path / "sftp_host_key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "sftp_host_key").write_bytes(first[:100])
    with pytest.raises(KeysUnusable, match="damaged"):
        async with opened(hub):
            pass


# --- the real client, and the real service


def told(process: subprocess.Popen[str], begins: str) -> list[str]:
    """Return the words of the line that begins so."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(begins):
            return line.removeprefix(begins).split()
    raise AssertionError(f"it never said {begins}")


@pytest.mark.skipif(not OPENSSH, reason="the OpenSSH client is not installed")
def test_openssh_speaks_with_the_hub_as_it_is_served(key_folder: Path, sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "hub.sqlite")
    keys = shutil.copytree(key_folder, tmp_path / "keys")
    with open_hub(Settings(data_dir=tmp_path, keys_dir=str(keys))) as hub:  # type: ignore[call-arg]
        let_in(hub)
    env = {"WAIVERHUB_DATA_DIR": str(tmp_path), "WAIVERHUB_KEYS_DIR": str(keys), "WAIVERHUB_LANGUAGE": "en"}
    words = [sys.executable, "-m", "integration.cli", "serve", "--port", "0", "--sftp-port", "0"]
    with subprocess.Popen(
        words, env=os.environ | env | {"WAIVERHUB_DATABASE_URL": ""}, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            address, fingerprint = told(process, "SFTP: ")[0].rstrip(","), told(process, "serving: ")
            batch(tmp_path, int(address.rpartition(":")[2]))
            assert fingerprint
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=35)
            assert process.returncode == 0
        finally:
            process.kill()


def batch(folder: Path, port: int) -> None:
    """Put, list, rename and get in one batch of OpenSSH's own client; then see a batch fail that must."""
    private, hosts, local = folder / "id", folder / "known_hosts", folder / "local.csv"
    private.write_bytes(key_of("works").export_private_key("openssh"))
    private.chmod(0o600)
    host_key = asyncssh.read_private_key(folder / "keys" / "sftp_host_key").export_public_key("openssh").decode()
    hosts.write_text(f"[127.0.0.1]:{port} {host_key}")
    local.write_bytes(b"1|2|3\n" * 50_000)
    (folder / "half.csv").write_bytes(b"1|2|3\n" * 25_000)
    options = ["-oStrictHostKeyChecking=yes", f"-oUserKnownHostsFile={hosts}", "-oIdentitiesOnly=yes"]
    words = ["sftp", "-F", "none", *options, "-i", str(private), "-P", str(port), "-b", "-", "works@127.0.0.1"]

    def said(lines: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, input=lines, capture_output=True, text=True, check=False, timeout=20)

    done = said(
        f"pwd\ncd in\nput -p {local} roster.csv\nput {folder}/half.csv report.csv.part\nreput {local} report.csv.part\n"
        f"rename report.csv.part report.csv\nls -l\nget report.csv {folder}/back.csv\n"
    )
    assert done.returncode == 0, done.stderr
    assert "Remote working directory: /\n" in done.stdout
    assert (folder / "back.csv").read_bytes() == local.read_bytes()
    assert sorted(one.name for one in (folder / "homes" / "city_water" / "in").iterdir()) == [
        "report.csv",
        "roster.csv",
    ]
    copied = [
        "scp",
        "-F",
        "none",
        *options,
        "-i",
        str(private),
        "-P",
        str(port),
        str(local),
        "works@127.0.0.1:in/copy.csv",
    ]
    assert subprocess.run(copied, capture_output=True, check=False, timeout=20).returncode == 0
    for line in (f"put {local} in/roster.csv", f"put {local} out/x.csv", "mkdir in/x", "ln -s in/roster.csv in/l"):
        assert said(f"{line}\n").returncode == 1, line
