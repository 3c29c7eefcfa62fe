"""How much speaks for an account being a household's, and what speaks against it, told in reasons and thousandths.

Each agreeing thing is a witness who may be wrong: with strengths w₁, w₂ … of 1000 the score is what they cannot all be
wrong about, 1000 − ∏(1000 − wᵢ). A doubt takes nothing from the score; it leaves the decision to a person. No rule
here sees more than one household and one account (edge cases 53-58, 64).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from schemas.addresses import Dwelling
from schemas.citizen_id import CHECK_DIGIT, FORM, CitizenId, IdFault, read_citizen_id
from schemas.holders import holder_name


class Reason(StrEnum):
    """What speaks for a candidate; each is a weight of the policy's ``match_weights``."""

    ID = "id"
    ID_SLIP = "id_slip"
    NAME = "name"
    NAME_NEAR = "name_near"
    DWELLING = "dwelling"
    DWELLING_NEAR = "dwelling_near"
    HOUSE = "house"
    NAMED = "named"
    NAMED_SLIP = "named_slip"
    SAME_HOLDER = "same_holder"
    CONFIRMED_HOLDER = "confirmed_holder"
    LOW_INCOME = "low_income"


class Doubt(StrEnum):
    """What leaves a candidate to a person, however much speaks for it."""

    OTHER_DWELLING = "other_dwelling"
    OTHER_PERSON = "other_person"
    HOLDER_DIED = "holder_died"
    NON_DOMESTIC = "non_domestic"
    TAKEN = "taken"


#: What stands where a company's program had no character for a part of a name.
_LOST: Final = frozenset("?□■◇*#_〓")
_WHOLE: Final = 1000


class Person(NamedTuple):
    """A member, or the holder of an account, as ``person`` makes them ready to be compared.

    ``known`` is an ID number that identifies somebody, or empty; ``meant`` tells that ``written`` was to be one.
    """

    name: str
    written: str
    known: str
    meant: bool
    dead: bool


class Customer(NamedTuple):
    """An account as the company describes it; ``number`` is its account number."""

    account_id: int
    company: str
    number: str
    domestic: bool
    low_income: bool
    holder: Person
    dwelling: Dwelling


class Linked(NamedTuple):
    """The household's account at another service, and whether a person confirmed it."""

    customer: Customer
    confirmed: bool


class Profile(NamedTuple):
    """A household as it is compared: members, dwelling, account numbers named by company, accounts elsewhere."""

    members: Sequence[Person]
    dwelling: Dwelling
    named: Mapping[str, str]
    elsewhere: Sequence[Linked] = ()


class Score(NamedTuple):
    """How a candidate stands: thousandths, and codes alone; never what was compared."""

    account_id: int
    per_mille: int
    reasons: tuple[Reason, ...]
    doubts: tuple[Doubt, ...]


class Near(IntEnum):
    """How two dwellings compare, part by part: whatever the strings' distance, another room is another dwelling."""

    OTHER = -1
    UNKNOWN = 0
    HOUSE = 1
    LIKELY = 2
    SAME = 3


def compare_dwellings(a: Dwelling, b: Dwelling) -> Near:
    """Compare two addresses by their parts.

    ``SAME``: place, house, unit and room agree. ``LIKELY``: the unit is missing on one side, or the street differs in
    one character. ``HOUSE``: the house agrees and a part of it, the floor or a room is missing. ``OTHER``: a part that
    both name differs. ``UNKNOWN``, too, where something else is written among the parts on one side.
    """
    place = _compare_places(a, b)
    houses = [(a.lane, b.lane), (a.number, b.number), (a.building, b.building)]
    inside = [(a.unit, b.unit), (a.floor, b.floor), (a.room, b.room)]
    if any(x and y and x != y for x, y in (*houses, *inside)) or place is Near.OTHER:
        return Near.OTHER
    if place is Near.UNKNOWN or a.rest != b.rest or not any(x and x == y for x, y in houses):
        return Near.UNKNOWN
    if not (a.room and b.room) or a.floor != b.floor or any(x != y for x, y in houses):
        return Near.HOUSE
    return min(place, Near.SAME if a.unit == b.unit else Near.LIKELY)


