"""``sample``: the audit sample 抽样 of a company's report month, from the draw to what it says of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from integration.cli.exits import Exit, Refused, leave
from integration.cli.intake import CompanyArgument
from integration.cli.session import MonthArgument, Who, authenticate, known_company, reading, writing
from integration.cli.sheet_files import table_file
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, yuan, zh
from integration.domain.rights import Right
from integration.domain.sampling import CheckResult, seed_of
from integration.jobs import sample_bills, sample_result
from integration.jobs.hub import Hub
from integration.jobs.sample_bills import RowChecked
from integration.jobs.sample_result import SampleResult, StratumResult
from integration.storage import samples
from integration.storage.overview import at_text
from integration.storage.samples import Drawn, Found

sample = typer.Typer(no_args_is_help=True)

SampleArgument = Annotated[int, typer.Argument(help=say("样本编号", "the sample's number"))]
_WORDS = {
    "relief": "有减免",
    "nothing": "无减免",
    "drawn": "已抽取",
    "requested": "待复印件",
    "checked": "已核完",
    "closed": "已结案",
}
_PLAIN = re.compile(r"-?\d{1,9}(?:\.\d+)?")


def _word(word: str) -> str:
    return say(_WORDS[word], word)


class SampleRow(msgspec.Struct, frozen=True):
    """A drawn row in the company's own words, and what its copy showed; ``result`` is empty before it is known."""

    place: int
    stratum: str
    report_id: int
    row: int
    reference: str
    account: str
    bill_id: str
    kind: str
    answer: str
    month_from: int
    month_to: int
    issued_on: int
    waived_milli: int
    waived_fen: int
    result: str
    true_milli: int
    true_fen: int


