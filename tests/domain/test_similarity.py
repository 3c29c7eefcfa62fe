"""What speaks for a match and against it: dwellings part by part, names, slips, and when a link makes itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.domain.matching import Limits, near_certain, rank
from integration.domain.similarity import (
    Customer,
    Doubt,
    Linked,
    Near,
    Person,
    Profile,
    Reason,
    Score,
    compare_dwellings,
    compare_names,
    is_slip,
    person,
    score,
    together,
)
from schemas.addresses import Dwelling, parse_address

MEMBER = person("王小燕", "11010519491231002X")
ANOTHER = "110105198806053718"
HOME = "和平路12号3栋2单元501室"
WEIGHTS = dict.fromkeys(Reason, 500)


def home(text: str) -> Dwelling:
    return parse_address("", text)


@pytest.mark.parametrize(
    ("other", "near"),
    [
        (HOME, Near.SAME),
        ("江城市城中区和平路12号3-2-501", Near.SAME),
        ("和平镇和平路12号3栋2单元501室", Near.SAME),
        ("和平路12号3栋501室", Near.LIKELY),
        ("和苹路12号3栋2单元501室", Near.LIKELY),
        ("和平路12号3栋", Near.HOUSE),
        ("和平路12号501室", Near.HOUSE),
        ("和平路12号3栋2单元502室", Near.OTHER),
        ("和平路12号3栋1单元501室", Near.OTHER),
        ("和平路12号4栋2单元501室", Near.OTHER),
        ("和平路11号3栋2单元501室", Near.OTHER),
        ("建设大道12号3栋2单元501室", Near.OTHER),
        ("新华社区3栋2单元501室", Near.UNKNOWN),
        ("501室", Near.UNKNOWN),
        ("安置房", Near.UNKNOWN),
        ("", Near.UNKNOWN),
    ],
)
def test_dwellings_are_compared_part_by_part(other: str, near: Near) -> None:
    assert compare_dwellings(home(HOME), home(other)) is near
    assert compare_dwellings(home(other), home(HOME)) is near


parts = st.sampled_from(("", "1", "2", "12"))
dwellings = st.builds(Dwelling, st.sampled_from(("", "和平")), st.sampled_from(("", "东一路", "东二路")), *[parts] * 5)


@given(dwellings, dwellings)
def test_whatever_else_agrees_another_room_is_another_dwelling(a: Dwelling, b: Dwelling) -> None:
    near = compare_dwellings(a, b)
    assert near is compare_dwellings(b, a)
    parts_of = (one._replace(community="", street="", rest="") for one in (a, b))
    if any(x and y and x != y for x, y in zip(*parts_of, strict=True)):
        assert near is Near.OTHER
    if near is Near.SAME:
        assert a.room == b.room != ""


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("王小燕", "王小燕", Reason.NAME),
        ("王小燕", "王小?", Reason.NAME_NEAR),
        ("王□", "王䶮", Reason.NAME_NEAR),
        ("王小燕", "王小雁", Reason.NAME_NEAR),
        ("王小燕", "李小燕", None),
        ("王燕", "王雁", None),
        ("王小燕", "", None),
        ("", "", None),
    ],
)
def test_a_character_that_a_program_could_not_write_agrees_with_any(a: str, b: str, alike: Reason | None) -> None:
    assert compare_names(a, b) is compare_names(b, a) is alike


@pytest.mark.parametrize(
    ("written", "slip"),
    [
        ("11010519491231002X", False),
        ("110105194912310029", True),
        ("11010519491231020X", True),
        ("１１０１０５１９４９１２３１００１Ｘ", True),
        ("110105491231012", True),
        ("110105491231002", False),
        ("110105194912310187", False),
        ("", False),
    ],
)
def test_an_id_number_with_one_slip_is_told_from_another_number(written: str, slip: bool) -> None:
    assert is_slip(MEMBER.known, written) is slip


@pytest.mark.parametrize("written", ["", "无", "111111111111111111", "000000000000000000", "110105190001010000"])
def test_placeholders_identify_nobody(written: str) -> None:
    """Case 58."""
    found = person("王小燕", written)
    assert (found.known, found.meant) == ("", False)


@pytest.mark.parametrize("written", ["无", "业主", "新用户", "0000", "1111", "不详", "待过户", "（空）", "-"])
def test_words_that_stand_for_nobody_are_no_names(written: str) -> None:
    assert person(written, "").name == ""


def test_a_note_beside_a_name_is_no_part_of_it() -> None:
    assert person("王小燕（已故）", "").name == person(" 王小燕 ", "").name == "王小燕"


# --- one household, one account -------------------------------------------------------------------------------------


@dataclass
class Case:
    name: str = ""
    number: str = ""
    address: str = ""
    account: str = "10000001"
    named: str = ""
    domestic: bool = True
    taken: bool = False
    low_income: bool = False
    members: tuple[Person, ...] = (MEMBER,)
    elsewhere: list[Linked] = field(default_factory=list)

    def customer(self) -> Customer:
        holder = person(self.name, self.number)
        return Customer(7, "w", self.account, self.domestic, self.low_income, holder, home(self.address))

    def score(self) -> tuple[set[str], set[str]]:
        profile = Profile(self.members, home(HOME), {"w": self.named}, self.elsewhere)
        found = score(profile, self.customer(), WEIGHTS, taken=self.taken)
        assert (found.per_mille > 0) == bool(found.reasons)
        return set(found.reasons), set(found.doubts)


@pytest.mark.parametrize(
    ("case", "reasons", "doubts"),
    [
        (Case(name="王小燕"), set(), set()),
        (Case(name="王小燕", low_income=True), set(), set()),
        (Case(name="王小燕", address=HOME), {"name", "dwelling"}, set()),
        (Case(name="王小燕", address=HOME, low_income=True), {"name", "dwelling", "low_income"}, set()),
        (Case(name="王小燕", address="和平路12号3栋2单元502室"), set(), {"other_dwelling"}),
        (Case(name="王小燕", number="110105194912310029"), {"name", "id_slip"}, set()),
        (Case(name="李大", number=MEMBER.known), {"id"}, set()),
        (Case(name="王小燕", named="10000010"), {"name", "named_slip"}, set()),
        (Case(named="10000001"), {"named"}, set()),
        (Case(named="10000023"), set(), set()),
        (Case(address=HOME, domestic=False, taken=True), {"dwelling"}, {"non_domestic", "taken"}),
        (Case("王小燕", address=HOME, members=(MEMBER._replace(dead=True),)), {"name", "dwelling"}, {"holder_died"}),
    ],
)
def test_each_thing_that_agrees_or_not_is_told_by_its_code(case: Case, reasons: set[str], doubts: set[str]) -> None:
    """Cases 55-58; a name alone is nothing."""
    assert case.score() == (reasons, doubts)


@pytest.mark.parametrize("number", [ANOTHER, ANOTHER[:-1] + "9"])
def test_a_namesake_with_another_number_is_another_person(number: str) -> None:
    """Case 56: the name is no evidence, and the number a doubt, even where its check digit is wrong."""
    assert Case(name="王小燕", number=number, address=HOME).score() == ({"dwelling"}, {"other_person"})


@pytest.mark.parametrize(
    ("confirmed", "reason", "doubts"), [(False, "same_holder", {"other_person"}), (True, "confirmed_holder", set())]
)
def test_the_holder_at_another_company_is_evidence(confirmed: bool, reason: str, doubts: set[str]) -> None:
    """N9; a person who has accepted a landlord at one service need not doubt him at the next."""
    landlord = Case(name="李房东", number=ANOTHER, address=HOME)
    landlord.elsewhere = [Linked(landlord.customer(), confirmed)]
    assert landlord.score() == ({"dwelling", reason}, doubts)


# --- scores ---------------------------------------------------------------------------------------------------------

strengths = st.lists(st.integers(0, 999), max_size=6)


@given(strengths, st.integers(0, 999))
def test_another_witness_never_weakens_and_none_makes_sure(found: list[int], more: int) -> None:
    assert max([0, *found]) <= together(found) <= together([*found, more]) < 1000 + (len(found) > 1)
    assert together(found) == together(reversed(found))


def test_what_two_witnesses_cannot_both_be_wrong_about() -> None:
    assert together([900, 800]) == 980
    assert together([850, 900]) == 985


def scored(per_mille: int, account: int = 1, *doubts: Doubt) -> Score:
    return Score(account, per_mille, (), doubts)


LIMITS = Limits(980, 600, 40)


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([scored(980)], 1),
        ([scored(979)], None),
        ([scored(990, 1, Doubt.TAKEN)], None),
        ([scored(990, 2), scored(950, 1)], 2),
        ([scored(990, 2), scored(951, 1)], None),
        ([scored(990, 2), scored(990, 1, Doubt.OTHER_PERSON)], None),
        ([], None),
    ],
)
def test_only_a_candidate_alone_ahead_and_without_a_doubt_is_linked(scores: list[Score], chosen: int | None) -> None:
    """Case 57."""
    found = near_certain(rank(scores, LIMITS), LIMITS)
    assert (found and found.account_id) == chosen


@given(st.lists(st.builds(scored, st.integers(0, 1000), st.integers(1, 9)), max_size=20, unique_by=lambda s: s[0]))
def test_the_queue_is_the_same_for_every_order_and_shows_none_below_the_limit(scores: list[Score]) -> None:
    ranked = rank(scores, LIMITS)
    assert ranked == rank(scores[::-1], LIMITS)
    assert all(one.per_mille >= 600 for one in ranked)
