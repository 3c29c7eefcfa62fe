"""The peer: datacompy on the same inputs, from the file and the database to judged rows.

pandas lays out what should have been billed, datacompy compares it with what was, and its differences are judged.
"""

from __future__ import annotations

import io
from typing import Any, Final

import datacompy
import numpy as np
import pandas as pd
from sqlalchemy import Connection

from bench.peer_inputs import COLUMNS, FEN, MILLI, REFUSALS, UNDECIDED, Price, body, copied, fetched, price_of
from bench.results import keep
from bench.running import Measured
from bench.stopwatch import Stopwatch
from integration.storage.engine import Store
from schemas.values import Month

_RANKS: Final = {"冲正": 1, "实抄": 2, "重开": 3}
_KINDS: Final = ("kind", "household", "bill_id", "due", "due_fen", "waived", "waived_fen", "stake", "stake_fen")


def datacompy_judges(url: str, folder: str, path: str, month: str) -> Measured:
    """Judge the water company's report; the results are kept once the time is taken."""
    watch, at = Stopwatch(), Month.parse(month)
    price = price_of(at, url, folder)
    store = Store.open(url, writer=False)
    with store.read() as connection, watch:
        listed = _listed(connection, at)
        rows = _drawn(_read(path).merge(listed, on="reference", how="left"), price)
        rows, silent = _compared(rows, listed, price)
        findings = _findings(rows, silent)
    store.close()
    kept = rows[["row", "verdict", "due", "due_fen"]].itertuples(index=False, name=None)
    found = findings[list(_KINDS)].itertuples(index=False, name=None)
    return Measured(watch.seconds, len(rows), detail=keep(folder, "datacompy", kept, found))


def _listed(connection: Connection, month: Month) -> pd.DataFrame:
    names = ["reference", "household", "listed"]
    if connection.dialect.name == "postgresql":
        return pd.read_csv(copied(connection, month), names=names, dtype={"reference": str})
    return pd.DataFrame(fetched(connection, month), columns=names)


def _read(path: str) -> pd.DataFrame:
    """Read the file; amounts become whole numbers exactly."""
    rows = pd.read_csv(io.BytesIO(body(path)), sep="|", names=COLUMNS, dtype=str, keep_default_na=False, quoting=3)
    for name in (*MILLI, *FEN):
        digits = rows[name].str.replace(".", "", regex=False)
        rows[name] = digits.where(digits != "", "0").astype("int64")
    rows["waived_fen"] = rows["waived_amount"] + rows["sewage_waived"]
    rows["row"] = np.arange(2, len(rows) + 2)
    return rows


def _cost(quantity: Any, e4_days: int, days: int) -> Any:
    """Quantity × mean price, half up to the fen."""
    unit = 100_000 * days
    return (2 * quantity * e4_days + unit) // (2 * unit)


def _drawn(rows: pd.DataFrame, price: Price) -> pd.DataFrame:
    """Lay out what each bill should have drawn, in the order of their dates; a bill that is undone leaves no trace."""
    rows["who"] = rows["bill_id"].where(rows["bill_id"] != "", rows["reference"] + rows["answer"])
    rows["doubled"] = rows.duplicated(["who", "kind", "month_from", "refers_to"])
    rows["known"] = rows["price_version"].isin(["", *price.versions])
    rows["back"] = rows["kind"] == "冲正"
    rows["undone"] = rows["bill_id"].isin(rows.loc[rows["back"], "refers_to"]) & ~rows["back"]
    rows["rank"] = rows["kind"].map(_RANKS).fillna(0)
    rows = rows.sort_values(["issued_on", "rank", "bill_id"], kind="stable")
    draws = ~rows["doubled"] & ~rows["undone"] & ~rows["back"] & rows["listed"].notna()
    use = rows["billable"].where(draws, 0)
    before = use.groupby(rows["household"], dropna=False).cumsum() - use
    left = (rows["listed"].fillna(0).astype("int64") - before.where(draws, 0)).clip(lower=0)
    rows["due"] = np.minimum(left, rows["billable"]).where(draws | (rows["undone"] & ~rows["doubled"]), 0)
    due_fen = np.minimum(_cost(rows["due"], price.e4_days, price.days), rows["charge"])
    rows["due_fen"] = due_fen.where(rows["known"], 0)
    whole = _cost(rows["waived"], price.e4_days, price.days)
    rows["own_fen"] = whole.where(rows["waived"] > rows["due"], np.minimum(whole, rows["charge"]))
    return _reversed(rows)


def _reversed(rows: pd.DataFrame) -> pd.DataFrame:
    """A reversal is due exactly minus what its bill drew, and answers for it: the two are right or wrong together."""
    bills = rows[rows["undone"]].set_index("bill_id")
    back = rows["back"]
    refers = rows.loc[back, "refers_to"]
    for name in ("due", "due_fen"):
        rows.loc[back, name] = -refers.map(bills[name])
    exact = (rows.loc[back, "waived"] == -refers.map(bills["waived"])) & (
        rows.loc[back, "waived_fen"] == -refers.map(bills["waived_fen"])
    )
    rows["pair"] = back | rows["undone"]
    rows["exact"] = rows["pair"] & ~rows["bill_id"].isin(refers[~exact])
    rows.loc[back, "exact"] = exact
    return rows


