"""``case``: what people must decide 工单. One person resolves, another approves; words are kept sealed."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from integration.cli.session import ActAs, Who, authenticate, job_actor, known_company, reading, writing
from integration.cli.words import AsJson, give_json, give_lines, give_table, say, zh
from integration.domain.cases import UNDER_WORK, possible
from integration.domain.rights import Right
from integration.jobs.case_texts import EVENTS, KINDS, STATES
from integration.jobs.cases import get_case, read_notes, step
from integration.storage import cases
from integration.storage.cases import Case, Happened
from integration.storage.overview import at_text
from schemas.cases import CaseEvent, CaseKind, CaseState
from schemas.values import Month, int_day

case = typer.Typer(no_args_is_help=True)

Number = Annotated[int, typer.Argument(metavar="CASE")]


@case.command("list", help=zh("列出工单；默认只列办理中的"))
def list_cases(
    kind: Annotated[CaseKind | None, typer.Option(help=say("类别", "one kind"))] = None,
    household: Annotated[int | None, typer.Option(help=say("家庭编号", "of one household"))] = None,
    assignee: Annotated[str | None, typer.Option(help=say("经办人", "given to this person"))] = None,
    everything: Annotated[bool, typer.Option("--all", help=say("连同已办结的", "with the closed ones"))] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help=say("每页项数", "cases a page"))] = 30,
    after: Annotated[int, typer.Option(min=0, help=say("从此编号之后", "cases after this one"))] = 0,
    json: AsJson = False,
) -> None:
    """List cases; with --all the closed ones too."""
    where: dict[str, Any] = {"kind": kind, "household_id": household, "assignee": assignee}
    states = frozenset(CaseState) if everything else UNDER_WORK
    with reading() as hub, hub.store.read() as connection:
        found = cases.case_lines(connection, limit, after, states, **where)
        counts = cases.case_counts(connection)
    if json:
        give_json({"under_work": counts, "cases": [_plain(one) for one in found]})
        return
    give_table(
        "办理中的工单 / Cases under work", ("类别 / kind", "件 / cases"), [(_kind(k), n) for k, n in counts.items()]
    )
    heads = (
        "#", "类别 / kind", "状态 / state", "家庭 / household", "服务 / service", "月份 / month", "公司 / company",
        "经办 / assignee", "期限 / due on",
    )  # fmt: skip
    give_table("工单 / Cases", heads, map(_line, found))
    if len(found) == limit:
        give_lines(say(f"还有更多：--after {found[-1].number}", f"there may be more: --after {found[-1].number}"))


def _kind(kind: CaseKind) -> str:
    return say(*KINDS[kind])


def _line(one: Case) -> tuple[object, ...]:
    about = (str(one.household_id or "-"), one.service or "-", _month(one) or "-", one.company or "-")
    due = int_day(one.due_on).isoformat()
    return str(one.number), _kind(one.kind), say(*STATES[one.state]), *about, one.assignee, due


def _month(one: Case) -> str:
    return str(Month.from_int(one.month)) if one.month else ""


def _plain(one: Case) -> dict[str, Any]:
    day = int_day(one.due_on).isoformat()
    return {**one._asdict(), "month": _month(one), "opened_us": at_text(one.opened_us), "due_on": day}


@case.command("show", help=zh("查看一件工单的经过；要看说明文字须 --as，查看留痕"))
def show(
    number: Number,
    who: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help=say("以此用户身份查看说明", "read the notes as this user")),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show a case and what happened to it; reading its notes takes --as, and is audited."""
    with reading() as hub, hub.store.read() as connection:
        found, events = get_case(connection, number), cases.history(connection, number)
    texts: dict[int, str | None] = {}
    if who is not None:
        with writing(as_json=json) as hub:
            actor = authenticate(hub, who, Right.CASES_WORK)
            texts = {note.happened.n: note.text for note in read_notes(hub, number, actor=actor)}
    if json:
        give_json({"case": _plain(found), "events": [_event(one, texts) for one in events]})
    else:
        _give_case(found, events, texts)


def _event(one: Happened, texts: dict[int, str | None]) -> dict[str, Any]:
    said = {"noted": one.note is not None, "note": texts.get(one.n)}
    return {"n": one.n, "at": at_text(one.at_us), "actor": one.actor, "event": one.event, "about": one.about, **said}


