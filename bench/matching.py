"""Matching a city whose truth is known: our rules and splink, on the same homes, holders and candidate pairs.

A pair is compared when holder and member share name and room, or name and a part of the ID number, or the two homes
are in one house: a wider net than the hub's own keys, so that more than enough pairs are there to go wrong. Both sides
see addresses in our normal form; splink is given them for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from statistics import median
from time import process_time
from typing import NamedTuple

from bench.matching_city import UNFINDABLE, City, make_city
from bench.place import Line
from bench.running import Measured, measure
from bench.stopwatch import Stopwatch
from integration.app import policy_in, streets_in
from integration.domain.matching import Limits, near_certain, rank
from integration.domain.policy import MonthPolicy
from integration.domain.similarity import Customer, Profile, Score, person, score
from integration.settings import config_folder
from schemas.addresses import Dwelling, parse_address
from schemas.streets import Streets
from schemas.values import Month

Key = tuple[str, ...]
NEIGHBOURS = 4


Account = tuple[str, str]


class Prepared(NamedTuple):
    """A city ready to be compared: households by index, accounts by service and number, and their blocks."""

    profiles: dict[int, Profile]
    customers: dict[Account, Customer]
    blocks: dict[Key, list[Account]]

    def candidates(self, household: int) -> set[Account]:
        """The accounts that share a block with a household."""
        p = self.profiles[household]
        keys = _keys([m.name for m in p.members], [m.written for m in p.members], p.dwelling)
        return {account for key in keys for account in self.blocks.get(key, ())}


def policy() -> MonthPolicy:
    return policy_in(config_folder() / "policy").at(Month(2026, 11))


def prepare(city: City, streets: Streets) -> Prepared:
    """Normalise both sides and find the pairs."""
    profiles = {
        one.index: Profile(
            [person(m.name, m.number, dead=n in one.dead) for n, m in enumerate(one.members)],
            parse_address(one.home.community, one.address, streets),
            one.named,
        )
        for one in city.households
    }
    customers = {
        (a.service, a.number): Customer(
            n,
            a.service,
            a.number,
            True,
            a.low_income,
            person(a.name, a.id_number),
            parse_address("", a.address, streets),
        )
        for n, a in enumerate(city.accounts)
    }
    return Prepared(profiles, customers, _blocks(customers))


def _blocks(customers: dict[Account, Customer]) -> dict[Key, list[Account]]:
    blocks: dict[Key, list[Account]] = {}
    for account, customer in customers.items():
        for key in _keys([customer.holder.name], [customer.holder.written], customer.dwelling):
            blocks.setdefault(key, []).append(account)
    return blocks


def _keys(names: Iterable[str], numbers: Iterable[str], d: Dwelling) -> Iterator[Key]:
    yield "house", d.street, d.number, d.building
    for name, number in zip(names, numbers, strict=True):
        if name:
            yield "room", name, d.room
            yield "number", name, number[-4:-1]


class Counted(NamedTuple):
    """How the choices of a matcher compare with the truth, in thousandths; ``seen``: chosen, or in a queue."""

    linked: int
    wrong: int
    precision_per_mille: int
    recall_per_mille: int
    seen_per_mille: int


def counted(city: City, chosen: dict[tuple[int, str], str], queued: dict[tuple[int, str], set[str]]) -> Counted:
    wrong = sum(city.truth[key][0] != number for key, number in chosen.items())
    findable = {key: number for key, (number, case) in city.truth.items() if case not in UNFINDABLE}
    right = sum(chosen.get(key) == number for key, number in findable.items())
    seen = sum(chosen.get(k) == n or n in queued.get(k, ()) for k, n in findable.items())
    of = len(findable)
    return Counted(
        len(chosen), wrong, 1000 - wrong * 1000 // max(len(chosen), 1), right * 1000 // of, seen * 1000 // of
    )


def only_for_one(chosen: dict[tuple[int, str], str]) -> dict[tuple[int, str], str]:
    """Leave out the accounts that were chosen for two."""
    owners = Counter((service, number) for (_, service), number in chosen.items())
    return {key: number for key, number in chosen.items() if owners[key[1], number] == 1}


def we_match(households: str) -> Measured:
    """Score every pair by our rules; then choose by them and, untimed, by a threshold that is too low."""
    rules, city = policy(), make_city(int(households), neighbours=NEIGHBOURS)
    limits = Limits(rules.match_certain_per_mille, rules.match_review_per_mille, rules.match_lead_per_mille)
    scoring, watch, before = Stopwatch(), Stopwatch(), process_time()
    with watch:
        prepared = prepare(city, streets_in(config_folder()))
        with scoring:
            pairs, ranked = _scored(prepared, rules, limits)
        numbers = {one.account_id: one.number for one in prepared.customers.values()}
        chosen = _chosen(numbers, ranked, limits)
    cpu = round(process_time() - before, 1)
    queued = {key: {numbers[one.account_id] for one in found} for key, found in ranked.items()}
    low = limits._replace(certain_per_mille=880, lead_per_mille=0)
    detail = {
        "found": counted(city, chosen, queued),
        "too_low": counted(city, _chosen(numbers, ranked, low), queued),
        "pairs_a_second": round(pairs / scoring.seconds),
        "cpu_seconds": cpu,
    }
    return Measured(watch.seconds, pairs, detail=detail)


def _scored(prepared: Prepared, rules: MonthPolicy, limits: Limits) -> tuple[int, dict[tuple[int, str], list[Score]]]:
    """Score the pairs household by household; return their number, and the candidates worth a look."""
    pairs, ranked = 0, {}
    for household, profile in prepared.profiles.items():
        scores: dict[str, list[Score]] = {}
        for service, number in prepared.candidates(household):
            one = score(profile, prepared.customers[service, number], rules.match_weights, taken=False)
            scores.setdefault(service, []).append(one)
            pairs += 1
        ranked |= {(household, service): rank(found, limits) for service, found in scores.items()}
    return pairs, ranked


def _chosen(
    numbers: dict[int, str], ranked: dict[tuple[int, str], list[Score]], limits: Limits
) -> dict[tuple[int, str], str]:
    best = {key: near_certain(found, limits) for key, found in ranked.items()}
    return only_for_one({key: numbers[one.account_id] for key, one in best.items() if one})


def bench_matching(households: int, runs: int) -> Iterator[Line]:
    """Our matching of a city beside splink's; precision and recall of both are printed under the line."""
    ours, theirs = [], []
    for _ in range(runs):
        ours.append(measure(we_match, households))
        theirs.append(measure("bench.peer_splink:splink_matches", households))
    if ours[0].rows != theirs[0].detail["pairs"]:
        raise AssertionError(f"not the same pairs: {ours[0].rows} and {theirs[0].detail['pairs']}")
    seconds, limit = median([one.seconds for one in ours]), median([one.seconds for one in theirs])
    yield Line(
        "matching : splink", "memory", households, ours[0].rows, round(seconds, 3), round(limit, 3),
        round(seconds / limit, 2), 0, max(one.rss_mib for one in ours), runs,
    )  # fmt: skip
    for name, found in (("ours", ours[0]), ("ours, 880 instead", ours[0]), ("splink", theirs[0])):
        told = found.detail["too_low" if "880" in name else "found"]
        print(f"  {name:18} {dict(zip(Counted._fields, told, strict=True))}", flush=True)
    speed, cpu = ours[0].detail["pairs_a_second"], [one.detail["cpu_seconds"] for one in (ours[0], theirs[0])]
    print(f"  ours scores {speed:,} pairs a second; seconds of all cores, ours and splink's: {cpu}", flush=True)
