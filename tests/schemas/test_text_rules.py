"""What text may come in, and how names are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text import PRIVATE_USE, fold_name, forbidden_character, looks_like_formula


@pytest.mark.parametrize("dot", "·•‧∙・･．.")
def test_minority_names_meet_whatever_dot_was_typed(dot: str) -> None:
    assert fold_name(f"买买提{dot}艾力") == fold_name("买买提·艾力")


@pytest.mark.parametrize(("old", "real"), [("FE59", "\u9fb4"), ("FE90", "\u9fba"), ("A8BC", "\u1e3f")])
def test_private_characters_of_old_files_become_real_ones(old: str, real: str) -> None:
    assert fold_name("王" + bytes.fromhex(old).decode("gb18030")) == fold_name("王" + real)


def test_the_private_table_is_what_the_codec_gives() -> None:
    for private in PRIVATE_USE:
        assert chr(private).encode("gb18030").decode("gb18030") == chr(private)
    assert len(PRIVATE_USE) == 19


@given(st.text())
def test_folding_is_stable(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)


def test_blanks_width_and_case_do_not_matter() -> None:
    assert fold_name("Ｌｉ　 Ming") == fold_name("liming")


def test_different_names_stay_different() -> None:
    assert fold_name("张三") != fold_name("张叁")


@pytest.mark.parametrize(
    "code",
    [0, 9, 10, 0x1B, 0x7F, 0x85, 0x200B, 0x200F, 0x202E, 0x2066, 0x2028, 0xFEFF, 0xFFFD, 0xFFFE, 0xD800, 0xE0041],
)
def test_invisible_and_controlling_characters_are_named(code: int) -> None:
    assert forbidden_character(f"张{chr(code)}三") == f"U+{code:04X}"


@pytest.mark.parametrize("text", ["张三", "𬴂䶮", "王\ue81e", "a　b", "买买提·艾力", "㐀", ""])
def test_real_names_pass(text: str) -> None:
    assert forbidden_character(text) is None


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_identifiers_that_a_spreadsheet_would_run_are_seen(sign: str) -> None:
    assert looks_like_formula(f"{sign}1+1")
    assert not looks_like_formula(f"0{sign}1")
    assert not looks_like_formula("")
