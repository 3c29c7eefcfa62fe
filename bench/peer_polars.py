"""The peer: the same judgement as one hand-written polars script, from the file and the database to judged rows.

It knows one company's file, one month, one allowance a household, and no correction but a reversal with its bill anew.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl
from polars import col, lit, when
from sqlalchemy import Connection

from bench.peer_inputs import COLUMNS, FEN, MILLI, REFUSALS, UNDECIDED, Price, body, copied, fetched, price_of
from bench.results import keep
from bench.running import Measured
from bench.stopwatch import Stopwatch
from integration.storage.engine import Store
from schemas.values import Month

_RANKS: Final = {"冲正": 1, "实抄": 2, "重开": 3}
_SCHEMA: Final = {"reference": pl.String, "household": pl.Int64, "listed": pl.Int64}
_FOUND: Final = ("kind", "household", "bill_id", "due", "due_fen", "waived", "waived_fen", "stake", "stake_fen")


def polars_judges(url: str, folder: str, path: str, month: str) -> Measured:
    """Judge the water company's report; the results are kept once the time is taken."""
    watch, at = Stopwatch(), Month.parse(month)
    price = price_of(at, url, folder)
    store = Store.open(url, writer=False)
    with store.read() as connection, watch:
        listed = _listed(connection, at)
        judged = _judged(_read(path), listed, price)
        findings = _findings(judged, listed, price)
    store.close()
    rows = judged.select("row", "verdict", "due", "due_fen").rows()
    return Measured(watch.seconds, len(judged), detail=keep(folder, "polars", rows, findings.rows()))


def _listed(connection: Connection, month: Month) -> pl.DataFrame:
    if connection.dialect.name == "postgresql":
        return pl.read_csv(copied(connection, month), has_header=False, schema=_SCHEMA)
    return pl.DataFrame(fetched(connection, month), schema=_SCHEMA, orient="row")


def _read(path: str) -> pl.DataFrame:
    """Read the file; amounts become whole numbers exactly."""
    raw = pl.read_csv(
        body(path), separator="|", has_header=False, schema=dict.fromkeys(COLUMNS, pl.String), quote_char=None,
        missing_utf8_is_empty_string=True,
    ).with_row_index("row", 2)  # fmt: skip

    def whole(name: str) -> pl.Expr:
        digits = col(name).str.replace(".", "", literal=True)
        return when(digits == "").then(0).otherwise(digits.cast(pl.Int64, strict=False)).alias(name)

    numbers = [whole(name) for name in (*MILLI, *FEN)]
    return raw.with_columns(*numbers, col("issued_on").cast(pl.Int64)).with_columns(
        waived_fen=col("waived_amount") + col("sewage_waived")
    )


def _cost(quantity: pl.Expr, price: Price) -> pl.Expr:
    """Quantity × mean price, half up to the fen."""
    unit = 100_000 * price.days
    return (2 * quantity * price.e4_days + unit) // (2 * unit)


def _judged(rows: pl.DataFrame, listed: pl.DataFrame, price: Price) -> pl.DataFrame:
    """Return every row with what was due, and a verdict."""
    repeated = ("who", "kind", "month_from", "refers_to")
    who = when(col("bill_id") == "").then(col("reference") + col("answer")).otherwise(col("bill_id"))
    rows = rows.join(listed, on="reference", how="left").with_columns(who=who)
    rows = rows.with_columns(
        doubled=~pl.struct(*repeated).is_first_distinct(),
        known=col("price_version").is_in(["", *price.versions]),
        undone=col("bill_id").is_in(rows.filter(col("kind") == "冲正")["refers_to"].implode()),
    )
    return _verdicts(_reversed(_drawn(rows, price)))


def _drawn(rows: pl.DataFrame, price: Price) -> pl.DataFrame:
    """Let bills draw in the order of their dates; a bill that is undone draws, and leaves no trace."""
    draws = ~col("doubled") & ~col("undone") & (col("kind") != "冲正") & col("listed").is_not_null()
    order = ["issued_on", col("kind").replace_strict(_RANKS, default=0, return_dtype=pl.Int8), "bill_id"]
    rows = rows.with_columns(use=when(draws).then(col("billable")).otherwise(0)).sort(order)
    before = col("use").cum_sum().over("household") - col("use")
    left = when(col("undone")).then(col("listed")).otherwise((col("listed") - before).clip(0))
    taking = draws | (col("undone") & ~col("doubled"))
    rows = rows.with_columns(
        due=when(taking).then(pl.min_horizontal(left.fill_null(0), "billable")).otherwise(0)
    ).with_columns(due_fen=when("known").then(pl.min_horizontal(_cost(col("due"), price), "charge")).otherwise(0))
    whole = _cost(col("waived"), price)
    own = when(col("waived") > col("due")).then(whole).otherwise(pl.min_horizontal(whole, "charge"))
    return rows.with_columns(own_fen=when("known").then(own))


def _reversed(rows: pl.DataFrame) -> pl.DataFrame:
    """A reversal is due exactly minus what its bill drew, and answers for it: the two are right or wrong together."""
    bills = rows.filter(col("undone") & (col("kind") != "冲正")).select(
        refers_to="bill_id", bill_due="due", bill_due_fen="due_fen", bill_waived="waived", bill_fen="waived_fen"
    )
    rows = rows.join(bills, on="refers_to", how="left")
    back = col("kind") == "冲正"
    exact = (col("waived") == -col("bill_waived")) & (col("waived_fen") == -col("bill_fen"))
    rows = rows.with_columns(
        due=when(back).then(-col("bill_due")).otherwise("due"),
        due_fen=when(back).then(-col("bill_due_fen")).otherwise("due_fen"),
        exact=when(back).then(exact),
    )
    wrong = rows.filter(back & ~col("exact"))["refers_to"]
    return rows.with_columns(
        exact=when(col("undone") & ~back).then(~col("bill_id").is_in(wrong.implode())).otherwise("exact")
    )