def _compared(rows: pd.DataFrame, listed: pd.DataFrame, price: Price) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let datacompy compare what is due with what was reported, and the list with the bills."""
    known = rows["listed"].notna() & ~rows["doubled"]
    due = rows.loc[known, ["row", "due", "own_fen"]].rename(columns={"due": "quantity", "own_fen": "amount"})
    said = rows[["row", "waived", "waived_fen"]].rename(columns={"waived": "quantity", "waived_fen": "amount"})
    lines = datacompy.PandasCompare(due, said, join_columns="row", df1_name="due", df2_name="reported")
    matched = lines.intersect_rows.set_index("row")
    rows = _verdicts(rows, matched["quantity_match"], matched["amount_match"], set(lines.df2_unq_rows["row"]))
    bills = rows.loc[(rows["kind"] != "无账单") | (rows["answer"] == "05"), ["household"]].dropna()
    bills = bills.drop_duplicates().astype("int64")
    silence = datacompy.PandasCompare(listed[["household"]], bills, join_columns="household")
    return rows, _silent(rows, listed, set(silence.df1_unq_rows["household"]), price)


def _verdicts(rows: pd.DataFrame, quantity: Any, amount: Any, beside: set[int]) -> pd.DataFrame:
    rows = rows.set_index("row", drop=False)
    same_quantity, same_amount = quantity.reindex(rows.index) == True, amount.reindex(rows.index) == True  # noqa: E712
    told = (rows["waived"] != 0) | (rows["waived_fen"] != 0)
    conditions = [
        rows["doubled"],
        rows["row"].isin(beside) & told,
        rows["answer"].isin(UNDECIDED),
        rows["pair"] & rows["exact"],
        rows["waived"] > rows["due"],
        ~same_quantity,
        ~rows["known"],
        same_amount,
        rows["waived_fen"] > rows["own_fen"],
    ]
    verdicts = ["duplicate", "unlisted", "open", "agreed", "over", "short", "price_unknown", "agreed", "over"]
    rows["verdict"] = np.select(conditions, verdicts, "short")
    return rows


# --- findings ---------------------------------------------------------------------------------------------------


def _findings(rows: pd.DataFrame, silent: pd.DataFrame) -> pd.DataFrame:
    rows["household"] = rows["household"].fillna(0).astype("int64")
    figures = rows[~rows["doubled"] & (rows["verdict"] != "unlisted") & ~rows["pair"]]
    wrong = figures[figures["verdict"].isin(["over", "short", "price_unknown"])]
    quantity = wrong[wrong["waived"] != wrong["due"]]
    amount = wrong[wrong["known"] & (wrong["waived_fen"] != wrong["own_fen"])]
    unknown = wrong[~wrong["known"]]
    beside = rows[rows["doubled"] | (rows["verdict"] == "unlisted")].assign(due=0, due_fen=0)
    return pd.concat([
        _found(quantity, _over(quantity, "quantity", "waived", "due"), (quantity["waived"] - quantity["due"]).abs(),
               (quantity["own_fen"] - quantity["due_fen"]).abs().where(quantity["known"], 0)),
        _found(amount, _over(amount, "amount", "waived_fen", "own_fen"), 0,
               (amount["waived_fen"] - amount["own_fen"]).abs()),
        _found(unknown, "price_unknown", 0, unknown["waived_fen"].abs()),
        _found(beside, np.where(beside["doubled"], "duplicate_row", "unauthorised"), beside["waived"].abs(),
               beside["waived_fen"].abs()),
        _contradicted(figures),
        _unsummed(rows),
        silent,
    ])  # fmt: skip


def _over(rows: pd.DataFrame, what: str, reported: str, due: str) -> Any:
    return np.where(rows[reported] > rows[due], f"over_{what}", f"under_{what}")


def _found(rows: pd.DataFrame, kind: Any, stake: Any, stake_fen: Any) -> pd.DataFrame:
    return rows.assign(kind=kind, stake=stake, stake_fen=stake_fen)[list(_KINDS)]


def _contradicted(rows: pd.DataFrame) -> pd.DataFrame:
    told = (rows["waived"] != 0) | (rows["waived_fen"] != 0)
    nothing = rows["answer"].isin([*REFUSALS, "10", "11"]) & told
    zero = (rows["answer"] == "05") & ((rows["billable"] != 0) | (rows["waived"] != 0))
    applied = rows["answer"].isin(["00", "01", "02", "03", "04"]) & (rows["kind"] == "无账单")
    odd = rows[nothing | zero | applied]
    return _found(odd, "answer_contradicts", odd["waived"].abs(), odd["waived_fen"].abs())


def _unsummed(rows: pd.DataFrame) -> pd.DataFrame:
    missing = (rows["charge"] - rows["waived_amount"] - rows["after"]).abs()
    missing += (rows["sewage_charge"] - rows["sewage_waived"] - rows["sewage_after"]).abs()
    return _found(rows[missing != 0], "total_not_sum", 0, missing[missing != 0])


def _silent(rows: pd.DataFrame, listed: pd.DataFrame, ids: set[int], price: Price) -> pd.DataFrame:
    """Allowances without a bill: refused, open, or nobody said anything of them."""
    answers = rows[rows["kind"] == "无账单"].drop_duplicates("household", keep="last").set_index("household")["answer"]
    left = listed[listed["household"].isin(ids)]
    answer = left["household"].map(answers)
    fen = _cost(left["listed"], price.last_e4, 1)
    left = left.assign(bill_id="", waived=0, waived_fen=0, due=left["listed"], due_fen=fen)
    kind = np.select([answer.isin(REFUSALS), answer.isin(UNDECIDED)], ["refused", "answer_open"], "missing")
    return _found(left, kind, left["listed"], fen)