def _give_case(one: Case, events: list[Happened], texts: dict[int, str | None]) -> None:
    give_lines(f"{one.number} · {_kind(one.kind)} · {say(*STATES[one.state])} · {one.identity}")
    about = {
        say("家庭", "household"): one.household_id, say("服务", "service"): one.service,
        say("月份", "month"): _month(one), say("公司", "company"): one.company,
        say("差异", "finding"): one.finding_id, say("区县", "districts"): one.districts,
        say("经办", "assignee"): one.assignee, say("期限", "due on"): int_day(one.due_on).isoformat(),
    }  # fmt: skip
    give_lines(*(f"  {name}: {value}" for name, value in about.items() if value))
    hidden = say("（有说明，用 --as 查看）", "(a note; read it with --as)")
    rows = [
        (at_text(e.at_us), e.actor, say(*EVENTS[e.event]), e.about, texts.get(e.n) or (hidden if e.note else ""))
        for e in events
    ]
    heads = ("时间 / at", "人员 / by", "经过 / event", "对象 / about", "说明 / note")
    give_table("经过 / History", heads, rows)
    steps = ", ".join(say(*EVENTS[event]) for event in possible(one.state) if event is not CaseEvent.CAUSE_GONE)
    give_lines(f"{say('可做', 'what can be done')}: {steps}")


# --- steps ---------------------------------------------------------------------------------------------------------


def _ask_text() -> str:
    """Read what somebody says of a case; on the command line it would stay in the shell's history."""
    if sys.stdin.isatty():
        sys.stderr.write(say("说明：", "Note: "))
        sys.stderr.flush()
    return sys.stdin.readline().strip()


def _step(
    number: int, event: CaseEvent, who: str, right: Right, *, json: bool, about: str = "", words: bool = True
) -> None:
    with writing(as_json=json) as hub:
        actor = authenticate(hub, who, right)
        done = step(hub, number, event, actor=actor, text=_ask_text() if words else "", about=about)
    if json:
        give_json(_plain(done))
    else:
        give_lines(f"{number} · {say(*EVENTS[event])} · {say(*STATES[done.state])}")


@case.command("assign", help=zh("指派经办人"))
def assign(
    number: Number,
    who: Who,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help=say("经办人", "who is to work on it"))],
    json: AsJson = False,
) -> None:
    """Give a case to a person."""
    _step(number, CaseEvent.ASSIGNED, who, Right.CASES_WORK, json=json, about=to, words=False)


@case.command("note", help=zh("加备注；文字从提示输入，加密保存"))
def note(number: Number, who: Who, json: AsJson = False) -> None:
    """Add a note; it is asked for, and kept sealed."""
    _step(number, CaseEvent.NOTED, who, Right.CASES_WORK, json=json)


@case.command("ask", help=zh("记录已向公司询问；问题从提示输入"))
def ask(
    number: Number,
    who: Who,
    company: Annotated[str, typer.Option(help=say("公司代码", "a company's code"))],
    json: AsJson = False,
) -> None:
    """Record that a company was asked, and what."""
    with reading() as hub:
        code = known_company(hub, company)
    _step(number, CaseEvent.ASKED_COMPANY, who, Right.CASES_WORK, json=json, about=code)


@case.command("answer", help=zh("记录公司的答复；内容从提示输入"))
def answer(number: Number, who: Who, json: AsJson = False) -> None:
    """Record what the company answered."""
    _step(number, CaseEvent.ANSWERED, who, Right.CASES_WORK, json=json)


@case.command("resolve", help=zh("提出处理结果，须写说明；另一位主管批准"))
def resolve(number: Number, who: Who, json: AsJson = False) -> None:
    """Resolve a case in words; another person approves."""
    _step(number, CaseEvent.RESOLVED, who, Right.CASES_WORK, json=json)


@case.command("approve", help=zh("批准他人的处理结果（主管）；自己经办的不能批准"))
def approve(number: Number, who: Who, json: AsJson = False) -> None:
    """Approve what another person resolved (supervisor)."""
    _step(number, CaseEvent.APPROVED, who, Right.CASES_APPROVE, json=json, words=False)


@case.command("reopen", help=zh("退回或重新办理，须写说明（主管）"))
def reopen(number: Number, who: Who, json: AsJson = False) -> None:
    """Send a case back to work, or open a closed one again, with the reason (supervisor)."""
    _step(number, CaseEvent.REOPENED, who, Right.CASES_APPROVE, json=json)


@case.command("refresh", help=zh("把无法认定的立案，原因已消除的结案"))
def refresh(who: ActAs = None, json: AsJson = False) -> None:
    """Open a case for whatever cannot be determined, and close those whose cause is gone."""
    from integration.jobs.open_cases import open_cases

    with writing(as_json=json) as hub:
        made = open_cases(hub, actor=job_actor(hub, who, Right.MONTHS_RUN))
    if json:
        give_json(made)
    else:
        give_lines(
            say(
                f"立案 {made.opened}，重新办理 {made.reopened}，原因已消除 {made.gone}",
                f"opened {made.opened}, opened again {made.reopened}, cause gone {made.gone}",
            )
        )
