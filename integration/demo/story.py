"""Three months of the demo city as dated steps: what arrives or is run, and what must come of it.

Everything that offices really send is here: the same message twice, words out of order, a broken line, a
spreadsheet, a district forgotten, numbers that change. What the ledger must hold comes from ``truth`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from integration.demo import partners
from integration.demo.city import (
    CITY_GAS,
    CITY_WATER,
    SUBURB_WATER,
    City,
    Household,
    Number,
    collector_resting,
    one_of,
    supplier,
)
from integration.demo.people import Person, address, long_id
from integration.demo.replies import Filed, Replies
from integration.demo.steps import Expect, Scene, Step, Teller
from integration.demo.truth import Ledger
from schemas.values import Category, Service, Status


def write_story(city: City, folder: Path, written: Callable[[Step], object] = lambda _: None) -> list[Step]:
    """Write all files into a folder, numbered in the order of their arrival, and return the steps.

    ``written`` is told each step as its file stands.
    """
    folder.mkdir(parents=True, exist_ok=True)
    steps = []
    for index, scene in enumerate(script(city)):
        step = scene.step
        if scene.content is not None:
            path = folder / f"{index + 1:02d}-{step.name}"
            path.write_bytes(scene.content())
            step = replace(step, path=path)
        steps.append(step)
        written(step)
    return steps


def expected_ledger(city: City, after_step_index: int) -> Ledger:
    """Return what the ledger must hold after the step of that index, by household, service and month.

    A household is named by its first certificate; a place is (company, account number as it was called at the
    last run), or None for "none yet".
    """
    ledgers = [scene.ledger for scene in script(city)[: after_step_index + 1] if scene.ledger is not None]
    return ledgers[-1] if ledgers else {}


def script(city: City) -> tuple[Scene, ...]:
    """Return the whole story of a city."""
    return _told(city)[0]


def replies(city: City) -> Replies:
    """Return the companies' reports, and what must come of them."""
    return _told(city)[1]


@lru_cache(maxsize=4)
@collector_resting()
def _told(city: City) -> tuple[tuple[Scene, ...], Replies]:
    """Tell the story, and let the companies answer each list a month later."""
    story = _Story(city)
    scenes = list(story.tell())
    ledgers = [scene.ledger for scene in scenes if scene.ledger is not None]
    filed = Filed(story.office.accounts, story.office.renamed, story.former)
    answers = Replies(city, filed, ledgers)
    scenes += [Scene(step) for step in answers.steps]
    return tuple(sorted(scenes, key=lambda scene: scene.step.day)), answers