#: What tells streets, groups and quarters of one name apart: 3组 and 5组, A区 and B区, 人民东路 and 人民西路.
_TELLING: Final = re.compile("[0-9A-Z一二三四五六七八九十东南西北中上下前后新老甲乙丙丁-]")


def _compare_places(a: Dwelling, b: Dwelling) -> Near:
    """Compare community and street. The street counts more: one community has many names."""
    community = bool(a.community) and a.community == b.community
    if not (a.street and b.street):
        differ = bool(a.community and b.community) and not community
        return Near.OTHER if differ else Near.SAME if community else Near.UNKNOWN
    if _one_street(a.street, b.street):
        return Near.SAME
    if _TELLING.sub("", a.street) == _TELLING.sub("", b.street):
        return Near.OTHER
    return Near.LIKELY if community or _one_character_off(a.street, b.street) else Near.OTHER


def _one_street(a: str, b: str) -> bool:
    """Tell whether two names are one street's, a town before one of them aside."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    return longer.endswith(shorter) and (len(longer) == len(shorter) or longer[-len(shorter) - 1] in "镇乡")


def _one_character_off(a: str, b: str) -> bool:
    return len(a) == len(b) > 2 and OSA.distance(a, b, score_cutoff=1) == 1


def compare_names(a: str, b: str) -> Reason | None:
    """Compare two folded names; a character that a program could not write agrees with any other."""
    if a == b:
        return Reason.NAME if a else None
    if abs(len(a) - len(b)) > 1 or min(len(a), len(b)) < 2:
        return None
    if len(a) == len(b) and all(x == y or x in _LOST or y in _LOST for x, y in zip(a, b, strict=True)):
        return Reason.NAME_NEAR
    same_family = a[0] == b[0] and len(a) > 2
    return Reason.NAME_NEAR if same_family and OSA.distance(a, b, score_cutoff=1) == 1 else None


def is_slip(right: str, written: str) -> bool:
    """Tell whether an ID number was meant that is wrong in one digit, or in the order of two, also in its old form."""
    plain = "".join(unicodedata.normalize("NFKC", written).split()).upper()
    if len(right) != 18 or len(plain) not in (15, 17, 18, 19):
        return False
    meant = right[:6] + right[8:17] if len(plain) == 15 else right
    return OSA.distance(meant, plain, score_cutoff=1) == 1


def score(household: Profile, customer: Customer, weights: Mapping[Reason, int], *, taken: bool) -> Score:
    """Score one account for one household.

    A name alone is no witness (edge case 56), nor is the name of somebody with another ID number.
    """
    reasons, doubts = _compare_holder(household, customer)
    near, of_dwelling = _compare_homes(household, customer)
    by_number = _compare_number(household, customer)
    beside = _compare_elsewhere(household, customer)
    if near is Near.OTHER:
        doubts.append(Doubt.OTHER_DWELLING)
    if not customer.domestic:
        doubts.append(Doubt.NON_DOMESTIC)
    if taken:
        doubts.append(Doubt.TAKEN)
    carrying = [*of_dwelling, *by_number, *beside]
    if not carrying and not {Reason.ID, Reason.ID_SLIP} & set(reasons):
        return Score(customer.account_id, 0, (), tuple(doubts))
    if customer.low_income:
        carrying.append(Reason.LOW_INCOME)
    if Reason.CONFIRMED_HOLDER in beside and Doubt.OTHER_PERSON in doubts:
        doubts.remove(Doubt.OTHER_PERSON)  # a person has accepted this holder for this household already
    found = (*reasons, *carrying)
    return Score(customer.account_id, together(weights[one] for one in found), found, tuple(doubts))


def together(strengths: Iterable[int]) -> int:
    """Return what witnesses of these strengths, in thousandths, cannot all be wrong about, rounded down."""
    wrong = whole = 1
    for strength in strengths:
        wrong, whole = wrong * (_WHOLE - strength), whole * _WHOLE
    return (whole - wrong) * _WHOLE // whole if whole > 1 else 0


def _compare_holder(household: Profile, customer: Customer) -> tuple[list[Reason], list[Doubt]]:
    """Look for the holder among the members: by ID number, by name, and by a number with a slip beside the name."""
    best: tuple[list[Reason], list[Doubt]] = ([], [])
    holder = customer.holder
    for member in household.members:
        reasons = _compare_persons(member, holder)
        if not reasons:
            continue
        found = (reasons, [Doubt.HOLDER_DIED] if member.dead else [])
        best = max(best, found, key=lambda one: (Reason.ID in one[0], len(one[0]), Reason.NAME in one[0], not one[1]))
    if not best[0] and holder.meant:
        return [], [Doubt.OTHER_PERSON]
    return best


def _compare_persons(member: Person, holder: Person) -> list[Reason]:
    """Tell in what two persons agree; a name in nothing, if the numbers are of two people (edge case 56)."""
    alike = compare_names(member.name, holder.name)
    of_name = [alike] if alike else []
    if member.known and holder.known == member.known:
        return [Reason.ID, *of_name]
    if not alike or not (member.known and holder.meant):
        return of_name
    return [Reason.ID_SLIP, alike] if not holder.known and is_slip(member.known, holder.written) else []


_BY_NEAR: Final = {Near.SAME: Reason.DWELLING, Near.LIKELY: Reason.DWELLING_NEAR, Near.HOUSE: Reason.HOUSE}


def _compare_homes(household: Profile, customer: Customer) -> tuple[Near, list[Reason]]:
    """Compare with the household's address and, where that says nothing, with its account elsewhere."""
    own = compare_dwellings(household.dwelling, customer.dwelling)
    others = [compare_dwellings(one.customer.dwelling, customer.dwelling) for one in household.elsewhere]
    nearest = max((own, *others))
    reason = _BY_NEAR.get(nearest)
    return (own if own is Near.OTHER else nearest), [reason] if reason else []


