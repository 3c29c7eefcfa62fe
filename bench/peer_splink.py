"""The peer: splink on duckdb, trained as its makers advise, on members and accounts with addresses already in parts.

It compares name, ID number and the parts of the address, learns its weights from the data, and links what it is sure of
by the same rule as ours: best alone, from the same probability on. A household's score is that of its best member.
"""

from __future__ import annotations

import logging
from time import process_time
from typing import Any

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from bench.matching import NEIGHBOURS, counted, only_for_one, policy, prepare
from bench.matching_city import make_city
from bench.running import Measured
from bench.stopwatch import Stopwatch
from integration.app import streets_in
from integration.domain.similarity import Person
from integration.settings import config_folder
from schemas.addresses import Dwelling

_HOUSE = ("service", "street", "number", "building")


def splink_matches(households: str) -> Measured:
    """Match a city; only splink's own work is timed."""
    rules, city = policy(), make_city(int(households), neighbours=NEIGHBOURS)
    prepared = prepare(city, streets_in(config_folder()))
    left = [
        _row(f"{household}|{service}|{n}", service, one, p.dwelling)
        for household, p in prepared.profiles.items()
        for service in ("water", "gas")
        for n, one in enumerate(p.members)
    ]
    right = [
        _row(f"{service}|{number}", service, c.holder, c.dwelling)
        for (service, number), c in prepared.customers.items()
    ]
    watch, before = Stopwatch(), process_time()
    with watch:
        scored = _scored(pd.DataFrame(left), pd.DataFrame(right))
        chosen, queued = _decide(scored, rules.match_certain_per_mille / 1000, rules.match_review_per_mille / 1000)
    cpu = round(process_time() - before, 1)
    pairs = sum(len(prepared.candidates(household)) for household in prepared.profiles)
    detail = {"found": counted(city, chosen, queued), "pairs": pairs, "compared": len(scored), "cpu_seconds": cpu}
    return Measured(watch.seconds, pairs, detail=detail)


def _row(key: str, service: str, one: Person, d: Dwelling) -> dict[str, Any]:
    blank = {name: value or None for name, value in d._asdict().items()}
    number = one.written if one.meant else None
    return {"unique_id": key, "service": service, "name": one.name or None, "id": number} | blank | {
        "sequence": number and number[14:17]
    }  # fmt: skip


def _scored(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    database = DuckDBAPI()
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            cl.LevenshteinAtThresholds("name", 1).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("id", 1),
            cl.LevenshteinAtThresholds("street", 1),
            *(cl.ExactMatch(part) for part in ("number", "building", "unit", "room")),
        ],
        blocking_rules_to_generate_predictions=[
            block_on(*_HOUSE),
            block_on("service", "name", "room"),
            block_on("service", "name", "sequence"),
        ],
        retain_matching_columns=False,
    )
    frames = [
        database.register(frame, dataset_display_name=table)
        for frame, table in ((left, "members"), (right, "accounts"))
    ]
    linker = Linker(frames, settings, log_level=logging.ERROR)
    training = linker.training
    training.estimate_probability_two_random_records_match([block_on("service", "id")], recall=0.5)
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    training.estimate_parameters_using_expectation_maximisation(block_on("service", "name", "sequence"))
    training.estimate_parameters_using_expectation_maximisation(block_on(*_HOUSE, "unit", "room"))
    frame: pd.DataFrame = linker.inference.predict().as_pandas_dataframe()
    return frame


def _decide(
    scored: pd.DataFrame, certain: float, review: float
) -> tuple[dict[tuple[int, str], str], dict[tuple[int, str], set[str]]]:
    best: dict[tuple[int, str], dict[str, float]] = {}
    columns = ("unique_id_l", "unique_id_r", "match_probability")
    for a, b, probability in scored.loc[scored.match_probability >= review, list(columns)].itertuples(index=False):
        member, account = (a, b) if a.count("|") == 2 else (b, a)
        household, service, _ = member.split("|")
        found = best.setdefault((int(household), service), {})
        number = account.split("|")[1]
        found[number] = max(found.get(number, 0), probability)
    chosen = {}
    for key, found in best.items():
        top, *rest = sorted(found.items(), key=lambda one: -one[1])
        if top[1] >= certain and not (rest and rest[0][1] >= certain):
            chosen[key] = top[0]
    return only_for_one(chosen), {key: set(found) for key, found in best.items()}
