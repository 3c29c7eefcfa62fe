"""``decision``: what people decide about a household's allowance 决定. One proposes, another supervisor approves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from integration.cli.exits import Refused
from integration.cli.session import Who, authenticate, reading, writing
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, yuan, zh
from integration.domain.decisions import Kind, Wanted
from integration.domain.rights import Right
from integration.jobs.hub import Hub
from integration.storage.decisions import Filed
from schemas.values import Month, Service, day_int

decision = typer.Typer(no_args_is_help=True)

_KINDS = {
    "claw_back": ("追回", "claw-back"),
    "wrong_link": ("关联错误", "wrong link"),
    "opt_out": ("拒绝享受", "opt-out"),
    "opt_in": ("撤回拒绝", "opt-in"),
    "undo": ("撤销决定", "undo"),
}
_STATES = {"proposed": "待批准", "approved": "已批准", "rejected": "已否决", "undone": "已撤销"}

HouseholdArgument = Annotated[int, typer.Argument(help=say("家庭编号", "The hub's id of the household."))]
ServiceArgument = Annotated[Service, typer.Argument(help=say("项目", "The service."))]
NumberArgument = Annotated[int, typer.Argument(help=say("决定编号", "The decision's number."))]
PapersOption = Annotated[
    tuple[str, str],
    typer.Option(
        "--papers",
        metavar="WHY FILE",
        help=say("理由与卷宗号（永久留痕，不写个人信息）", "Why, and the file's number; kept for ever, nobody's data."),
    ),
]
Since = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help=say("自何日起", "From which day."))]


@decision.command("list", help=zh("列出决定"))
def show_all(
    household: Annotated[int | None, typer.Option(help=say("只列此家庭", "only of this household"))] = None,
    json: AsJson = False,
) -> None:
    """List decisions, all or a household's."""
    from integration.jobs.decisions_shown import decisions_shown

    with reading() as hub:
        found = decisions_shown(hub, household=household)
    if json:
        give_json(found)
        return
    heads = (
        "#",
        "种类 / kind",
        "状态 / state",
        "家庭 / household",
        "项目 / service",
        "提出 / proposed",
        "决定 / decided",
    )
    rows = [
        (str(x.number), say(*_KINDS[x.kind]), _state(x.state), str(x.household), x.service, x.proposed_by, x.decided_by)
        for x in found
    ]
    give_table("决定 / Decisions", heads, rows)


def _state(state: str) -> str:
    return say(_STATES[state], state)


@decision.command("show", help=zh("查看一项决定"))
def show(number: NumberArgument, json: AsJson = False) -> None:
    """Show a decision: what, why, on whose word."""
    from integration.jobs.decisions_shown import decisions_shown

    with reading() as hub:
        found = decisions_shown(hub, number=number)
    if not found:
        raise Refused(
            say(f"没有编号为 {number} 的决定", f"there is no decision {number}; see: waiverhub decision list")
        )
    (one,) = found
    if json:
        give_json(one)
        return
    give_lines(f"{number} · {say(*_KINDS[one.kind])} · {_state(one.state)} · {one.household} · {one.service}")
    told = (
        (say("户号", "account"), one.account),
        (say("自", "from"), one.from_on or ""),
        (say("另一家庭", "other household"), one.other_household or ""),
        (say("撤销", "undoes"), one.undoes or ""),
        (say("机关决定", "authority's decision"), one.authority_number),
        (say("决定日期", "of"), one.authority_on or ""),
        (say("告知日期", "notice"), one.notified_on or ""),
        (say("理由", "why"), one.reason),
        (say("证据", "evidence"), one.evidence),
        (say("提出", "proposed by"), f"{one.proposed_by} {one.proposed_at}"),
        (say("决定", "decided by"), f"{one.decided_by} {one.decided_at}" if one.decided_by else ""),
    )
    give_lines(*(f"{head}: {text}" for head, text in told if text))
    if one.lines:
        rows = [(x.month, x.account, cubic_metres(x.quantity_milli), yuan(x.amount_fen)) for x in one.lines]
        give_table("追回 / Taken back", ("月份 / month", "户号 / account", "数量 / quantity", "金额 / amount"), rows)


# --- proposing -------------------------------------------------------------------------------------------------


@decision.command("claw-back", help=zh("依机关决定提出追回（经办或主管）"))
def claw_back(
    household: HouseholdArgument,
    service: ServiceArgument,
    taken: Annotated[list[str], typer.Argument(help=say("月份:数量:元，如 2026-11:3:6.60", "month:quantity:yuan"))],
    who: Who,
    papers: PapersOption,
    authority: Annotated[
        tuple[str, datetime, datetime],
        typer.Option(
            metavar="NUMBER DAY NOTICE",
            help=say(
                "机关决定文号、日期、告知当事人日期", "The authority's decision, its day, the household's notice."
            ),
        ),
    ],
    json: AsJson = False,
) -> None:
    """Propose to take back what bills drew, as an authority decided and the household was told."""
    from integration.jobs.decide import Authority, Papers, propose_claw_back

    number, decided, notified = authority
    words = Authority(number, day_int(decided), day_int(notified)), Papers(*papers)
    wanted = [_wanted(text) for text in taken]
    _propose(lambda hub, who: propose_claw_back(hub, household, service, wanted, *words, actor=who), who, as_json=json)


