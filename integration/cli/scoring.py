"""``detect``, ``claims``, ``variance``, ``scorecard``: who gets too much or nothing, and how companies do."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from integration.cli.exits import Refused
from integration.cli.session import (
    ActAs,
    MonthArgument,
    MonthOption,
    Who,
    authenticate,
    job_actor,
    known_company,
    reading,
    writing,
)
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, say, yuan, zh
from integration.domain.claims import Claims, Part
from integration.domain.rights import Right
from integration.domain.scorecard import Deed
from integration.domain.variances import Cause
from integration.jobs.claims import By, ClaimsLine
from integration.jobs.finding_texts import REASONS
from integration.jobs.scorecard import Card
from integration.jobs.variances import VarianceLine
from schemas.findings import Measure
from schemas.values import Month

CompanyOption = Annotated[str | None, typer.Option("--company", help=say("公司代码", "a company's code"))]


def detect(who: ActAs = None, json: AsJson = False) -> None:
    """Let the detectors look at what is known, and take the scorecards whose day has come."""
    from integration.jobs.detect import detect as detect_all
    from integration.jobs.scorecard import take_due

    with writing(as_json=json) as hub:
        actor = job_actor(hub, who, Right.MONTHS_RUN)
        made, taken = detect_all(hub, actor=actor), take_due(hub, actor=actor)
    if json:
        give_json({"detections": made, "scorecards": taken})
        return
    rows = [(one.service, one.opened, one.changed, one.closed) for one in made]
    heads = ("项目 / service", "新增 / opened", "变更 / changed", "关闭 / closed")
    give_table("核查 / Detected", heads, rows)
    give_lines(say(f"新评分 {len(taken)} 份", f"scorecards taken: {len(taken)}"))


# --- claims ----------------------------------------------------------------------------------------------------------

_PARTS = (
    ("listed", "名单所列 / listed"),
    ("drawn", "应抵 / drawn"),
    ("applied", "已减 / applied"),
    ("over", "多减 / over"),
    ("unauthorised", "名单外 / unauthorised"),
    ("short", "少减 / short"),
    ("refused", "有码不减 / refused"),
    ("unanswered", "未答复 / unanswered"),
    ("waiting", "未落户 / no account"),
)
_COUNTED = frozenset({"listed", "over", "unauthorised", "short", "refused", "unanswered", "waiting"})


def claims(
    month: MonthOption = None,
    by: Annotated[By, typer.Option("--by", help=say("按公司、区划或社区", "by what the sums are told"))] = By.COMPANY,
    company: CompanyOption = None,
    json: AsJson = False,
) -> None:
    """Show over-claims and under-claims of an allowance month side by side: m³, yuan and households."""
    from integration.jobs.claims import claims as all_claims

    if month is None:
        raise typer.BadParameter(say("须给出 --month", "name a month: --month 2026-11"))
    with reading() as hub, hub.store.read() as connection:
        code = known_company(hub, company) if company else None
        found = all_claims(hub, connection, month, by, code)
    if json:
        give_json([{**msgspec.to_builtins(one.claims), "community": one.community} for one in found])
        return
    heads = ("公司 / company", "区域 / where", *(head for _, head in _PARTS))
    rows = [(one.claims.company or "-", _where(one), *_cells(one.claims)) for one in found]
    give_table(f"{month} 多减与少减 / Claims of {month}", heads, rows)
    give_lines(say("每格：立方米 金额（户）", "each cell: m³, yuan (households)"))


def _where(one: ClaimsLine) -> str:
    place = " ".join(filter(None, (one.claims.district, one.community)))
    if one.claims.together:
        return f"{place} {say(f'合并 {one.claims.together} 处', f'{one.claims.together} together')}".strip()
    return place or "-"


def _cells(one: Claims) -> list[str]:
    return [_cell(getattr(one, name), counted=name in _COUNTED) for name, _ in _PARTS]


def _cell(part: Part, *, counted: bool) -> str:
    if part == Part():
        return "-"
    number = f" ({part.households:,})" if counted else ""
    return f"{cubic_metres(part.quantity_milli)} {yuan(part.amount_fen)}{number}"


# --- variances -------------------------------------------------------------------------------------------------------

variance = typer.Typer(no_args_is_help=True)

MeasureOption = Annotated[Measure, typer.Option("--measure", help=say("变动的数", "which figure"))]
DistrictOption = Annotated[str, typer.Option("--district", help=say("区划代码，空为全公司", "a district's code"))]


@variance.command("list", help=zh("列出与上月相比达到限度的变动"))
def list_variances(company: CompanyOption = None, json: AsJson = False) -> None:
    """List what differs from the month before by the limit or more, explained or not."""
    from integration.jobs.variances import variance_lines

    with reading() as hub, hub.store.read() as connection:
        found = variance_lines(hub, connection, known_company(hub, company) if company else None)
    if json:
        give_json(found)
    else:
        _give_variances(found)


def _give_variances(found: list[VarianceLine]) -> None:
    heads = (
        "公司 / company",
        "月份 / month",
        "数 / measure",
        "区划 / district",
        "上月 / before",
        "本月 / now",
        "状态 / state",
        "#",
        "说明 / explanation",
    )
    rows = [
        (
            one.company,
            one.month,
            say(*REASONS[one.measure]),
            one.district or "-",
            _figure(one.measure, one.before),
            _figure(one.measure, one.now),
            one.state,
            str(one.explanation_id or "-"),
            f"{one.reason}: {one.text}" if one.reason else "-",
        )
        for one in found
    ]
    give_table("变动 / Variances", heads, rows)


def _figure(measure: str, number: int) -> str:
    if measure == Measure.APPLIED_FEN:
        return yuan(number)
    return f"{number:,}" if measure == Measure.HOUSEHOLDS else cubic_metres(number)


@variance.command("explain", help=zh("说明一项变动；由另一人认可"))
def explain(
    company: str,
    month: MonthArgument,
    measure: MeasureOption,
    reason: Annotated[Cause, typer.Option("--reason", help=say("原因", "the cause in one word"))],
    text: Annotated[str, typer.Option("--text", help=say("说明", "what happened"))],
    who: Who,
    district: DistrictOption = "",
    json: AsJson = False,
) -> None:
    """Explain a variance; another person accepts it."""
    from integration.jobs.variances import explain as explain_variance

    with writing(as_json=json) as hub:
        about = (known_company(hub, company), month, measure, district)
        actor = authenticate(hub, who, Right.VARIANCES_EXPLAIN)
        line = explain_variance(hub, about, reason, text, actor=actor)
    if json:
        give_json(line)
    else:
        number = line.explanation_id
        give_lines(
            say(f"已记录说明 {number}，待另一人认可", f"explanation {number} is kept; another person: "
                f"waiverhub variance accept {number} --as NAME")
        )  # fmt: skip


@variance.command("accept", help=zh("认可一项说明"))
def accept(number: int, who: Who, json: AsJson = False) -> None:
    """Accept an explanation: its finding closes with the next detection."""
    _decide(number, who, accept=True, json=json)


@variance.command("refuse", help=zh("不认可一项说明，须重新说明"))
def refuse(number: int, who: Who, json: AsJson = False) -> None:
    """Refuse an explanation: it must be given anew."""
    _decide(number, who, accept=False, json=json)


def _decide(number: int, who: str, *, accept: bool, json: bool) -> None:
    from integration.jobs.variances import decide

    with writing(as_json=json) as hub:
        made = decide(hub, number, accept=accept, actor=authenticate(hub, who, Right.VARIANCES_DECIDE))
    if json:
        give_json(made)
    else:
        give_lines(f"{made.explanation_id}: {made.company} {Month.from_int(made.month)} {made.measure}: {made.state}")


# --- scorecards ------------------------------------------------------------------------------------------------------

_NAMES = {
    "on_time": "按时 / on time",
    "complete": "完整 / complete",
    "accurate": "准确 / accurate",
    "corrected": "更正 / corrected",
    "flags": "标志 / flags",
    "explained": "说明 / explained",
}


def scorecard(
    company: Annotated[str | None, typer.Argument(help=say("公司代码", "a company's code"))] = None,
    month: MonthOption = None,
    anew: Annotated[bool, typer.Option("--anew", help=say("重新评分", "take it anew, as a next version"))] = False,
    who: ActAs = None,
    json: AsJson = False,
) -> None:
    """Show companies' scorecards, every version of them; with --anew, take one again."""
    from integration.jobs.scorecard import cards

    if anew:
        _take(company, month, who, json=json)
    with reading() as hub, hub.store.read() as connection:
        found = cards(connection, known_company(hub, company) if company else None, month)
    if json:
        give_json(found)
        return
    _give_cards(found)
    if company and month and found:
        _give_counts(found[-1])