def _compare_number(household: Profile, customer: Customer) -> list[Reason]:
    named = household.named.get(customer.company, "")
    if named == customer.number and named:
        return [Reason.NAMED]
    slip = len(named) > 4 and OSA.distance(named, customer.number, score_cutoff=1) == 1
    return [Reason.NAMED_SLIP] if slip else []


def _compare_elsewhere(household: Profile, customer: Customer) -> list[Reason]:
    """Tell whether the holder is that of the household's account at another service, and accepted by a person there."""
    same = [one for one in household.elsewhere if _one_holder(one.customer, customer)]
    if not same:
        return []
    return [Reason.CONFIRMED_HOLDER if any(one.confirmed for one in same) else Reason.SAME_HOLDER]


def _one_holder(a: Customer, b: Customer) -> bool:
    """Tell whether two accounts have one holder: by ID number, or by name in one dwelling."""
    if a.holder.known and b.holder.known:
        return a.holder.known == b.holder.known
    same_name = bool(a.holder.name) and a.holder.name == b.holder.name
    return same_name and compare_dwellings(a.dwelling, b.dwelling) is Near.SAME


def person(name: str, written: str, *, dead: bool = False) -> Person:
    """Return a person ready to be compared: a name that names nobody is empty, an ID number is read.

    A number of which only the check digit is wrong was meant for somebody, too.
    """
    number = read_citizen_id(written) if written else None
    known = number.number if isinstance(number, CitizenId) and number.matchable else ""
    meant = bool(known) or (isinstance(number, IdFault) and number.code in (CHECK_DIGIT, FORM) and _is_long(written))
    return Person(holder_name(name), written, known, meant, dead)


def _is_long(written: str) -> bool:
    return sum(map(str.isdigit, written)) > 13