def _wanted(text: str) -> Wanted:
    month, *figures = text.split(":")
    try:
        quantity, amount = (Decimal(figure) for figure in figures)
        milli, fen = int(quantity.scaleb(3)), int(amount.scaleb(2))
        at = int(Month.parse(month))
    except (ValueError, OverflowError, InvalidOperation):
        raise _unread(text) from None
    if (Decimal(milli).scaleb(-3), Decimal(fen).scaleb(-2)) != (quantity, amount):  # finer than the hub counts
        raise _unread(text)
    return Wanted(at, milli, fen)


def _unread(text: str) -> typer.BadParameter:
    return typer.BadParameter(say(f"{text}：应为 月份:数量:元", f"{text}: write month:quantity:yuan"))


@decision.command("wrong-link", help=zh("提出某户号自某日起不属该户（经办或主管）"))
def wrong_link(
    household: HouseholdArgument,
    service: ServiceArgument,
    account: Annotated[str, typer.Argument(help=say("户号", "The account's number."))],
    who: Who,
    since: Since,
    papers: PapersOption,
    belongs_to: Annotated[int, typer.Option(help=say("户号所属家庭", "The household it belongs to."))] = 0,
    json: AsJson = False,
) -> None:
    """Propose that an account is not the household's from a day on; the two are never linked by themselves again."""
    from integration.jobs.decide import Papers, propose_wrong_link

    words = account, day_int(since), Papers(*papers)
    _propose(
        lambda hub, who: propose_wrong_link(hub, household, service, *words, actor=who, other_household=belongs_to),
        who,
        as_json=json,
    )


@decision.command("opt-out", help=zh("提出记录该户拒绝享受（经办或主管）"))
def opt_out(
    household: HouseholdArgument,
    service: ServiceArgument,
    who: Who,
    since: Since,
    papers: PapersOption,
    json: AsJson = False,
) -> None:
    """Propose to note that the household wants nothing of a service from a day on."""
    _refusal(Kind.OPT_OUT, household, service, who, since, papers, as_json=json)


@decision.command("opt-in", help=zh("提出记录该户撤回拒绝（经办或主管）"))
def opt_in(
    household: HouseholdArgument,
    service: ServiceArgument,
    who: Who,
    since: Since,
    papers: PapersOption,
    json: AsJson = False,
) -> None:
    """Propose to note that the household takes its refusal back from a day on."""
    _refusal(Kind.OPT_IN, household, service, who, since, papers, as_json=json)


def _refusal(
    kind: Kind, household: int, service: Service, who: str, since: date, papers: tuple[str, str], *, as_json: bool
) -> None:
    from integration.jobs.decide import Papers, propose_refusal

    words = day_int(since), Papers(*papers)
    _propose(lambda hub, who: propose_refusal(hub, kind, household, service, *words, actor=who), who, as_json=as_json)


@decision.command("undo", help=zh("提出撤销一项决定（经办或主管）"))
def undo(number: NumberArgument, who: Who, papers: PapersOption, json: AsJson = False) -> None:
    """Propose to undo a wrong link or a refusal, as if it had never been decided."""
    from integration.jobs.decide import Papers, propose_undo

    _propose(lambda hub, who: propose_undo(hub, number, Papers(*papers), actor=who), who, as_json=json)


def _propose(propose: Callable[[Hub, str], Filed], who: str, *, as_json: bool) -> None:
    with writing(as_json=as_json) as hub:
        filed = propose(hub, authenticate(hub, who, Right.DECISIONS_PROPOSE))
    number = filed.proposal.number
    if as_json:
        give_json({"number": number, "state": "proposed"})
    else:
        give_lines(
            say(
                f"已提出决定 {number}；请另一位主管批准：",
                f"decision {number} is proposed; another supervisor approves:",
            ),
            f"  waiverhub decision approve {number} --as NAME",
        )


# --- the second person -----------------------------------------------------------------------------------------


@decision.command("approve", help=zh("批准他人提出的决定（主管）；下一批次入账"))
def approve(number: NumberArgument, who: Who, json: AsJson = False) -> None:
    """Approve what another person proposed (supervisor); the next run posts it."""
    from integration.jobs.decide import approve as approve_decision

    with writing(as_json=json) as hub:
        approve_decision(hub, number, actor=authenticate(hub, who, Right.DECISIONS_APPROVE))
    if json:
        give_json({"number": number, "state": "approved"})
    else:
        give_lines(
            say(f"决定 {number} 已批准；随下一批次入账", f"decision {number} is approved; the next run posts it"),
            "  waiverhub link; waiverhub run MONTH",
        )


@decision.command("reject", help=zh("否决一项提议，永不生效（主管）"))
def reject(number: NumberArgument, who: Who, json: AsJson = False) -> None:
    """Reject a proposal (supervisor): it never takes effect."""
    from integration.jobs.decide import reject as reject_decision

    with writing(as_json=json) as hub:
        reject_decision(hub, number, actor=authenticate(hub, who, Right.DECISIONS_APPROVE))
    if json:
        give_json({"number": number, "state": "rejected"})
    else:
        give_lines(say(f"决定 {number} 已否决", f"decision {number} is rejected"))
