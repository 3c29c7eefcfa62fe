"""Lists laid and files collected where files are exchanged: in a folder and on a server, at times OpenSSH's own."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sshd import names, new_key, opened_place
from test_company_files import WATER, refused

from adapters.base import Found, Parcel, Refused, Unreachable
from adapters.channels.collect_files import FileFolder, Naming
from adapters.channels.folder import FolderPlace
from adapters.channels.lay_lists import ListFolder
from adapters.channels.place import CHANGED, NAME_TAKEN, NOT_THERE, Opened
from adapters.companies import load_companies

CONTENT = b"K7F2Q9|00012345|3.000\n" * 40_000


def parcel(content: bytes = CONTENT, name: str = "CITYWATER_202611_000012.txt") -> Parcel:
    beside = {f"{name}.manifest.json": b"{}", f"{name}.manifest.sig": b"signed"}
    return Parcel("m-12", name, "text/plain", len(content), hashlib.sha256(content).hexdigest(), {}, beside)


def unread() -> Iterator[bytes]:
    raise AssertionError("what lies there already is not read again")
    yield b""


def names_box(opened: Opened) -> FileFolder:
    namings = (
        Naming("report", re.compile(r"CW_R_[0-9]{6}_[0-9]+\.txt")),
        Naming("roster", re.compile(r"CW_Y_[0-9]{8}\.txt|CW_R_202611_9\.txt")),
    )
    return FileFolder(opened, namings, "in", "done", "reject", 60)


@pytest.fixture(params=["folder", "in_thread"])
def near(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    return opened_place(request, root, monkeypatch)


@pytest.fixture
def channel(near: Opened) -> ListFolder:
    return ListFolder(near, "in", "done")


@pytest.fixture
def box(near: Opened, root: Path) -> FileFolder:
    (root / "reject").mkdir()
    return names_box(near)


REPORT = "CW_R_202611_1.txt"


def lay(root: Path, name: str = REPORT, content: bytes = CONTENT, at: int = 1_000_000) -> None:
    (root / "in" / name).write_bytes(content)
    os.utime(root / "in" / name, (at, at))


def only(box: FileFolder) -> Found:
    (found,) = box.files()
    return found


# --- lists


def test_a_list_is_laid_last_and_once(channel: ListFolder, root: Path) -> None:
    seen: list[str] = []

    def content() -> Iterator[bytes]:
        seen.extend(name for name in names(root / "in") if not name.startswith("."))
        yield from (CONTENT[:100], CONTENT[100:])

    sent = parcel()
    assert not channel.has(sent)
    assert channel.send(sent, content()) == "LAID"
    assert seen == sorted(sent.beside)
    assert channel.has(sent)
    assert channel.send(sent, unread()) == "LAY_THERE"
    assert names(root / "in") == sorted([sent.file_name, *sent.beside])
    assert (root / "in" / sent.file_name).read_bytes() == CONTENT
    assert {name: (root / "in" / name).read_bytes() for name in sent.beside} == sent.beside


def test_in_a_folder_that_is_not_there_no_list_lies(channel: ListFolder, root: Path) -> None:
    assert not replace(channel, taken="nowhere").has(parcel())


def test_a_list_that_the_partner_has_taken_is_there(channel: ListFolder, root: Path) -> None:
    channel.send(parcel(), [CONTENT])
    (root / "in" / parcel().file_name).rename(root / "done" / parcel().file_name)
    assert channel.has(parcel())


@pytest.mark.parametrize("other", [CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_another_file_of_its_name_is_no_list_and_is_left(channel: ListFolder, root: Path, other: bytes) -> None:
    lay(root, parcel().file_name, other)
    assert not channel.has(parcel())
    with pytest.raises(Refused, match=NAME_TAKEN):
        channel.send(parcel(), [CONTENT])
    assert (root / "in" / parcel().file_name).read_bytes() == other


def test_what_is_not_as_signed_is_seen_by_nobody(channel: ListFolder, root: Path) -> None:
    with pytest.raises(Refused, match="NOT_AS_SIGNED"):
        channel.send(parcel(), [CONTENT[:-1]])
    assert names(root / "in") == sorted(parcel().beside)


@pytest.mark.parametrize("name", ["../up.txt", "名单.txt", ".hidden", "a" * 210])
def test_a_list_under_a_name_that_is_not_allowed_goes_nowhere(tmp_path: Path, name: str) -> None:
    channel = ListFolder(FolderPlace(tmp_path, home="city_water").opened, "out")
    with pytest.raises(Refused, match="BAD_NAME"):
        channel.send(parcel(name=name), [CONTENT])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# --- files


def test_files_are_told_by_their_agreed_names_alone(box: FileFolder, root: Path) -> None:
    for name in (REPORT, "CW_Y_20261101.txt", "CW_R_202611_1.txt.part", "cw_r_202611_1.txt", "xCW_R_202611_1.txt"):
        lay(root, name, name.encode())
    assert [(found.kind, found.name) for found in box.files()] == [("report", REPORT), ("roster", "CW_Y_20261101.txt")]
    found = box.files()[0]
    assert (found.size, found.modified_s) == (len(REPORT), 1_000_000)
    assert b"".join(box.read(found)) == REPORT.encode()


def test_a_name_of_two_kinds_is_nobodys_guess(box: FileFolder, root: Path) -> None:
    lay(root, "CW_R_202611_9.txt")
    with pytest.raises(Refused, match="TWO_KINDS"):
        box.files()


def grown(root: Path) -> None:
    with (root / "in" / REPORT).open("ab") as file:
        file.write(b"more")


def shrunk(root: Path) -> None:
    os.truncate(root / "in" / REPORT, len(CONTENT) - 1)


def touched(root: Path) -> None:
    os.utime(root / "in" / REPORT, (1_000_001, 1_000_001))


CHANGES = [grown, shrunk, touched]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_since_it_was_found_is_not_read(
    box: FileFolder, root: Path, change: Callable[[Path], None]
) -> None:
    lay(root)
    found = only(box)
    change(root)
    with pytest.raises(Unreachable, match=CHANGED):
        next(box.read(found))
    with pytest.raises(Unreachable, match=CHANGED):
        box.take_away(found, refused=False, beside={})
    assert names(root / "in") == [REPORT]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_told_at_the_end(
    box: FileFolder, root: Path, change: Callable[[Path], None]
) -> None:
    lay(root)
    pieces = box.read(only(box))
    next(pieces)
    change(root)
    with pytest.raises(Unreachable, match=CHANGED):
        list(pieces)


def test_without_looking_again_at_the_end_a_growing_file_would_be_taken(root: Path) -> None:
    """The control: reading alone, as far as the file goes, notices nothing."""
    lay(root)
    with FolderPlace(root).opened() as place:
        pieces = place.read("in", REPORT)
        read = [next(pieces)]
        shrunk(root)
        assert len(b"".join([*read, *pieces])) == len(CONTENT) - 1


def test_a_file_that_is_gone_is_refused(box: FileFolder, root: Path) -> None:
    lay(root)
    found = only(box)
    (root / "in" / REPORT).unlink()
    with pytest.raises(Refused, match=NOT_THERE):
        next(box.read(found))
    with pytest.raises(Refused, match=NOT_THERE):
        box.take_away(found, refused=True, beside={})


@pytest.mark.parametrize(("refused_whole", "to"), [(False, "done"), (True, "reject")])
def test_a_file_is_taken_away_once_with_its_faults_in_reject(
    box: FileFolder, root: Path, refused_whole: bool, to: str
) -> None:
    lay(root)
    found = only(box)
    for _ in range(2):
        box.take_away(found, refused=refused_whole, beside={f"{REPORT}.faults.csv": b"3,amount"})
    assert names(root / "in") == []
    assert (root / to / REPORT).read_bytes() == CONTENT
    assert (root / "reject" / f"{REPORT}.faults.csv").read_bytes() == b"3,amount"
    assert len(names(root / "done")) + len(names(root / "reject")) == 2


def test_a_name_that_an_earlier_file_had_gets_a_number(box: FileFolder, root: Path) -> None:
    for number in range(3):
        lay(root, content=b"x" * number, at=2_000_000 + number)
        found = only(box)
        for _ in range(2):
            box.take_away(found, refused=False, beside={f"{REPORT}.faults.csv": b"%d" % number})
    assert names(root / "done") == [REPORT, f"{REPORT}.1", f"{REPORT}.2"]
    assert names(root / "reject") == [f"{REPORT}.1.faults.csv", f"{REPORT}.2.faults.csv", f"{REPORT}.faults.csv"]
    assert [(root / "reject" / f"{REPORT}{n}.faults.csv").read_bytes() for n in ("", ".1", ".2")] == [b"0", b"1", b"2"]


def test_a_program_that_never_counts_its_files_is_served_on(box: FileFolder, root: Path) -> None:
    for name in (REPORT, *(f"{REPORT}.{number}" for number in range(1, 100))):
        (root / "done" / name).write_bytes(b"one of many before")
    lay(root, content=b"x", at=2_000_000)
    box.take_away(only(box), refused=False, beside={})
    assert (root / "done" / f"{REPORT}.2000000").read_bytes() == b"x"


def test_what_is_said_of_a_file_is_laid_even_if_its_sender_took_it_away(box: FileFolder, root: Path) -> None:
    lay(root)
    found = only(box)
    (root / "in" / REPORT).unlink()
    with pytest.raises(Refused, match="NOT_THERE"):
        box.take_away(found, refused=False, beside={f"{REPORT}.faults.csv": b"3,amount"})
    assert (root / "reject" / f"{REPORT}.faults.csv").read_bytes() == b"3,amount"


def test_a_repetition_leaves_the_next_file_of_its_name_alone(box: FileFolder, root: Path) -> None:
    lay(root)
    found = only(box)
    box.take_away(found, refused=False, beside={})
    lay(root, content=b"the next one", at=3_000_000)
    box.take_away(found, refused=False, beside={})
    assert names(root / "in") == [REPORT]
    assert names(root / "done") == [REPORT]


def test_a_whole_exchange(opened: Opened, root: Path) -> None:
    """All of it once more, on every place there is."""
    (root / "reject").mkdir()
    channel, box = ListFolder(opened, "in"), names_box(opened)
    assert [channel.send(parcel(), [CONTENT]) for _ in range(2)] == ["LAID", "LAY_THERE"]
    assert channel.has(parcel())
    lay(root)
    found = only(box)
    assert b"".join(box.read(found)) == CONTENT
    for _ in range(2):
        box.take_away(found, refused=True, beside={f"{REPORT}.faults.csv": b"3,amount"})
    assert names(root / "reject") == [REPORT, f"{REPORT}.faults.csv"]
    lay(root)
    pieces = box.read(only(box))
    next(pieces)
    grown(root)
    with pytest.raises(Unreachable, match=CHANGED):
        list(pieces)


class Meddling(FolderPlace):
    """A folder in which somebody lays another file just before one is moved, or that breaks off there."""

    meddle: Callable[[], None]

    @contextmanager
    def opened(self) -> Iterator[Meddling]:
        yield self

    def move(self, folder: str, name: str, to_folder: str, to_name: str) -> None:
        if folder == "in":
            self.meddle()
        super().move(folder, name, to_folder, to_name)


def meddled(root: Path, meddle: Callable[[], None]) -> FileFolder:
    (root / "reject").mkdir()
    place = Meddling(root)
    object.__setattr__(place, "meddle", meddle)
    return names_box(place.opened)


def test_a_file_laid_over_another_just_then_is_not_done_unread(root: Path) -> None:
    box = meddled(root, lambda: lay(root, content=b"the next one", at=3_000_000))
    lay(root)
    with pytest.raises(Unreachable, match=CHANGED):
        box.take_away(only(box), refused=False, beside={})
    assert (root / "in" / REPORT).read_bytes() == b"the next one"
    assert names(root / "done") == []


def test_what_breaks_off_between_its_faults_and_the_move_goes_on_there(root: Path) -> None:
    lost = iter([Unreachable("SSH_LOST")])

    def break_off_once() -> None:
        for error in lost:
            raise error

    box = meddled(root, break_off_once)
    lay(root)
    found = only(box)
    beside = {f"{REPORT}.faults.csv": b"3,amount"}
    with pytest.raises(Unreachable):
        box.take_away(found, refused=True, beside=beside)
    assert names(root / "in") == [REPORT]
    box.take_away(found, refused=True, beside=beside)
    assert names(root / "in") == []
    assert names(root / "reject") == [REPORT, f"{REPORT}.faults.csv"]


# --- nobody sees half a list


class Reader(threading.Thread):
    """A partner's program: it looks more than a hundred times a second, and reads every list that it sees."""

    def __init__(self, folder: Path, known: dict[str, str]) -> None:
        super().__init__()
        self.folder, self.known = folder, known
        self.ended = threading.Event()
        self.looks = 0
        self.half: list[str] = []
        self.whole: set[str] = set()

    def run(self) -> None:
        while not self.ended.wait(0.004):
            self.look()
        self.look()

    def look(self) -> None:
        self.looks += 1
        for name in names(self.folder):
            if name not in self.known:
                continue
            if hashlib.sha256((self.folder / name).read_bytes()).hexdigest() == self.known[name]:
                self.whole.add(name)
            else:
                self.half.append(name)


