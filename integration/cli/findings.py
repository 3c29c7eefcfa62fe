"""``findings``, ``reconcile``, ``balance``: where due and applied differ 差异, and what became of every allowance."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from integration.cli.exits import Refused
from integration.cli.session import ActAs, MaybeMonth, MonthOption, job_actor, known_company, reading, writing
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, yuan, zh
from integration.domain.balance import Balance
from integration.domain.rights import Right
from integration.jobs.finding_texts import ACTS, KINDS, reason_words
from integration.storage import report_views
from integration.storage.report_views import EventLine, FindingLine, FindingSum
from schemas.findings import Acts, FindingKind

findings = typer.Typer(no_args_is_help=True)

CompanyOption = Annotated[str | None, typer.Option("--company", help=say("公司代码", "a company's code"))]


@findings.command("list", help=zh("列出差异：先按类别汇总，再逐项"))
def list_findings(
    company: CompanyOption = None,
    month: MonthOption = None,
    kind: Annotated[FindingKind | None, typer.Option(help=say("类别", "one kind"))] = None,
    acts: Annotated[Acts | None, typer.Option(help=say("由谁处理", "who must act"))] = None,
    everything: Annotated[bool, typer.Option("--all", help=say("连同已关闭的", "with the closed ones"))] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=say("每页项数", "findings a page"))] = 30,
    after: Annotated[int, typer.Option(min=0, help=say("从此编号之后", "findings after this one"))] = 0,
    json: AsJson = False,
) -> None:
    """List findings: summed up by kind, then one by one."""
    with reading() as hub, hub.store.read() as connection:
        code = known_company(hub, company) if company else None
        where: dict[str, Any] = {
            "company": code,
            "month": int(month) if month else None,
            "kind": kind.value if kind else None,
            "acts": acts.value if acts else None,
        }
        found = report_views.finding_lines(connection, limit, after, None if everything else "open", **where)
        sums = report_views.finding_sums(connection, code)
    if json:
        give_json({"open": sums, "findings": found})
        return
    _give_sums(sums)
    _give_findings(found)
    if len(found) == limit:
        give_lines(
            say(f"还有更多：--after {found[-1].finding_id}", f"there may be more: --after {found[-1].finding_id}")
        )


def _give_sums(sums: list[FindingSum]) -> None:
    heads = (
        "公司 / company",
        "类别 / kind",
        "处理 / acts",
        "项 / findings",
        "户 / households",
        "立方米 / m³",
        "金额 / at stake",
    )
    rows = [
        (*_named(one), one.findings, one.households, cubic_metres(one.stake_milli), yuan(one.stake_fen)) for one in sums
    ]
    give_table("未结差异汇总 / Open findings", heads, rows)


def _named(one: FindingSum) -> tuple[str, str, str]:
    return one.company or "-", one.kind, _acts(one.acts)


def _acts(word: str) -> str:
    return say(*ACTS[Acts(word)])


def _give_findings(found: list[FindingLine]) -> None:
    heads = (
        "#",
        "公司 / company",
        "类别 / kind",
        "月份 / month",
        "家庭 / household",
        "户号 / account",
        "账单 / bill",
        "应减 m³ / due m³",
        "所报 m³ / reported m³",
        "金额 / at stake",
        "处理 / acts",
    )
    give_table("差异 / Findings", heads, map(_line, found))


def _line(one: FindingLine) -> tuple[object, ...]:
    kind = f"{one.kind}: {one.reason}" if one.reason else one.kind
    kind = kind if one.state == "open" else f"{kind} ({say('已关闭', 'closed')})"
    about = (
        str(one.finding_id),
        one.company or "-",
        kind,
        one.month,
        str(one.household_id or "-"),
        one.account,
        one.bill_id,
    )
    figures = (cubic_metres(one.due_milli), cubic_metres(one.reported_milli), yuan(one.stake_fen))
    return *about, *figures, _acts(one.acts)


@findings.command("show", help=zh("查看一项差异：数字、办法与来历"))
def show(number: int, json: AsJson = False) -> None:
    """Show a finding: its figures, what to do, and everything it has been."""
    with reading() as hub, hub.store.read() as connection:
        found = report_views.finding_lines(connection, 1, number - 1, None, finding_id=number)
        history = report_views.finding_history(connection, number)
    if not found:
        raise Refused(say(f"没有差异 {number}", f"there is no finding {number}; see: waiverhub findings list"))
    if json:
        give_json({"finding": found[0], "history": history})
    else:
        _give_finding(found[0], history)


def _give_finding(one: FindingLine, history: list[EventLine]) -> None:
    about = (
        one.company or "-",
        one.service,
        one.month,
        say(f"回盘月 {one.report_month}", f"report month {one.report_month}"),
    )
    give_lines(f"{one.finding_id} · {one.kind} · {one.state} · {' · '.join(about)}")
    give_lines(f"  {say(*KINDS[FindingKind(one.kind)])}", f"  {say('处理', 'acts')}: {_acts(one.acts)}")
    if one.reason:
        give_lines(f"  {say('原因', 'reason')}: {say(*reason_words(one.reason))}")
    if one.household_id:
        give_lines(
            f"  {say('家庭', 'household')} {one.household_id}, {say('户号', 'account')} {one.account}, "
            f"{say('账单', 'bill')} {one.bill_id or '-'}"
        )
    else:
        give_lines(say(f"  涉及 {one.households:,} 户", f"  households: {one.households:,}"))
    heads = ("", "应减 / due", "所报 / reported", "争议 / at stake")
    quantities = map(cubic_metres, (one.due_milli, one.reported_milli, one.stake_milli))
    amounts = map(yuan, (one.due_fen, one.reported_fen, one.stake_fen))
    give_table("", heads, [("m³", *quantities), ("¥", *amounts)])
    rows = [(event.at, event.event, cubic_metres(event.stake_milli), yuan(event.stake_fen)) for event in history]
    give_table("来历 / History", ("时间 / at", "", "立方米 / m³", "金额 / amount"), rows)
    if one.household_id:
        give_lines(f"{say('户情', 'why it is due')}: waiverhub explain {one.household_id} {one.month}")


def reconcile(
    company: CompanyOption = None,
    full: Annotated[bool, typer.Option("--full", help=say("重判全部账单", "judge every bill again"))] = False,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Bring draws, findings and balances up to what is known: after lists, and when reports are overdue."""
    from integration.jobs.reconcile import reconcile as reconcile_all

    with writing(as_json=json) as hub:
        code = known_company(hub, company) if company else None
        made = reconcile_all(hub, actor=job_actor(hub, who, Right.MONTHS_RUN), full=full, company=code)
    if json:
        give_json(made)
        return
    heads = (
        "公司 / company",
        "新增 / opened",
        "变更 / changed",
        "关闭 / closed",
        "重判不同的家庭 / households judged otherwise",
    )
    rows = [(one.company, one.opened, one.changed, one.closed, one.households) for one in made]
    give_table("核对 / Reconciled", heads, rows)