def _verdicts(rows: pl.DataFrame) -> pl.DataFrame:
    told = (col("waived") != 0) | (col("waived_fen") != 0)
    return rows.with_columns(
        verdict=when("doubled").then(lit("duplicate"))
        .when(col("listed").is_null() & told).then(lit("unlisted"))
        .when(col("answer").is_in(UNDECIDED)).then(lit("open"))
        .when(col("exact").is_not_null()).then(when("exact").then(lit("agreed")).otherwise(lit("over")))
        .when(col("waived") > col("due")).then(lit("over"))
        .when(col("waived") < col("due")).then(lit("short"))
        .when(col("own_fen").is_null()).then(lit("price_unknown"))
        .when(col("waived_fen") == col("own_fen")).then(lit("agreed"))
        .when(col("waived_fen") > col("own_fen")).then(lit("over"))
        .otherwise(lit("short"))
    )  # fmt: skip


# --- findings ---------------------------------------------------------------------------------------------------


def _findings(rows: pl.DataFrame, listed: pl.DataFrame, price: Price) -> pl.DataFrame:
    rows = rows.with_columns(col("household").fill_null(0))
    figures = rows.filter(~col("doubled") & (col("verdict") != "unlisted") & col("exact").is_null())
    wrong = figures.filter(col("verdict").is_in(["over", "short", "price_unknown"]))
    quantity = wrong.filter(col("waived") != col("due"))
    amount = wrong.filter(col("own_fen").is_not_null() & (col("waived_fen") != col("own_fen")))
    unknown = wrong.filter(col("own_fen").is_null())
    beside = rows.filter(col("doubled") | (col("verdict") == "unlisted")).with_columns(due=lit(0), due_fen=lit(0))
    return pl.concat([
        _found(quantity, _over("quantity", "waived", "due"), (col("waived") - col("due")).abs(),
               (col("own_fen").fill_null(col("due_fen")) - col("due_fen")).abs()),
        _found(amount, _over("amount", "waived_fen", "own_fen"), lit(0), (col("waived_fen") - col("own_fen")).abs()),
        _found(unknown, lit("price_unknown"), lit(0), col("waived_fen").abs()),
        _found(beside, when("doubled").then(lit("duplicate_row")).otherwise(lit("unauthorised")),
               col("waived").abs(), col("waived_fen").abs()),
        _contradicted(figures),
        _unsummed(rows),
        _silent(rows, listed, price),
    ])  # fmt: skip


def _over(what: str, reported: str, due: str) -> pl.Expr:
    return when(col(reported) > col(due)).then(lit(f"over_{what}")).otherwise(lit(f"under_{what}"))


def _found(rows: pl.DataFrame, kind: pl.Expr, stake: pl.Expr, stake_fen: pl.Expr) -> pl.DataFrame:
    rows = rows.with_columns(kind=kind, stake=stake.cast(pl.Int64), stake_fen=stake_fen.cast(pl.Int64))
    return rows.select(*(col(name) if name in ("kind", "bill_id") else col(name).cast(pl.Int64) for name in _FOUND))


def _contradicted(rows: pl.DataFrame) -> pl.DataFrame:
    told = (col("waived") != 0) | (col("waived_fen") != 0)
    nothing = col("answer").is_in([*REFUSALS, "10", "11"]) & told
    zero = (col("answer") == "05") & ((col("billable") != 0) | (col("waived") != 0))
    applied = col("answer").is_in(["00", "01", "02", "03", "04"]) & (col("kind") == "无账单")
    odd = rows.filter(nothing | zero | applied)
    return _found(odd, lit("answer_contradicts"), col("waived").abs(), col("waived_fen").abs())


def _unsummed(rows: pl.DataFrame) -> pl.DataFrame:
    missing: Any = (col("charge") - col("waived_amount") - col("after")).abs()
    missing += (col("sewage_charge") - col("sewage_waived") - col("sewage_after")).abs()
    return _found(rows.filter(missing != 0), lit("total_not_sum"), lit(0), missing)


def _silent(rows: pl.DataFrame, listed: pl.DataFrame, price: Price) -> pl.DataFrame:
    """Allowances without a bill: refused, open, or nobody said anything of them."""
    bills = rows.filter((col("kind") != "无账单") | (col("answer") == "05"))
    answers = rows.filter(col("kind") == "无账单").select("household", "answer").unique("household", keep="last")
    left = listed.join(bills, on="household", how="anti").join(answers, on="household", how="left")
    left = left.with_columns(bill_id=lit(""), waived=lit(0), waived_fen=lit(0), due=col("listed"))
    left = left.with_columns(due_fen=_cost(col("listed"), price._replace(e4_days=price.days * price.last_e4)))
    kind = (
        when(col("answer").is_in(REFUSALS)).then(lit("refused"))
        .when(col("answer").is_in(UNDECIDED)).then(lit("answer_open"))
        .otherwise(lit("missing"))
    )  # fmt: skip
    return _found(left, kind, col("listed"), col("due_fen"))
