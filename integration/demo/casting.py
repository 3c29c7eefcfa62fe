"""Who plays a part in the story, and what the city must look like before it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from integration.demo.city import CITY_GAS, CITY_WATER, Account, Household, Key, supplier
from integration.demo.people import Home, short_id
from integration.demo.truth import ALLOWANCE_MILLI
from integration.demo.use import used
from schemas.values import Service, Status

if TYPE_CHECKING:
    from integration.demo.building import Builder

#: The roles of the story, each with its share of all households in ten thousand; three at least.
_ROLES: Final = {
    "grant": 40, "back_dated": 30, "lost_grant": 3, "wrong_id": 3, "timely_end": 15, "late_end": 12,
    "category": 10, "appeal": 5, "sole_death": 8, "head_death": 8, "move": 20, "late_move": 4,
    "reissue": 15, "overtaken": 5, "short_id": 20, "renewed": 15, "absent": 6, "lapsed": 12,
    "lapsing": 12, "review": 10, "single_end": 1, "letter": 10, "late_holder": 8, "closing": 6,
    "shared": 20, "claimed_twice": 10, "cross_move": 4,
}  # fmt: skip


class Casting:
    """Gives the roles of the story to households without trouble, so that each role's outcome is its own."""

    def __init__(self, builder: Builder, free: list[Household]) -> None:
        self.builder = builder
        self.city = builder.city
        self.free = free
        self.changed: dict[Key, Household] = {}

    def assign(self) -> None:
        """Fill every role of the story.

        Raises:
            ValueError: there are not enough households without trouble.
        """
        self.builder.rng.shuffle(self.free)
        for role, share in _ROLES.items():
            count = 1 if role == "single_end" else max(3, self.builder.size * share // 10_000)
            prepare = getattr(self, f"_{role}", None)
            self.city.cast[role] = [prepare(self._take(role)) if prepare else self._take(role) for _ in range(count)]
        self.city.households = [self.changed.get(h.key, h) for h in self.city.households]

    def _take(self, role: str) -> Household:
        for index in range(len(self.free) - 1, -1, -1):
            alone = len(self.free[index].members) == 1
            if role == "cross_move" and self.free[index].claims[0][0] != CITY_WATER:
                continue
            if role == "late_move" and not self._uses_it_up(self.free[index]):
                continue
            if alone == (role == "sole_death") or role not in ("sole_death", "head_death", "claimed_twice"):
                return self.free.pop(index)
        raise ValueError(f"a city of {self.builder.size} households is too small for the story")

    def _uses_it_up(self, household: Household) -> bool:
        """Whether nothing of the first month's allowance is left to move along (edge case 47)."""
        mine = self._accounts_of(household)
        plain = all(one.cycle == "monthly" and one.meter == "metered" for one in mine)
        return plain and all(used(one, self.city.first_month) >= ALLOWANCE_MILLI for one in mine)

    def _change(self, household: Household, **changes: object) -> Household:
        changed = replace(household, **changes)  # type: ignore[arg-type]
        self.changed[household.key] = changed
        return changed

    def _ends(self, household: Household, months: int, day: int) -> Household:
        return self._change(household, valid_to=self.city.day(months, day))

    def _lapsed(self, household: Household) -> Household:
        """Its grace ends with the first listed month."""
        return self._change(household, valid_to=self.city.first_month.plus(-2).last)

    def _lapsing(self, household: Household) -> Household:
        """Its grace ends within the second listed month."""
        return self._ends(household, -1, 12)

    def _review(self, household: Household) -> Household:
        return self._change(household, valid_to=self.city.first_month.plus(-1).last, status=Status.SUSPENDED_REVIEW)

    def _renewed(self, household: Household) -> Household:
        return self._lapsed(household)

    def _short_id(self, household: Household) -> Household:
        """The registry has the head's number in the old 15 digits, the companies in 18 (edge case 46)."""
        head, *others = household.members
        return self._change(household, members=(replace(head, id_number=short_id(head.id_number)), *others))

    def _strangers_hold(self, household: Household) -> None:
        for account in self._accounts_of(household):
            stranger = self.builder.stranger()
            self.city.accounts[account.company, account.number] = replace(
                account, holder=stranger.name, holder_id=stranger.id_number
            )

    def _accounts_of(self, household: Household) -> list[Account]:
        return [self.city.accounts[number] for number in household.claims]

    def _letter(self, household: Household) -> Household:
        """A stranger holds the accounts and nobody named them, until a community writes (edge case 55)."""
        self._strangers_hold(household)
        return self._unnamed(household)

    def _late_holder(self, household: Household) -> Household:
        """The companies know nobody by name or number until their third roster."""
        for account in self._accounts_of(household):
            self.city.accounts[account.company, account.number] = replace(account, holder="", holder_id="")
        return self._unnamed(household)

    def _unnamed(self, household: Household) -> Household:
        self.city.later[household.key] = (household.where, household.claims)
        return self._change(household, claims=())

    def _move(self, household: Household) -> Household:
        self._plain_meters(household)
        self.city.later[household.key] = (self._home_like(household.where), ())
        return household

    def _cross_move(self, household: Household) -> Household:
        """Moves from where the city's waterworks supply to where the suburb's do (edge case 63)."""
        where = self.builder.new_home()
        while supplier(Service.WATER, where) == CITY_WATER:
            where = self.builder.new_home()
        self._plain_meters(household)
        self.city.later[household.key] = (where, ())
        return household

    def _plain_meters(self, household: Household) -> None:
        """Who moves has an ordinary water meter: the bill on closing uses the month's allowance up (``use.used``)."""
        for account in self._accounts_of(household):
            if account.company != CITY_GAS:
                plain = replace(account, meter="metered", cycle="monthly")
                self.city.accounts[account.company, account.number] = plain

    def _late_move(self, household: Household) -> Household:
        """Tenants, before and after: what links them is the number they named and the address."""
        self._strangers_hold(household)
        where, builder = self._home_like(household.where), self.builder
        claims = tuple(builder.open(company, where, builder.stranger()) for company, _ in household.claims)
        self.city.later[household.key] = (where, claims)
        return household

    def _home_like(self, where: Home) -> Home:
        """Return an empty home supplied by the same company."""
        while True:
            found = self.builder.new_home()
            if supplier(Service.WATER, found) == supplier(Service.WATER, where):
                return found

    def _shared(self, household: Household) -> Household:
        """A second certificate household in the same home, on the same accounts (edge case 54)."""
        second = self.builder.household_at(household.where)
        second = replace(
            second,
            claims=household.claims,
            valid_from=date(self.city.first_month.year - 1, 12, 5),
            address=household.address,
        )
        second = replace(second, effective_on=second.valid_from)
        self._change(household, valid_from=date(2019, 5, 1), effective_on=date(2019, 5, 1))
        self.city.households.append(second)
        return second

    def _claimed_twice(self, household: Household) -> Household:
        """A member of an older certificate stands in a newer one as well (edge case 44)."""
        newer = self.builder.with_accounts(self.builder.household_at(self.builder.new_home()))
        twice = replace(household.members[-1], relation="其他")
        began = date(self.city.first_month.year - 1, 11, 20)
        newer = replace(newer, members=(*newer.members, twice), valid_from=began, effective_on=began)
        self._change(household, valid_from=date(2019, 3, 1), effective_on=date(2019, 3, 1))
        self.city.households.append(newer)
        return newer