@sample.command("draw", help=zh("抽取公司一个回盘月的样本（审计、主管）"))
def draw(company: CompanyArgument, month: MonthArgument, who: Who, json: AsJson = False) -> None:
    """Draw the sample of a company's report month (auditor, supervisor); drawing again gives the same."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SAMPLES_DRAW)
        number = sample_bills.draw_sample(hub, known_company(hub, company), month, actor=actor)
        result = sample_result.sample_result(hub, number)
    _give(result, as_json=json)


@sample.command("list", help=zh("列出样本"))
def list_samples(
    company: Annotated[str | None, typer.Option(help=say("公司代码", "a company's code"))] = None, json: AsJson = False
) -> None:
    """List the samples."""
    with reading() as hub:
        code = known_company(hub, company) if company else None
        with hub.store.read() as connection:
            numbers = [one.sample_id for one in samples.all_samples(connection, code)]
        found = [sample_result.sample_result(hub, number) for number in numbers]
    if json:
        give_json(found)
        return
    heads = ("#", "公司 / company", "回盘月 / month", "状态 / state", "抽取 / drawn", "待核 / waiting")
    rows = [(str(one.sample_id), one.company, one.month, _word(one.state), *_sums(one.strata)) for one in found]
    give_table("样本 / Samples", heads, rows)


def _sums(strata: list[StratumResult]) -> tuple[int, int]:
    return sum(one.drawn for one in strata), sum(one.waiting for one in strata)


@sample.command("show", help=zh("查看样本：种子、依据与抽中的行"))
def show(number: SampleArgument, json: AsJson = False) -> None:
    """Show a sample: what it was drawn from, its seed, and every row with its result."""
    with reading() as hub:
        found = sample_bills.find_sample(hub, number)
        result = sample_result.sample_result(hub, number)
        rows = list(_rows(hub, number))
    seed, signature = seed_of(found.signature).hex(), found.signature.hex()
    proof = {"reports": found.reports, "tree": found.tree, "signature": signature, "seed": seed}
    if json:
        give_json({"sample": result, "drawn_by": found.drawn_by, "drawn_from": proof, "rows": rows})
        return
    _give(result, as_json=False)
    give_lines(
        say(f"{found.drawn_by} 抽取于 {at_text(found.drawn_us)}", f"by {found.drawn_by}, {at_text(found.drawn_us)}"),
        say(f"种子 {seed}（检查点 {found.tree.size}）", f"seed {seed} (checkpoint {found.tree.size})"),
    )
    _give_rows(rows)


def _give_rows(rows: list[SampleRow]) -> None:
    heads = ("#", "类 / kind", "户号 / account", "账单 / bill", "月份 / month", "m³", "¥", "结果 / result")
    lines = [
        (str(one.place), _word(one.stratum), one.account, one.bill_id, str(one.month_to),
         cubic_metres(one.waived_milli), yuan(one.waived_fen), one.result)
        for one in rows
    ]  # fmt: skip
    give_table("", heads, lines)


def _rows(hub: Hub, number: int) -> Iterator[SampleRow]:
    with hub.store.read() as connection:
        drawn, results = samples.drawn_of(connection, number), samples.results_of(connection, number)
    for one in drawn:
        yield _row(one, results[one.place][-1] if one.place in results else None)


def _row(one: Drawn, found: Found | None) -> SampleRow:
    said = one.said
    where = (one.place, one.stratum.value, one.report_id, one.row, said.reference, said.account, said.bill_id)
    when = (said.kind.value, said.answer.value, said.month_from, said.month_to, said.issued_on)
    result, milli, fen = (found.result, found.quantity_milli, found.amount_fen) if found else ("", 0, 0)
    return SampleRow(*where, *when, said.waived_milli, said.waived_fen, result, milli, fen)


@sample.command("request", help=zh("向公司索取账单复印件：写出清单文件，开始计期"))
def request(
    number: SampleArgument,
    who: Who,
    to: Annotated[Path, typer.Option("--to", dir_okay=False, help=say("清单文件", "the file: .csv or .xlsx"))],
    json: AsJson = False,
) -> None:
    """Ask the company for the copies: write the file to send, in its own account numbers, and start the time."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SAMPLES_DRAW)
        asked, rows = sample_bills.request_copies(hub, number, actor=actor)
    heads = (
        "序号 no",
        "名单 list",
        "参考号 reference",
        "户号 account",
        "账单号 bill",
        "账单日 issued",
        "起月 from",
        "止月 to",
    )
    with table_file(to, heads) as add:
        for one in rows:
            said = one.said
            about = (said.list_number, said.reference, said.account, said.bill_id)
            add((one.place, *about, said.issued_on, said.month_from, said.month_to))
    written = len(rows)
    if json:
        give_json({"sample_id": number, "file": str(to), "rows": written, "due_on": asked.due_on})
    else:
        give_lines(
            say(f"已写入 {to}：{written} 行，{asked.due_on} 前提供", f"{to}: {written} rows, due by {asked.due_on}")
        )


def _scaled(text: str | None, digits: int) -> int:
    """Return a decimal in its smallest unit, exactly."""
    if text is None:
        return 0
    whole, _, part = text.partition(".")
    if not _PLAIN.fullmatch(text) or len(part) > digits:
        raise typer.BadParameter(
            say(f"数字最多 {digits} 位小数", f"a number with at most {digits} decimal places, like 2.5")
        )
    return int(whole + part.ljust(digits, "0"))


@sample.command("record", help=zh("登记复印件核对结果（审计、经办）"))
def record(
    number: SampleArgument,
    who: Who,
    result: Annotated[CheckResult, typer.Option(help=say("结果", "what the copy shows"))],
    bill: Annotated[
        str, typer.Option(help=say("账单号，或 #清单序号", "the bill's id, or #7: its number in the request"))
    ],
    quantity: Annotated[str | None, typer.Option(help=say("实应减立方米", "m³ truly waived"))] = None,
    amount: Annotated[str | None, typer.Option(help=say("实减元", "yuan truly waived"))] = None,
    note: Annotated[str, typer.Option(help=say("备注（加密保存）", "a note, kept sealed"))] = "",
    json: AsJson = False,
) -> None:
    """Record what the copy of a bill shows (auditor, clerk); said again, the later word counts."""
    checked = RowChecked(result, _scaled(quantity, 3), _scaled(amount, 2))
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SAMPLES_RECORD)
        at = _place(hub, number, bill)
        sample_bills.record_check(hub, number, at, checked, note=note, actor=actor)
        made = sample_result.sample_result(hub, number)
    _give(made, as_json=json)