class _Story(Teller):
    """The chapters, in order; each yields its scenes as the offices' files change."""

    def tell(self) -> Iterator[Scene]:
        """Tell the story, and keep beside it what is known and due so far."""
        for chapter in (self._before, self._first_autumn_month, self._second_autumn_month):
            for scene in chapter():
                if scene.effect is not None:
                    scene.effect(self.world)
                yield self._judged(scene) if scene.step.kind == "run" else scene

    def _judged(self, scene: Scene) -> Scene:
        """Add to a run how many households have a right in its month, and the ledger as it must be now."""
        entitled = len({key for key, _, month in self.world.ledger if month == scene.step.month})
        step = replace(scene.step, expect=Expect("done", entitled=entitled))
        return replace(scene, step=step, ledger=dict(self.world.ledger))

    def _before(self) -> Iterator[Scene]:
        yield self._roster(CITY_WATER, self.day(-1, 10), self._all_new(CITY_WATER))
        yield self._roster(SUBURB_WATER, self.day(-1, 11), self._all_new(SUBURB_WATER))
        yield self._roster(CITY_GAS, self.day(-1, 11), self._all_new(CITY_GAS))
        households = tuple(self.office.households.values())
        wrong = frozenset(h.key for h in self.cast["wrong_id"])
        twice = len(self.cast["claimed_twice"])  # taken in, but what is due to them waits (edge case 44)
        applied = len(households) - len(wrong) - twice
        expect = Expect(applied=applied, unchanged=0, held=twice, rejected=len(wrong))
        yield self._snapshot(self.day(-1, 15), households, expect, wrong=wrong)
        yield from self._month(0)

    def _all_new(self, company: str) -> Expect:
        return Expect(applied=len(self.office.roster(company)), unchanged=0, held=0, rejected=0)

    def _first_autumn_month(self) -> Iterator[Scene]:
        yield from self._grants_and_echoes()
        yield from self._out_of_order()
        yield from self._ends()
        yield from self._moves()
        yield from self._renumbering()
        yield self._roster(CITY_GAS, self.day(0, 12))
        yield from self._appeals()
        yield from self._bad_days()
        yield from self._month(1)
        yield self._roster(SUBURB_WATER, self.day(0, 27))  # late: its news wait for the third list

    def _grants_and_echoes(self) -> Iterator[Scene]:
        """New households, some back-dated; then the same message again, in three ways (edge cases 70, 71)."""
        day, record = self.day(0, 3), self.office.record
        timely = [self._grant(h, self.day(0, 1)) for h in self.cast["grant"]]
        back = [self._grant(h, self.day(-2, 16)) for h in self.cast["back_dated"]]
        until = self.day(12, 28)
        begin = self.day(-1, 1)
        renewed = [record(h, valid_from=begin, valid_to=until, effective_on=begin) for h in self.cast["renewed"]]
        records = (*timely, *back, *renewed)
        first = self._delta(day, *records)
        yield first
        again = replace(first.step, day=self.day(0, 4), name=f"again-{first.step.name}", expect=Expect("duplicate"))
        yield replace(first, step=again)
        exported = self._delta(self.day(0, 5), *records)
        unchanged = Expect(applied=0, unchanged=len(records), held=0, rejected=0)
        yield replace(exported, step=replace(exported.step, expect=unchanged))
        message = partners.Message(first.step.message_id, self.office.version, day, self.city.first_month.plus(1))
        other = replace(again, day=self.day(0, 5), name=f"other-{first.step.name}", expect=Expect("refused"))
        yield Scene(other, lambda: partners.bureau_delta(message, timely[1:]))

    def _grant(self, household: Household, begin: date) -> Household:
        return self.office.record(household, valid_from=begin, effective_on=begin, grant=True)

    def _out_of_order(self) -> Iterator[Scene]:
        """Some certificates are prolonged, then re-issued; the second word is heard first (edge case 72)."""
        record = self.office.record
        until = self.day(14, 28)
        first = [record(h, valid_to=until, effective_on=self.day(0, 1)) for h in self.cast["overtaken"]]
        earlier = self.office.version
        second = [self._reissued(h) for h in first]
        second += [self._reissued(h) for h in self.cast["reissue"]]
        yield self._delta(self.day(0, 6), *second)
        yield self._delta(self.day(0, 7), *first, position=earlier)

    def _reissued(self, household: Household) -> Household:
        old = household.numbers[0]
        return self.office.record(household, numbers=(f"{old}R", *household.numbers), effective_on=self.day(0, 5))

    def _ends(self) -> Iterator[Scene]:
        """Ends in time and late, by death, by category, on appeal; and words on somebody unknown."""
        record, ended = self.office.record, Status.ENDED
        records = [record(h, status=ended, effective_on=self.day(0, 8)) for h in self.cast["timely_end"]]
        records += [record(h, status=ended, effective_on=self.day(-1, 10)) for h in self.cast["late_end"]]
        edge = {"category": Category.DIBAO_EDGE, "effective_on": self.day(0, 6)}
        records += [record(h, **edge) for h in self.cast["category"]]
        records += [self._death(h) for h in (*self.cast["sole_death"], *self.cast["head_death"])]
        appealing = [record(h, status=ended, effective_on=self.day(0, 5)) for h in self.cast["appeal"]]
        lost = [self._lost(h) for h in self.cast["lost_grant"]]
        yield self._delta(self.day(0, 8), *records, *appealing, *lost, parked=len(lost))
        for household in (*self.cast["timely_end"], *self.cast["late_end"]):
            del self.office.households[household.key]  # ended ones do not stand in a snapshot

    def _appeals(self) -> Iterator[Scene]:
        """What was ended is restored within the month (edge case 39)."""
        active = {"status": Status.ACTIVE, "effective_on": self.day(0, 12)}
        restored = [self.office.record(self._now(h), **active) for h in self.cast["appeal"]]
        yield self._delta(self.day(0, 13), *restored)

    def _now(self, household: Household) -> Household:
        """Return the household as the bureau has it today."""
        return self.office.households[household.key]

    def _death(self, household: Household) -> Household:
        head, *others = household.members
        if others:  # the next one becomes head of the household (edge case 41)
            others = [replace(others[0], relation="本人"), *others[1:]]
        died = replace(head, relation="其他" if others else head.relation, died_on=self.day(0, 7))
        return self.office.record(household, members=(*others, died), effective_on=self.day(0, 7))

    def _lost(self, household: Household) -> Household:
        """A change of a household whose grant never arrived."""
        self.office.version += 1
        return self.office.record(household, valid_from=self.day(-1, 25), effective_on=self.day(0, 8))

    def _moves(self) -> Iterator[Scene]:
        """Households that move and tell at once (edge case 47)."""
        yield self._delta(self.day(0, 11), *[self._moved(h) for h in (*self.cast["move"], *self.cast["cross_move"])])

    def _moved(self, household: Household) -> Household:
        """Close the old accounts, open new ones in the home that had been kept for the purpose."""
        left, moved = self.day(0, 9), self.day(0, 10)
        where, _ = self.city.later[household.key]
        text = address(where)
        claims = []
        for company, number in household.claims:
            old = self.office.account((company, number))
            self.office.write(replace(old, state="closed", closed_on=left))
            opened = replace(old, number=f"{number[:1]}9{number[2:]}", where=where, address=text, opened_on=moved)
            if company == CITY_WATER and supplier(Service.WATER, where) == SUBURB_WATER:
                suburban = f"SX{number[-6:]}"
                opened = replace(opened, company=SUBURB_WATER, number=suburban, cycle="monthly", meter="metered")
            self.office.write(opened)
            claims.append((opened.company, opened.number))
        return self.office.record(household, where=where, address=text, claims=tuple(claims), effective_on=moved)

    def _renumbering(self) -> Iterator[Scene]:
        """The city waterworks give three in a hundred of their customers new numbers (edge case 60)."""
        since, day, begun = self.day(0, 10), self.day(0, 11), self.day(-1, 1)
        old = [a for a in self.office.roster(CITY_WATER) if a.state == "open" and a.opened_on < begun][7::33]
        new = [replace(a, number=f"33{a.number}", predecessor=a.number) for a in old]
        for account in new:
            before, after = (CITY_WATER, account.predecessor), (CITY_WATER, account.number)
            del self.office.accounts[before]
            self.office.renamed[before] = after
            self.office.write(account)
        renamed = dict(self.office.renamed)
        step = Step(
            day,
            "aliases",
            "city_water-aliases.txt",
            Expect(applied=len(new), unchanged=0, held=0, rejected=0),
            company=CITY_WATER,
            message_id=f"city_water-aliases-{day:%Y%m%d}",
        )
        effect = lambda w: [w.rename(*pair) for pair in renamed.items()]  # noqa: E731
        yield Scene(step, lambda: partners.city_water_aliases(since, new), effect)
        yield self._roster(CITY_WATER, day)

    def _bad_days(self) -> Iterator[Scene]:
        """A broken line and a spreadsheet: nothing of either may be applied (edge cases 58, 69)."""
        households, refused = tuple(self.office.households.values()), Expect("refused")
        yield self._snapshot(self.day(0, 14), households, refused, partners.cut_off)
        yield self._snapshot(self.day(0, 15), households, refused, partners.through_a_spreadsheet)

    def _second_autumn_month(self) -> Iterator[Scene]:
        households = tuple(self.office.households.values())
        shrunk = self._snapshot(self.day(1, 2), _four_of_ten_missing(households), Expect("held"))
        yield shrunk
        yield from self._meanwhile()
        households = tuple(self.office.households.values())
        forgotten = max(h.where.district for h in households)
        rest = tuple(h for h in households if h.where.district != forgotten)
        partial = self._snapshot(self.day(1, 4), rest, Expect("held"))
        yield partial
        yield from self._reject_held((shrunk, partial))
        yield self._right_snapshot()
        yield from self._third_rosters()
        yield from self._letters()
        yield from self._month(2)

    def _meanwhile(self) -> Iterator[Scene]:
        """While the snapshot waits for two persons, single words pass (edge case 75)."""
        record = self.office.record
        for household in self.cast["single_end"]:
            yield self._delta(self.day(1, 3), record(household, status=Status.ENDED, effective_on=self.day(1, 3)))
            del self.office.households[household.key]
        corrected = [record(h, members=tuple(map(_long, h.members))) for h in self.cast["short_id"]]
        moved = [self._moved_late(h) for h in self.cast["late_move"]]
        yield self._delta(self.day(1, 3), *moved)
        told = self._delta(self.day(1, 3), *corrected)  # nothing new: a number in 15 and in 18 digits is one number
        yield replace(told, step=replace(told.step, expect=Expect(held=0, rejected=0)))

    def _moved_late(self, household: Household) -> Household:
        """The household moved a month ago; what was listed at the old home moves after it."""
        where, claims = self.city.later[household.key]
        changes = {"where": where, "address": address(where), "claims": claims}
        return self.office.record(household, effective_on=self.day(0, 10), **changes)

    def _reject_held(self, held: Sequence[Scene]) -> Iterator[Scene]:
        """Two persons agree that the held snapshots are wrong."""
        for scene in held:
            subject = scene.step.message_id
            yield Scene(Step(self.day(1, 5), "reject", f"reject-{subject}", Expect("done"), subject=subject))

    def _right_snapshot(self) -> Scene:
        """The whole registry at last: it corrects, brings whom nobody knew, and is silent about a few."""
        for household in self.cast["wrong_id"]:
            self.office.record(household)
        for household in self.cast["absent"]:
            del self.office.households[household.key]
        households = tuple(self.office.households.values())
        unchanged = sum(h in self.world.records.get(h.key, ()) for h in households)
        expect = Expect(applied=len(households) - unchanged, unchanged=unchanged, held=0, rejected=0)
        return self._snapshot(self.day(1, 6), households, expect)

    def _third_rosters(self) -> Iterator[Scene]:
        """Rosters in which holders were filled in, a few accounts closed, and one number given away."""
        self._sell_again()
        for household in self.cast["late_holder"]:
            for number in self.city.later[household.key][1]:
                head = household.members[0]
                self.office.write(replace(self.office.account(number), holder=head.name, holder_id=head.id_number))
        for household in self.cast["closing"]:
            for number in household.claims:
                account = self.office.account(number)
                self.office.write(replace(account, state="closed", closed_on=self.day(1, 5)))
        for company in (CITY_WATER, SUBURB_WATER, CITY_GAS):
            yield self._roster(company, self.day(1, 9))

    def _sell_again(self) -> None:
        """The gas company gives the number of somebody who moved away to a new customer (edge case 61)."""
        number = one_of(n for h in self.cast["move"] for n in h.claims if n[0] == CITY_GAS and self._has_card(n))
        self.former[number] = old = self.office.account(number)
        stranger, since = self.city.newcomer, self.day(1, 1)
        self.office.write(
            replace(
                old, holder=stranger.name, holder_id=stranger.id_number, state="open", closed_on=None, opened_on=since
            )
        )

    def _has_card(self, number: Number) -> bool:
        return self.office.account(number).cycle == "top_up"

    def _letters(self) -> Iterator[Scene]:
        """Communities confirm by letter where households live; the numbers may be the old ones."""
        letters = [self.office.record(self._now(h), claims=self.city.later[h.key][1]) for h in self.cast["letter"]]
        yield self._delta(self.day(1, 12), *letters)


def _long(member: Person) -> Person:
    return replace(member, id_number=long_id(member.id_number))


def _four_of_ten_missing(households: Sequence[Household]) -> tuple[Household, ...]:
    return tuple(household for index, household in enumerate(households) if index % 5 not in (1, 3))
