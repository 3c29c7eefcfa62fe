"""Two writers' spellings of one dwelling meet (edge case 64)."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import addresses
from schemas.addresses import address_key, normal_address, parse_address, place_key, street_room_key
from schemas.configuration import ConfigurationRefused
from schemas.streets import Streets, load_streets


@pytest.mark.parametrize(
    "text",
    ["和平路12号3栋2单元501室",
     "和平路１２号３幢２单元５０１室", "和平路十二号第三栋二单元501", "和平路12号 3号楼 2门 0501",
     "和平路12号3-2-501", "和平路12号3座2单元五零一室", "和平路12号3#楼2单元501号", "和平路12号，3栋（2单元）501户"],
)  # fmt: skip
def test_spellings_of_one_dwelling_meet(text: str) -> None:
    assert normal_address(text) == "和平路12号3栋2单元501室"
    assert place_key("和平社区", text) == "和平|12号3栋|2单元|501室"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("五一路三弄二十三号", "五一路3弄23号"),
        ("三元里一百零五号", "三元里105号"),
        ("七宝镇十号", "七宝镇10号"),
        ("A座1201", "A栋1201室"),
        ("二层楼道", "2层楼道"),
        ("县前街5号", "县前街5号"),
        ("江南市场街5号", "江南市场街5号"),
        ("城中区阳光小区3幢", "阳光小区3栋"),
        ("文一路5弄3号501", "文一路5弄3号501室"),
    ],
)
def test_names_with_numerals_stay_names(text: str, normal: str) -> None:
    assert normal_address(text) == normal


def test_different_dwellings_stay_apart() -> None:
    keys = {place_key("和平", f"{n}栋{u}单元{r}室") for n in (1, 11) for u in (1, 2) for r in (101, 11)}
    assert len(keys) == 8


@pytest.mark.parametrize("community", ["和平", "和平社区", "和平居委会", "和平社区居委会", "和平小区"])
def test_the_community_is_known_by_its_name_alone(community: str) -> None:
    assert place_key(community, "3栋501") == "和平|3栋||501室"


def test_the_community_may_stand_in_the_text() -> None:
    assert place_key("", "朝阳社区建设街3栋501") == place_key("朝阳社区", "建设街3栋501")


@pytest.mark.parametrize(
    ("community", "text"), [("", "3栋501"), ("和平", "501室"), ("和平", "3栋"), ("", ""), ("和平", "无")]
)
def test_what_is_not_a_dwelling_has_no_key(community: str, text: str) -> None:
    assert place_key(community, text) == ""


@given(st.text(alphabet="〇零一二两三四五六七八九十百0123456789弄号栋幢座楼单元门室第#-－ 和平路AB", max_size=20))
def test_no_address_breaks_the_normal_form(text: str) -> None:
    assert isinstance(normal_address(text), str)
    assert isinstance(place_key("和平", text), str)


tokens = st.sampled_from(
    ["五一路", "和平", "一", "十", "3", "10", "0", "弄", "号", "栋", "幢", "单元", "室", "501室", "门", "第", "-"]
)


@given(st.lists(tokens, max_size=9).map("".join))
def test_an_address_taken_for_normal_is_just_what_the_rules_make_of_it(text: str) -> None:
    quick = normal_address(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "_NORMAL", re.compile(r"(?!)"))
        assert normal_address(text) == quick


def test_a_plain_address_is_taken_for_normal() -> None:
    assert addresses._NORMAL.fullmatch("五一路12号3栋2单元501室")


def test_both_names_of_a_renamed_street_are_one() -> None:
    """Also where the street changed its name twice."""
    streets = Streets({"解放路": "东风路", "东风路": "人民大街"})
    texts = ("人民大街12号3-2-501", "东风路12号3栋2单元501室", "江城市解放路十二号3栋2单元501室")
    assert {normal_address(text, streets) for text in texts} == {"人民大街12号3栋2单元501室"}


@pytest.mark.parametrize("text", ["无", "不详", "0000", "111111", "", "同上"])
def test_placeholders_are_no_address(text: str) -> None:
    """Case 58."""
    assert address_key(text) == ""


RENAMED = {"since": date(2012, 6, 1), "source": "公告"}


@pytest.mark.parametrize(
    ("renamed", "problem"),
    [
        ([{"old": "东路", "new": "东路"}], "one name"),
        ([{"old": "东路", "new": "西路"}, {"old": "东路", "new": "南路"}], "twice"),
        ([{"old": "东路", "new": "西路"}, {"old": "西路", "new": "东路"}], "leads back"),
        ([{"old": "东路"}], "required"),
    ],
)
def test_renamings_that_cannot_be_are_refused(renamed: list[dict[str, str]], problem: str) -> None:
    with pytest.raises(ConfigurationRefused, match=problem):
        load_streets("streets.toml", {"renamed": [one | RENAMED for one in renamed]})


def test_the_keys_of_a_house_need_street_house_and_room() -> None:
    assert street_room_key(parse_address("", "和平路12号3栋2单元501室")) == "和平路|12号3栋|501"
    assert (
        street_room_key(parse_address("和平社区", "3栋501")) == street_room_key(parse_address("", "和平路12号")) == ""
    )