LISTS = {f"LIST_{number:06}.txt": os.urandom(300_000) for number in range(6)}


def read_meanwhile(folder: Path, laying: Callable[[str, bytes], object]) -> Reader:
    reader = Reader(folder, {name: hashlib.sha256(content).hexdigest() for name, content in LISTS.items()})
    reader.start()
    try:
        for name, content in LISTS.items():
            laying(name, content)
    finally:
        reader.ended.set()
        reader.join()
    return reader


def slowly(content: bytes) -> Iterator[bytes]:
    """A list as a slow line carries it."""
    pause = threading.Event()
    for start in range(0, len(content), 100_000):
        pause.wait(0.01)
        yield content[start : start + 100_000]


def test_a_reader_never_sees_half_a_list(opened: Opened, root: Path) -> None:
    channel = ListFolder(opened, "in")
    reader = read_meanwhile(root / "in", lambda name, content: channel.send(parcel(content, name), slowly(content)))
    assert reader.half == []
    assert reader.whole == LISTS.keys()
    assert reader.looks > 20


def test_a_writer_under_the_final_name_would_be_caught(root: Path) -> None:
    """The control."""

    def written(name: str, content: bytes) -> None:
        with (root / "in" / name).open("wb", buffering=0) as file:
            for piece in slowly(content):
                file.write(piece)

    assert read_meanwhile(root / "in", written).half != []


