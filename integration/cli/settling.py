"""``settle`` and ``settlement``: a company's report month, signed; later changes as numbered adjustments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from integration.cli.exits import Refused
from integration.cli.intake import CompanyArgument
from integration.cli.session import MonthArgument, Who, authenticate, known_company, reading, writing
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, yuan, zh
from integration.domain.rights import Right
from integration.storage import settlements
from integration.storage.settlements import Signed
from schemas.settlements import Amount, OpenItem, Settlement, Terms

settlement = typer.Typer(no_args_is_help=True)

_STATES = {"settled": "已结算", "adjusted": "已出具调整", "unchanged": "与上次相同，未出具调整"}
_TOTALS = (
    ("reported", "所报 / reported"),
    ("accepted", "认定 / accepted"),
    ("over", "多减 / over"),
    ("short", "少减 / short"),
    ("price_unknown", "价格未知 / price unknown"),
    ("undecided", "未决 / undecided"),
    ("unauthorised", "名单外 / unauthorised"),
    ("duplicate", "重复 / duplicate"),
    ("good_faith", "其中善意 / of it in good faith"),
    ("flat_basis", "其中定额 / of it on a flat basis"),
    ("flat_unproven", "其中无转减证明 / of that without a proof"),
    ("clawed_back", "依决定追回 / clawed back by decision"),
)


def settle(company: CompanyArgument, month: MonthArgument, who: Who, json: AsJson = False) -> None:
    """Settle a company's report month (supervisor); what changes later becomes a numbered adjustment."""
    from integration.jobs.settle import settle as settle_month

    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, Right.MONTHS_SETTLE)
        result = settle_month(hub, known_company(hub, company), month, actor=actor)
    if json:
        give_json(result)
        return
    give_lines(say(_STATES[result.state], result.state))
    _give(result.settlement)


@settlement.command("list", help=zh("列出结算单及调整"))
def list_settlements(
    company: Annotated[str | None, typer.Option(help=say("公司代码", "a company's code"))] = None, json: AsJson = False
) -> None:
    """List settlements and their adjustments."""
    from integration.jobs.settle import read

    with reading() as hub, hub.store.read() as connection:
        code = known_company(hub, company) if company else None
        found = [read(one) for one in settlements.settlements_of(connection, code)]
    if json:
        give_json(found)
        return
    heads = (
        "公司 / company",
        "回盘月 / report month",
        "n",
        "认定 m³ / accepted",
        "认定 ¥ / accepted",
        "应付 / payable",
    )
    rows = [
        (one.company, one.month, str(one.n), cubic_metres(one.change.accepted.quantity_milli),
         yuan(one.change.accepted.amount_fen), yuan(one.terms.payable_fen))
        for one in found
    ]  # fmt: skip
    give_table("结算单 / Settlements", heads, rows)


@settlement.command("show", help=zh("查看一份结算单；--to 写出签名文件"))
def show(
    company: CompanyArgument,
    month: MonthArgument,
    number: Annotated[
        int, typer.Argument(help=say("调整编号，0 为结算单", "0 the settlement, 1 … its adjustments"))
    ] = 0,
    to: Annotated[
        Path | None, typer.Option("--to", file_okay=False, help=say("写入的文件夹", "a folder to write into"))
    ] = None,
    json: AsJson = False,
) -> None:
    """Show a settlement or adjustment; with --to write it out with its signature and the public key."""
    from integration.jobs.settle import export, read

    with reading() as hub, hub.store.read() as connection:
        code = known_company(hub, company)
        found = [one for one in settlements.settlements_of(connection, code, month) if one.n == number]
        files = export(hub, found[0], to) if found and to else []
    if not found:
        raise Refused(
            say(
                f"{company} {month} 没有编号 {number} 的结算单",
                f"{company} has no settlement {month} number {number}; see: waiverhub settlement list",
            )
        )
    if json:
        give_json(read(found[0]))
    else:
        _give_signed(found[0], files)


def _give_signed(signed: Signed, files: list[Path]) -> None:
    from integration.jobs.settle import read

    _give(read(signed))
    give_lines(*map(str, files))


def _give(one: Settlement) -> None:
    give_lines(f"{one.company} · {one.month} · n {one.n} · {one.created_at}")
    heads = ("", "行 / rows", "立方米 / m³", "金额 / amount", "本次变动 m³ / change", "本次变动 ¥ / change")
    rows = [
        (say(*title.split(" / ")), *_figures(getattr(one.totals, name)), *_figures(getattr(one.change, name))[1:])
        for name, title in _TOTALS
    ]
    give_table("结算单 / Settlement", heads, rows)
    months = [(month, *_figures(amount)[1:]) for month, amount in one.totals.by_month.items()]
    give_table("按减免月份 / By allowance month", ("月份 / month", "立方米 / m³", "金额 / amount"), months)
    give_lines(
        _terms(one.terms),
        say(
            f"未结事项 {len(one.open_items):,} 项，未抵完的补减余额 {yuan(one.totals.credit_balance_fen)}",
            f"open items: {len(one.open_items):,}; credits not used up: {yuan(one.totals.credit_balance_fen)}",
        ),
    )
    items = map(_item, one.open_items[:20])
    give_table(say("未结事项（前二十）", "Open items (the first twenty)"), _ITEM_HEADS, items)


def _terms(terms: Terms) -> str:
    if terms.payer == terms.payee:
        return say("费用由公司承担（company_bears）", "the company bears the cost (company_bears)")
    sums = f"{terms.payer} → {terms.payee} {yuan(terms.payable_fen)}"
    used = say("预拨款抵用", "of the advance used up") + f" {yuan(terms.from_fund_fen)}" if terms.from_fund_fen else ""
    return f"{terms.mode}: {sums} {used}".rstrip()


_ITEM_HEADS = (
    "差异 / finding",
    "类别 / kind",
    "月份 / month",
    "参考号 / reference",
    "立方米 / m³",
    "金额 / amount",
    "处理 / acts",
)


def _item(item: OpenItem) -> tuple[object, ...]:
    figures = (cubic_metres(item.quantity_milli), yuan(item.amount_fen), item.acts)
    return str(item.finding), item.kind, item.month, item.reference or item.bill_id, *figures


def _figures(amount: Amount) -> tuple[int, str, str]:
    return amount.rows, cubic_metres(amount.quantity_milli), yuan(amount.amount_fen)
