"""``rollup``: what many cities have settled, verified and added up, as a province needs it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from integration.cli.exits import Exit, leave
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, side, yuan
from integration.jobs.roll_up import RollUp, Settled, Sum
from schemas.settlements import Amount

_CITY = re.compile(r"\w[\w.-]{0,60}")

Folders = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        file_okay=False,
        metavar="DIR...",
        help=say("各城市的文件夹，以城市命名", "a folder for each city, named like it"),
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="CITY=PEM", help=say("城市的可信结算公钥，可重复", "a city's trusted key; repeat")),
]
Trust = Annotated[
    Path | None,
    typer.Option(
        exists=True, file_okay=False, help=say("可信公钥文件夹：CITY.pem", "folder of trusted keys: CITY.pem")
    ),
]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", dir_okay=False, help=say("另写一份 CSV", "write every settlement as CSV, too"))
]


def rollup(
    folders: Folders, key: Keys = None, trust: Trust = None, csv_file: CsvFile = None, json: AsJson = False
) -> None:
    """Verify cities' exported settlements one by one and add them up; no hub, no database, no network.

    What is not verified is named, stays outside of every sum, and the command ends with 1.
    """
    from integration.jobs.roll_up import roll_up

    given = [(_city(folder.resolve().name), folder) for folder in folders]
    found = roll_up(given, _keys(key or [], trust))
    if csv_file:
        _write_csv(csv_file, found.settled)
    if json:
        give_json({"sound": found.sound, "whole": found.whole, "sums": found.sums, "settled": found.settled,
                   "faults": found.faults})  # fmt: skip
    else:
        _give(found)
    leave(Exit.DONE if found.sound else Exit.REFUSED)


def _city(name: str) -> str:
    """Return a city's name, which also stands in tables that spreadsheets open."""
    if not _CITY.fullmatch(name):
        raise typer.BadParameter(say(f"城市名不可用：{name}", f"no name for a city: {name}"))
    return name


def _keys(named: Iterable[str], trust: Path | None) -> dict[str, bytes]:
    """Return the trusted keys by city; one that is named wins over one of the folder."""
    found = {path.stem: path.read_bytes() for path in sorted(trust.glob("*.pem"))} if trust else {}
    for one in named:
        city, _, path = one.partition("=")
        if not Path(path).is_file():
            raise typer.BadParameter(say(f"写作 CITY=PEM文件：{one}", f"written CITY=FILE, with a file: {one}"))
        found[_city(city)] = Path(path).read_bytes()
    return found


# --- giving ----------------------------------------------------------------------------------------------------


def _give(found: RollUp) -> None:
    heads = ("服务 / service", "月份 / month", "城市 / cities", "公司 / companies", *_FIGURES)
    sums = [(one.service, one.month, one.cities, one.companies, *_figures(one)) for one in (*found.sums, found.whole)]
    cities = ("服务 / service", "月份 / month", "城市 / city", "公司 / company", "n", *_FIGURES)
    rows = [(one.service, one.month, one.city, one.company, str(one.n), *_figures(one)) for one in found.settled]
    give_table("各城市结算单 / Settlements of the cities", cities, rows)
    give_table("汇总（末行为合计） / Sums (the last line is all of them)", heads, sums)
    for fault in found.faults:
        give_lines(f"✗ {fault.city}: {fault.place}: {fault.code}: {side(fault.text)}")
    number = len(found.settled)
    if found.sound:
        give_lines(say(f"✓ {number} 份结算全部通过核对", f"✓ all of {number} settlements are verified"))
    else:
        give_lines(say("✗ 以上未通过核对者不在合计内", "✗ what is named above is in none of the sums"))


_FIGURES = (
    "认定 m³ / accepted",
    "认定 ¥ / accepted",
    "多减 ¥ / over",
    "少减 ¥ / short",
    "名单外 ¥ / unauthorised",
    "应付 ¥ / payable",
    "未结 / open",
)


def _figures(one: Settled | Sum) -> tuple[object, ...]:
    totals = one.totals
    amounts = (totals.accepted, totals.over, totals.short, totals.unauthorised)
    money = (yuan(amount.amount_fen) for amount in amounts)
    return cubic_metres(totals.accepted.quantity_milli), *money, yuan(one.payable_fen), one.open_items


_COLUMNS = ("city", "service", "company", "month", "n")
_AMOUNTS = ("reported", "accepted", "over", "short", "price_unknown", "undecided", "unauthorised", "duplicate")


def _write_csv(path: Path, settled: Iterable[Settled]) -> None:
    """Write one line a settlement, in the units of the settlements themselves."""
    parts = [f"{name}_{unit}" for name in _AMOUNTS for unit in Amount.__struct_fields__]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*_COLUMNS, *parts, "payable_fen", "open_items"])
        for one in settled:
            amounts = [
                getattr(getattr(one.totals, name), unit) for name in _AMOUNTS for unit in Amount.__struct_fields__
            ]
            own = [getattr(one, name) for name in _COLUMNS]
            writer.writerow([*own, *amounts, one.payable_fen, one.open_items])