# --- configuration

HOME = '[exchange]\nform = "home"\n'
SFTP = '[exchange]\nform = "sftp"\nhost = "sftp.water.example"\nuser = "hub"\nkey_env = "WATER_KEY"\nlists_to = "in"\n'
FILES = "[[exchange.files]]\nkind = 'report'\nname = 'CW_R_[0-9]{6}\\.txt'\n"
PLAIN = WATER[: WATER.index("# Its billing program")] + WATER[WATER.index("# Prices") :]


def configured(section: str, tmp_path: Path) -> tuple[Any, Any]:
    company = load_companies([("city_water.toml", f"{PLAIN}\n{section}".encode())])["city_water"]
    return company.channel(tmp_path), company.box(tmp_path)


def test_a_home_lays_and_collects_in_its_own_folders(tmp_path: Path) -> None:
    channel, box = configured(HOME + FILES, tmp_path)
    assert channel.send(parcel(), [CONTENT]) == "LAID"
    home = tmp_path / "city_water"
    assert (home / "out" / parcel().file_name).read_bytes() == CONTENT
    assert (box.settle_s, box.files()) == (60, [])
    (home / "in" / "CW_R_202611.txt").write_bytes(b"x")
    box.take_away(only(box), refused=True, beside={})
    assert names(home / "reject") == ["CW_R_202611.txt"]


