"""What every place promises: a local folder, a server in a thread, and OpenSSH's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sshd import names

from adapters.base import Refused, Unreachable
from adapters.channels.folder import FolderPlace
from adapters.channels.place import NAME_TAKEN, NO_FILE, NOT_THERE, Opened, Place
from schemas.file_names import is_file_name

WRONG_NAMES = [
    "",
    ".",
    "..",
    "../up.txt",
    "a/b.txt",
    "a\\b.txt",
    ".hidden",
    "dot.",
    "a..b",
    "a b.txt",
    "a\nb.txt",
    "a.txt\n",
    "a\x00b",
    "=cmd.csv",
    "-rf",
    "~a",
    "名单.txt",
    "\u202egpj.txt",
    "ａ.txt",
    "CON",
    "nul.txt",
    "Lpt1.csv",
    "a" * 129,
    "a" * 255,
]


@pytest.fixture
def place(opened: Opened) -> Iterator[Place]:
    with opened() as there:
        yield there


def refusal(opened: Opened, doing: Callable[[Place], object]) -> str:
    with pytest.raises(Refused) as caught, opened() as place:
        doing(place)
    return caught.value.code


def test_what_is_written_is_found_and_read_again(place: Place, root: Path) -> None:
    content = os.urandom(700_001)
    place.write("in", "a.txt", [content[:5], b"", content[5:300_000], content[300_000:]])
    place.write("in", "empty.txt", [])
    found = place.files("in")
    assert [(file.name, file.size) for file in found] == [("a.txt", len(content)), ("empty.txt", 0)]
    assert found[0].modified_s == int((root / "in" / "a.txt").stat().st_mtime)
    assert place.find("in", "a.txt") == found[0]
    assert b"".join(place.read("in", "a.txt")) == content == (root / "in" / "a.txt").read_bytes()
    assert list(place.read("in", "empty.txt")) == []
    assert names(root / "in") == ["a.txt", "empty.txt"]


def test_nothing_is_ever_written_over(opened: Opened, place: Place, root: Path) -> None:
    place.write("in", "a.txt", [b"first"])
    (root / "in" / "folder").mkdir()
    (root / "in" / "link").symlink_to(root / "elsewhere")
    for name in ("a.txt", "folder", "link"):
        assert refusal(opened, lambda place, name=name: place.write("in", name, [b"second"])) == NAME_TAKEN
    assert (root / "in" / "a.txt").read_bytes() == b"first"
    assert names(root / "in") == ["a.txt", "folder", "link"]
    assert not (root / "elsewhere").exists()


def test_a_move_is_done_once_and_keeps_size_and_time(place: Place, root: Path) -> None:
    place.write("in", "a.txt", [b"content"])
    os.utime(root / "in" / "a.txt", (1_000_000, 1_000_000))
    for _ in range(2):
        place.move("in", "a.txt", "done", "b.txt")
    assert place.files("in") == []
    assert place.files("done") == [("b.txt", 7, 1_000_000)]


def test_a_move_takes_no_others_place_and_of_nothing_is_refused(opened: Opened, place: Place, root: Path) -> None:
    for folder, content in (("in", b"new"), ("done", b"old")):
        place.write(folder, "a.txt", [content])
    assert refusal(opened, lambda place: place.move("in", "a.txt", "done", "a.txt")) == NAME_TAKEN
    assert refusal(opened, lambda place: place.move("in", "none.txt", "done", "none.txt")) == NOT_THERE
    assert [(root / folder / "a.txt").read_bytes() for folder in ("in", "done")] == [b"new", b"old"]


def test_a_folder_that_is_not_there_is_refused_and_not_made(opened: Opened, place: Place, root: Path) -> None:
    assert refusal(opened, lambda place: place.files("nowhere")) == NOT_THERE
    assert refusal(opened, lambda place: place.write("nowhere", "a.txt", [b"x"])) == NOT_THERE
    assert refusal(opened, lambda place: list(place.read("in", "none.txt"))) == NOT_THERE
    assert place.find("in", "none.txt") is None
    assert names(root) == ["done", "in"]


def broken_off() -> Iterator[bytes]:
    yield b"x" * 300_000
    raise Unreachable("OURS")


def test_what_breaks_off_while_it_is_written_leaves_nothing(place: Place, root: Path) -> None:
    with pytest.raises(Unreachable, match="OURS"):
        place.write("in", "a.txt", broken_off())
    assert names(root / "in") == []


def test_a_file_is_not_seen_while_it_is_written(place: Place, root: Path) -> None:
    seen = []

    def looked_at() -> Iterator[bytes]:
        yield b"x" * 300_000
        seen.extend(names(root / "in"))
        yield b"y"

    place.write("in", "a.txt", looked_at())
    assert [name[0] for name in seen] == ["."]


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_name_that_is_not_allowed_is_none(name: str) -> None:
    assert not is_file_name(name)


@pytest.mark.parametrize("name", ["a", "A.b_c-9.txt", "0", "a" * 128, "CONTENT.txt", "comma.con"])
def test_a_name_that_is_allowed_is_one(name: str) -> None:
    assert is_file_name(name)


def refused_name(doing: Callable[[], object]) -> bool:
    with pytest.raises(Refused, match="BAD_NAME"):
        doing()
    return True


def test_names_that_are_not_allowed_are_neither_told_nor_touched(place: Place, root: Path) -> None:
    for name in WRONG_NAMES:
        assert len(name) == 129 or refused_name(
            lambda name=name: place.write("in", name, [b"x"])
        )  # a number may follow
        if "/" not in name and "\x00" not in name and name not in ("", ".", ".."):
            (root / "in" / name).write_bytes(b"content")
    for raw in (b"\xb0\xa1.txt", b"a\xff"):
        Path(os.fsdecode(bytes(root / "in") + b"/" + raw)).write_bytes(b"content")
    lying = names(root / "in")
    for twin in ("Report.txt", "report.txt"):
        place.write("in", twin, [twin.encode()])
    assert [file.name for file in place.files("in")] == ["Report.txt", "report.txt"]
    assert b"".join(place.read("in", "Report.txt")) == b"Report.txt"
    for wrong in ("../secret", ".hidden", "a\nb.txt"):
        assert refused_name(lambda wrong=wrong: place.find("in", wrong))
        assert refused_name(lambda wrong=wrong: list(place.read("in", wrong)))
        assert refused_name(lambda wrong=wrong: place.move("in", wrong, "done", "a.txt"))
        assert refused_name(lambda wrong=wrong: place.move("in", "report.txt", "done", wrong))
    assert names(root / "in") == sorted([*lying, "Report.txt", "report.txt"])


def test_links_folders_and_pipes_are_no_files(opened: Opened, place: Place, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (root / "in" / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "in" / "folder.txt").mkdir()
    os.mkfifo(root / "in" / "pipe.txt")
    assert place.files("in") == []
    for name in ("link.txt", "folder.txt", "pipe.txt"):
        assert place.find("in", name) is None
        assert refusal(opened, lambda place, name=name: list(place.read("in", name))) == NO_FILE


def test_no_folder_is_reached_by_a_link_nor_by_a_wrong_name(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (root / "linked").symlink_to(tmp_path / "secrets")
    (root / "file").write_bytes(b"")
    place = FolderPlace(root)
    for folder, code in (("linked", NO_FILE), ("file", NO_FILE), ("../secrets", "BAD_NAME"), ("/", "BAD_NAME")):
        with pytest.raises(Refused) as caught, place.opened() as there:
            there.write(folder, "a.txt", [b"x"])
        assert caught.value.code == code
    assert names(tmp_path / "secrets") == []


def test_the_hubs_own_boxes_are_made_for_nobody_else_to_see(tmp_path: Path) -> None:
    homes = tmp_path / "homes"
    with FolderPlace(homes, home="city_water").opened() as place:
        place.write("out", "a.txt", [b"x"])
        assert place.files("in") == []
    made = [homes, homes / "city_water", homes / "city_water" / "out", homes / "city_water" / "in"]
    assert [folder.stat().st_mode & 0o777 for folder in made] == [0o700] * 4
    assert (homes / "city_water" / "out" / "a.txt").stat().st_mode & 0o137 == 0


def test_a_home_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "homes").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "homes" / "city_water").symlink_to(tmp_path / "other")
    with pytest.raises(Refused), FolderPlace(tmp_path / "homes", home="city_water").opened() as place:
        place.write("out", "a.txt", [b"x"])
    assert names(tmp_path / "other") == []