def _take(company: str | None, month: Month | None, who: str | None, *, json: bool) -> None:
    from integration.jobs.scorecard import take

    if company is None or month is None:
        raise Refused(say("须给出公司与 --month", "name the company and the --month to take anew"))
    with writing(as_json=json) as hub:
        take(hub, known_company(hub, company), month, actor=job_actor(hub, who, Right.MONTHS_RUN))


def _give_cards(found: list[Card]) -> None:
    heads = ("公司 / company", "月份 / month", "n", "评分 / score", "等次 / grade", *_NAMES.values(), "时间 / taken at")
    rows = [
        (
            one.company,
            one.month,
            one.n,
            one.content.scored.score,
            one.content.scored.grade or "-",
            *(one.content.scored.parts[name] for name in _NAMES),
            one.taken_at,
        )
        for one in found
    ]
    give_table("评分（千分）/ Scorecards (of 1,000)", heads, rows)


def _give_counts(card: Card) -> None:
    counts = card.content.counts
    rows = [
        (say("名单领取", "list collected"), _deed(counts.collected)),
        (say("名单回执", "list acknowledged"), _deed(counts.acknowledged)),
        (say("回盘", "report received"), _deed(counts.reported)),
        (say("已答复 / 应答复", "answered of what was due"), f"{counts.answered:,} / {counts.listed:,}"),
        (say("相符行 / 回盘行", "rows agreed of rows"), f"{counts.agreed:,} / {counts.rows:,}"),
        (say("多减", "over"), yuan(counts.over_fen)),
        (say("少减", "short"), yuan(counts.short_fen)),
        (say("按时更正 / 迟 / 逾期", "corrected in time / late / overdue"), _numbers(counts.corrected)),
        (say("未结差异 30 日内 / 90 日内 / 更久", "open findings to 30 / 90 days / older"), _numbers(counts.open)),
        (say("错误标志", "flags that are wrong"), f"{counts.flags_wrong:,}"),
        (say("不减原因", "refusals"), ", ".join(f"{code} {n:,}" for code, n in counts.refusals.items()) or "-"),
        (say("已说明 / 变动", "explained of variances"), f"{counts.explained:,} / {counts.variances:,}"),
    ]
    give_table(f"{card.company} {card.month} #{card.n}", ("", ""), rows)


def _numbers(counts: msgspec.Struct) -> str:
    return " / ".join(f"{number:,}" for number in msgspec.structs.astuple(counts))


def _deed(deed: Deed | None) -> str:
    if deed is None:
        return "-"
    done = str(deed.done_on) if deed.done_on else say("无", "not done")
    return say(f"{done}（限 {deed.due_on}）", f"{done} (due {deed.due_on})")