def _place(hub: Hub, number: int, bill: str) -> int:
    if bill.startswith("#") and bill[1:].isdecimal():
        return int(bill[1:])
    sample_bills.find_sample(hub, number)
    with hub.store.read() as connection:
        places = [one.place for one in samples.drawn_of(connection, number) if one.said.bill_id == bill]
    if len(places) != 1:
        raise Refused(
            say(
                f"样本中有 {len(places)} 行账单号为此；请写 #序号（waiverhub sample show {number}）",
                f"{len(places)} rows of the sample have this bill; write #NUMBER (see: waiverhub sample show {number})",
            )
        )
    return places[0]


@sample.command("result", help=zh("样本结果：差错率与推算到全月"))
def result(number: SampleArgument, json: AsJson = False) -> None:
    """Show the errors found and what they say of the whole month."""
    with reading() as hub:
        made = sample_result.sample_result(hub, number)
    _give(made, as_json=json)


@sample.command("close", help=zh("结案（登记结果以外的另一人）"))
def close(number: SampleArgument, who: Who, json: AsJson = False) -> None:
    """Close a sample (auditor, supervisor): another person than those who recorded its results."""
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.SAMPLES_DRAW)
        made = sample_result.close_sample(hub, number, actor=actor)
    _give(made, as_json=json)


@sample.command("verify", help=zh("重新抽取并核对：种子与抽中的行"))
def verify(number: SampleArgument, json: AsJson = False) -> None:
    """Draw a sample again from the reports as they are, and compare."""
    with reading() as hub:
        faults = sample_bills.sample_faults(hub, number)
    if json:
        give_json({"sample_id": number, "sound": not faults, "faults": faults})
    elif faults:
        give_lines(*(f"✗ {one}" for one in faults))
    else:
        give_lines(say("✓ 种子与抽中的行相符", "✓ the seed and every row come out the same"))
    leave(Exit.REFUSED if faults else Exit.DONE)


def _give(made: SampleResult, *, as_json: bool) -> None:
    if as_json:
        give_json(made)
        return
    due = say(f"，复印件应于 {made.due_on} 前提供", f", copies due by {made.due_on}") if made.due_on else ""
    give_lines(f"{say('样本', 'sample')} {made.sample_id} · {made.company} · {made.month}: {_word(made.state)}{due}")
    heads = (
        "类 / kind", "行 / rows", "¥", "抽取 / drawn", "待核 / waiting", "差错 / errors", "‰",
        "推算净多减 / net, whole", "差错行数 / errors, whole", "多减至多 / over at most",
    )  # fmt: skip
    give_table("", heads, map(_line, made.strata))
    confidence = made.confidence_per_mille
    give_lines(
        say(
            f"上下限各按 {confidence}‰ 置信水平（不放回抽样的精确界限，Clopper-Pearson）；推算为差额估计",
            f"each bound holds at a confidence of {confidence} ‰ (Clopper and Pearson, exact for draws without"
            " replacement); the amount is a difference estimate",
        )
    )


def _line(one: StratumResult) -> tuple[object, ...]:
    known = (_word(one.stratum.value), one.rows, yuan(one.waived_fen), one.drawn, one.waiting)
    made = one.projection
    if made is None:
        return *known, None, None, None, None, None
    bounds = f"{made.least_errors:,}–{made.most_errors:,}"
    return *known, made.errors, made.rate_per_mille, yuan(made.net_fen), bounds, yuan(made.most_over_fen)