def balance(
    company: Annotated[str | None, typer.Argument(help=say("公司代码", "a company's code"))] = None,
    month: MaybeMonth = None,
    json: AsJson = False,
) -> None:
    """Show what became of every listed allowance, per company and month: the parts add up to what was listed."""
    from integration.jobs.allowances import balances

    wanted = [month] if month else None
    with reading() as hub, hub.store.read() as connection:
        codes = [known_company(hub, company)] if company else list(hub.companies)
        made = [one for code in codes for one in balances(hub, connection, code, wanted)]
    if json:
        give_json([{**msgspec.to_builtins(one), "holds": one.holds} for one in made])
    else:
        _give_balances(made)


_PARTS = (
    ("listed_milli", "名单所列 / listed"),
    ("drawn_milli", "应抵 / drawn"),
    ("lapsed_milli", "未用失效 / lapsed"),
    ("awaiting_milli", "待账单 / awaiting"),
    ("refused_milli", "有码不减 / refused"),
    ("unanswered_milli", "未答复 / unanswered"),
    ("over_milli", "多减 / over"),
    ("short_milli", "少减 / short"),
    ("unauthorised_milli", "名单外 / unauthorised"),
    ("duplicate_milli", "重复 / duplicate"),
    ("good_faith_milli", "善意 / good faith"),
    ("clawed_back_milli", "依决定追回 / clawed back by decision"),
)


def _give_balances(made: list[Balance]) -> None:
    heads = ("公司 / company", "月份 / month", *(head for _, head in _PARTS), "=")
    rows = [
        (one.company, one.month, *(cubic_metres(getattr(one, name)) for name, _ in _PARTS), "✓" if one.holds else "✗")
        for one in made
    ]
    give_table("平衡（立方米）/ Balance (m³)", heads, rows)
    give_lines(
        say(
            "名单所列 = 应抵 + 未用失效 + 待账单 + 有码不减 + 未答复；其后各栏另列",
            "listed = drawn + lapsed + awaiting + refused + unanswered; the columns after them stand beside",
        )
    )
