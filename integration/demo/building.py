"""Builds the demo city.

Most households stand with their companies as they should; the rest have the troubles of real cities (edge
cases 18, 30, 53-58).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Final

from integration.demo.casting import Casting
from integration.demo.city import (
    CITY_GAS,
    CITY_WATER,
    SUBURB_WATER,
    Account,
    City,
    Household,
    Number,
    collector_resting,
    supplier,
)
from integration.demo.people import (
    DISTRICTS,
    DOTS,
    Home,
    People,
    Person,
    address,
    address_as_written,
    home,
    surname_of,
)
from schemas.values import Category, Month, Service

#: What a clerk types when nobody asked for the number (edge case 58).
_NO_NUMBER: Final = ("", "无", "111111111111111111")
#: After how many homes the onlooker is told.
_PORTION: Final = 1000
#: How a household stands with a company, and how often in a thousand.
_WATER_TROUBLES: Final = {
    "holder_id": 845, "name": 50, "address": 40, "landlord": 30, "two_flats": 12, "shop": 8, "closed": 6,
    "wrong_number": 4, "other_area": 5,
}  # fmt: skip
_GAS_TROUBLES: Final = {
    "holder_id": 800, "name": 50, "address": 40, "landlord": 30, "two_flats": 8, "shop": 5, "closed": 4,
    "wrong_number": 3, "not_connected": 60,
}  # fmt: skip
_CATEGORIES: Final = {
    Category.DIBAO_URBAN: 900, Category.DIBAO_RURAL: 30, Category.TEKUN: 20, Category.DIBAO_EDGE: 30,
    Category.HARDSHIP_WORKER: 20,
}  # fmt: skip
_KINDS: Final = {
    Category.DIBAO_URBAN: "dibao", Category.DIBAO_RURAL: "dibao", Category.TEKUN: "tekun",
    Category.DIBAO_EDGE: "dibao_edge", Category.HARDSHIP_WORKER: "hardship",
}  # fmt: skip


@collector_resting()
def build_city(
    seed: int,
    households: int,
    customers: int,
    first_month: Month,
    granted_from: Month | None = None,
    settled: Callable[[int], object] = lambda _: None,
) -> City:
    """Build the city; equal arguments give equal cities. ``customers`` counts homes; a few more arise.

    ``settled`` is told, now and then, how many homes more have somebody in them.
    """
    return Builder(seed, households, customers, first_month, granted_from or first_month, settled).build()


class Builder:
    """Lays out homes one by one: a household or somebody else in each, then the accounts, then the roles."""

    def __init__(
        self,
        seed: int,
        households: int,
        customers: int,
        first: Month,
        granted: Month,
        settled: Callable[[int], object],
    ) -> None:
        self.settled = settled
        self.rng = Random(seed)  # noqa: S311 - a demo, not a secret
        self.city = City(seed, first, granted)
        self.people = People(self.rng)
        self.year = first.year
        self.size = households
        self.order = self.rng.sample(range(customers), customers)
        self.next_home = customers
        self.serial = 0
        self.makers: dict[str, Callable[[Household, Service], Iterable[Number]]] = {
            "holder_id": self._held_by_member,
            "name": self._same_name,
            "address": self._same_address,
            "landlord": self._landlord,
            "two_flats": self._two_flats,
            "shop": self._shop,
            "closed": self._closed,
            "wrong_number": self._wrong_number,
            "other_area": self._other_area,
            "not_connected": lambda *_: (),
        }

    def build(self) -> City:
        """Fill the homes, then give out the roles."""
        plain = [self._settle(self._household(where)) for where in self._homes(self.size)]
        for where in self._homes(len(self.order)):
            self._other_customer(where)
        free = [household for household in plain if household is not None]
        Casting(self, free).assign()
        self.city.newcomer = self.stranger()
        return self.city

    def _homes(self, count: int) -> Iterator[Home]:
        taken, self.order = self.order[:count], self.order[count:]
        for start in range(0, count, _PORTION):
            portion = taken[start : start + _PORTION]
            yield from map(home, portion)
            self.settled(len(portion))

    def new_home(self) -> Home:
        """Return a home where nobody lives yet."""
        self.next_home += 1
        return home(self.next_home - 1)

    def _household(self, where: Home) -> Household:
        (category,) = self.rng.choices(tuple(_CATEGORIES), tuple(_CATEGORIES.values()))
        return self.household_at(where, category)

    def household_at(self, where: Home, category: Category = Category.DIBAO_URBAN) -> Household:
        """Make a household with a certificate that began within five years and lasts past the story."""
        rng = self.rng
        began = date(self.year - rng.randint(1, 5), rng.randint(1, 12), rng.randint(1, 28))
        kind = _KINDS[category]
        issuer = "市总工会" if kind == "hardship" else f"{DISTRICTS[where.district]}民政局"
        number = f"{where.district}{rng.randint(10, 25)}{len(self.city.households) * 3 + rng.randint(0, 2):08d}"
        self.serial += 1
        return Household(
            key=(issuer, kind, number),
            numbers=(number,),
            category=category,
            valid_from=began,
            valid_to=date(self.year + rng.randint(1, 3), rng.choice((3, 6, 9)), 30),
            where=where,
            address=address(where),
            members=tuple(self._members()),
            effective_on=began,
            version=self.serial % 900 + 1,
        )

    def _members(self) -> Iterator[Person]:
        rng, year = self.rng, self.year
        head = self.people.person((30, 82), year)
        yield head
        if rng.random() < 0.5:
            yield self.people.person((28, 80), year, "配偶")
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            yield self.people.person((1, 26), year, "子女", surname_of(head.name))
        if rng.random() < 0.1:
            yield self.people.person((60, 92), year, "父母")

    def _settle(self, household: Household) -> Household | None:
        """Give the household its accounts; return it if it has no trouble at all, for the roles."""
        water = self._trouble(_WATER_TROUBLES)
        gas = self._trouble(_GAS_TROUBLES)
        household = self.with_accounts(household, water, gas)
        self.city.households.append(household)
        plain = water == gas == "holder_id" and len(household.claims) == 2
        return household if plain and household.category is Category.DIBAO_URBAN else None

    def _trouble(self, troubles: dict[str, int]) -> str:
        (trouble,) = self.rng.choices(tuple(troubles), tuple(troubles.values()))
        return trouble

    def with_accounts(self, household: Household, water: str = "holder_id", gas: str = "holder_id") -> Household:
        """Open the household's accounts and write into it the numbers that it named to civil affairs."""
        claims = (
            *self.makers[water](household, Service.WATER),
            *self.makers[gas](household, Service.GAS),
        )
        return replace(household, claims=claims)

    def open(self, company: str, where: Home, holder: Person, /, **more: object) -> Number:
        """Open an account long ago and return its number."""
        rng, serial = self.rng, len(self.city.accounts) + 1
        number = _number(company, serial)
        meter, cycle = _meter(company, serial)
        account = Account(
            company=company,
            number=number,
            holder=holder.name.replace(DOTS[0], rng.choice(DOTS)),
            holder_id=holder.id_number.lower() if rng.random() < 0.1 else holder.id_number,
            where=where,
            address=address_as_written(where, rng),
            opened_on=date(1999, 1, 1) + timedelta(days=serial * 17 % 9000),
            meter=meter,
            cycle=cycle,
            low_income=rng.random() < 0.02,
        )
        self.city.accounts[company, number] = replace(account, **more)  # type: ignore[arg-type]
        return company, number

    def holder_among(self, household: Household) -> Person:
        """Return who of the household holds the account: mostly the head."""
        adults = [member for member in household.members if member.relation in ("本人", "配偶")]
        return adults[0] if self.rng.random() < 0.85 else adults[-1]

    def stranger(self) -> Person:
        """Return a landlord, a parent long dead, a former employer's clerk."""
        return self.people.person((35, 95), self.year)

    def _held_by_member(self, household: Household, service: Service) -> Iterable[Number]:
        number = self.open(supplier(service, household.where), household.where, self.holder_among(household))
        return (number,) if self.rng.random() < 0.85 else ()

    def _same_name(self, household: Household, service: Service) -> Iterable[Number]:
        company = supplier(service, household.where)
        where = household.where if self.rng.random() < 0.5 else None
        text = {} if where else {"where": None, "address": "原户籍地"}
        holder = self.holder_among(household)
        return (self.open(company, household.where, holder, holder_id=self.rng.choice(_NO_NUMBER), **text),)

    def _same_address(self, household: Household, service: Service) -> Iterable[Number]:
        return (self.open(supplier(service, household.where), household.where, self.stranger()),)

    def _landlord(self, household: Household, service: Service) -> Iterable[Number]:
        self.open(supplier(service, household.where), household.where, self.stranger())
        return ()

    def _two_flats(self, household: Household, service: Service) -> Iterable[Number]:
        """Open a second account in an old flat; sometimes neither address helps and the newer one counts."""
        old, holder = self.new_home(), household.members[0]
        self.open(supplier(service, old), old, holder, opened_on=date(1998, 5, 1))
        vague = {"where": None, "address": "安置房"} if self.rng.random() < 0.33 else {}
        number = self.open(supplier(service, household.where), household.where, holder, **vague)
        return (number,) if self.rng.random() < 0.5 else ()

    def _shop(self, household: Household, service: Service) -> Iterable[Number]:
        holder = household.members[0]
        return (self.open(supplier(service, household.where), household.where, holder, domestic=False),)

    def _closed(self, household: Household, service: Service) -> Iterable[Number]:
        company, holder = supplier(service, household.where), household.members[0]
        closed_on = date(self.year - 1, 3, 31)
        return (self.open(company, household.where, holder, state="closed", closed_on=closed_on),)

    def _wrong_number(self, household: Household, service: Service) -> Iterable[Number]:
        """The household names an account of its company that belongs to somebody quite different."""
        self.open(supplier(service, household.where), household.where, self.stranger())
        return (self.open(supplier(service, household.where), self.new_home(), self.stranger()),)

    def _other_area(self, household: Household, service: Service) -> Iterable[Number]:
        company = SUBURB_WATER if supplier(service, household.where) == CITY_WATER else CITY_WATER
        return (self.open(company, household.where, household.members[0]),)

    def _other_customer(self, where: Home) -> None:
        rng, holder = self.rng, self.people.person((25, 85), self.year)
        more: dict[str, object] = {"domestic": False} if rng.random() < 0.05 else {}
        if rng.random() < 0.03:
            more |= (
                {"state": "suspended"} if rng.random() < 0.5 else {"state": "closed", "closed_on": date(2024, 6, 30)}
            )
        self.open(supplier(Service.WATER, where), where, holder, **more)
        if rng.random() < 0.92:
            self.open(CITY_GAS, where, holder)


def _number(company: str, serial: int) -> str:
    match company:
        case "city_water":
            return f"{serial * 7:09d}"  # leading zeros are part of the number
        case "suburb_water":
            return f"S{serial * 3:07d}"
    return f"{8_000_000_000 + serial * 11:010d}"


def _meter(company: str, serial: int) -> tuple[str, str]:
    """Say how an account is metered, and how often it is billed; most gas is bought on prepaid cards."""
    if company == SUBURB_WATER:
        return "metered", "monthly"
    if company == CITY_WATER:
        return "indirect" if serial % 61 == 5 else "metered", "bimonthly_odd" if serial % 2 else "bimonthly_even"
    if serial % 7 == 4:
        return "metered", "monthly"
    return ("flat", "monthly") if serial % 53 == 7 else ("prepaid", "top_up")