def test_a_folder_and_a_server_collect_only_what_is_agreed(tmp_path: Path) -> None:
    public = new_key(tmp_path / "key")
    channel, box = configured(f'[exchange]\nform = "folder"\npath = "{tmp_path}"\nlists_to = "out"\n', tmp_path)
    assert box is None
    with pytest.raises(Refused, match=NOT_THERE):
        channel.send(parcel(), [CONTENT])
    channel, box = configured(f"{SFTP}host_key = '{public} ops@water'\n", tmp_path)
    assert (channel is not None, box) == (True, None)
    assert configured(f'{HOME}lists_to = ""\n{FILES}', tmp_path)[0] is None
    assert configured("", tmp_path) == (None, None)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('[exchange]\nform = "ftp"\n', "exchange: not one of the known forms"),
        (HOME + 'host = "x"\n', "exchange.home.host: Extra inputs"),
        ('[exchange]\nform = "folder"\npath = "srv"\nlists_to = "in"\n', "exchange.folder.path: an absolute path"),
        ('[exchange]\nform = "folder"\npath = "/a/../b"\nlists_to = "in"\n', "exchange.folder.path: an absolute path"),
        (SFTP, "exchange.sftp.host_key: Field required"),
        (SFTP + 'host_key = "ssh-ed25519 geheim"\n', "exchange.sftp.host_key: not a public key"),
        (HOME + 'lists_to = "../out"\n', "exchange.home.lists_to: a folder is named by"),
        (HOME + 'lists_to = "In"\n', "a folder stands twice"),
        (HOME + 'done_to = "reject"\n', "a folder stands twice"),
        (HOME + 'done_to = ""\n' + FILES, "done_to and reject_to cannot be empty"),
        (HOME + 'files_from = ""\n' + FILES, "add files_from"),
        (HOME + 'files_from = "from"\n', "but no files"),
        (HOME + 'lists_to = ""\n', "nothing is exchanged"),
        (HOME + "settle_s = -1\n", "exchange.home.settle_s"),
        (HOME + FILES.replace("[0-9]", "[0-"), "exchange.home.files.0.name: not a regular expression"),
        (HOME + FILES.replace("CW_R", "回盘"), "exchange.home.files.0.name: a file is named by"),
        (HOME + FILES.replace("report", "bill"), "exchange.home.files.0.kind"),
        (HOME + FILES.replace("report", "registry"), "exchange.files.0.kind: this company has no such file"),
        (HOME + FILES + FILES.replace("report", "roster"), "files 2: a name is that of two entries"),
        (HOME + FILES + "[[exchange.files]]\nkind = 'roster'\nname = 'CW_R_202611\\.txt'\n", "files 2: a name is"),
        (HOME + '[delivery]\nform = "http_push"\nurl = "https://a/b"\n', "exchange.lists_to: [delivery] sends"),
    ],
)
def test_an_exchange_that_cannot_be_is_told_before_the_hub_starts(section: str, said: str) -> None:
    text = refused(("city_water.toml", f"{PLAIN}\n{section}"))
    assert said in text
    assert "geheim" not in text


@pytest.mark.parametrize("name", ["CITYWATER_{month}.txt", "_CITYWATER_{number:06}.txt"])
def test_a_list_that_could_not_be_laid_is_told_before_the_hub_starts(name: str) -> None:
    plain = PLAIN.replace("CITYWATER_{month}_{number:06}.txt", name)
    assert plain != PLAIN
    assert "list.file_name: cannot be laid" in refused(("city_water.toml", f"{plain}\n{HOME}"))
