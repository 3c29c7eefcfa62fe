"""``report``: what the companies say they did 回盘, and what was judged of it."""

from __future__ import annotations

from typing import Annotated

import typer

from integration.cli.exits import Refused
from integration.cli.intake import CompanyArgument, finish
from integration.cli.session import ActAs, FileArgument, content_of, job_actor, known_company, reading, writing
from integration.cli.words import AsJson, cubic_metres, give_json, give_lines, give_table, lines_in, say, side, yuan, zh
from integration.domain.rights import Right
from integration.jobs.finding_texts import ANSWERS
from integration.storage import overview, report_views
from integration.storage.overview import RowsEnded
from integration.storage.report_views import AnswerCount, ReportLine, RowLine
from schemas.reports import Answer

report = typer.Typer(no_args_is_help=True)


@report.command("import", help=zh("导入公司回盘，随即核对"))
def import_report(company: CompanyArgument, file: FileArgument, who: ActAs = None, json: AsJson = False) -> None:
    """Take in a company's report, judge it and bring the findings up to date."""
    from integration.jobs.sync_report import sync_report

    with writing({"report": lines_in(file)}, as_json=json) as hub:
        code = known_company(hub, company)
        result = sync_report(hub, code, content_of(file), actor=job_actor(hub, who, Right.FILES_TAKE))
    if not json and result.report_id is not None:
        give_lines(
            say(
                f"回盘 {result.report_id}，新差异 {result.findings:,} 项（waiverhub findings list）",
                f"report {result.report_id}, new findings: {result.findings:,} (waiverhub findings list)",
            )
        )
    finish(result, as_json=json)


@report.command("show", help=zh("列出回盘，或查看其中一份：结果码、逐行判定"))
def show(
    number: Annotated[int | None, typer.Argument(help=say("回盘编号", "a report's id"))] = None,
    company: Annotated[str | None, typer.Option(help=say("公司代码", "a company's code"))] = None,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help=say("每页行数", "rows a page"))] = 20,
    after: Annotated[int, typer.Option(min=0, help=say("从此行之后", "rows after this one"))] = 0,
    json: AsJson = False,
) -> None:
    """List reports; or show one: its answers, its rows as judged, and the rows that were rejected."""
    with reading() as hub, hub.store.read() as connection:
        code = known_company(hub, company) if company else None
        found = report_views.report_lines(connection, code, number)
        if number is None:
            _give_reports(found, as_json=json)
            return
        if not found:
            raise Refused(say(f"没有回盘 {number}", f"there is no report {number}; see: waiverhub report show"))
        answers = report_views.answers_of(connection, number)
        rows = report_views.rows_of(connection, number, limit, after)
        submission = report_views.submission_of(connection, number)
        ended = [one for one in overview.outcomes_of(connection, submission, 200) if one.code]
    if json:
        give_json({"report": found[0], "answers": answers, "rows": rows, "rejected": ended})
    else:
        _give_report(found[0], answers, rows, ended)


def _give_reports(found: list[ReportLine], *, as_json: bool) -> None:
    if as_json:
        give_json(found)
        return
    heads = (
        "#",
        "公司 / company",
        "月份 / month",
        "类别 / kind",
        "版次 / edition",
        "收到 / received",
        "有效 / stands",
        "行 / rows",
        "立方米 / m³",
        "金额 / amount",
    )
    give_table("回盘 / Reports", heads, map(_line, found))


def _line(one: ReportLine) -> tuple[object, ...]:
    about = (str(one.report_id), one.company, one.month, one.kind, str(one.edition), one.received_at)
    stands = say("是", "yes") if one.stands else say("已被替换", "replaced")
    return *about, stands, one.rows, cubic_metres(one.waived_milli), yuan(one.waived_fen)


def _give_report(one: ReportLine, answers: list[AnswerCount], rows: list[RowLine], ended: list[RowsEnded]) -> None:
    _give_reports([one], as_json=False)
    counted = [(each.answer, *_counted(each)) for each in answers]
    give_table("结果码 / Answers", ("代码 / code", "", "行 / rows", "立方米 / m³", "金额 / amount"), counted)
    heads = (
        "行 / row",
        "户号 / account",
        "账单 / bill",
        "月份 / months",
        "用量 / used",
        "减免 / waived",
        "应减 / due",
        "金额 / amount",
        "应减金额 / due",
        "结果 / answer",
        "判定 / verdict",
    )
    give_table("逐行 / Rows", heads, map(_row, rows))
    if ended:
        fault_heads = ("行 / row", "栏 / column", "代码 / code", "原因与办法 / reason and remedy")
        faults = [(str(fault.first_row), fault.column, fault.code, side(fault.text)) for fault in ended]
        give_table("退回的行 / Rejected rows", fault_heads, faults)


def _counted(one: AnswerCount) -> tuple[object, ...]:
    return say(*ANSWERS[Answer(one.answer)]), one.rows, cubic_metres(one.waived_milli), yuan(one.waived_fen)


def _row(one: RowLine) -> tuple[object, ...]:
    said = one.said
    months = f"{said.month_from}" if said.month_from == said.month_to else f"{said.month_from}-{said.month_to}"
    quantities = map(cubic_metres, (said.billable_milli, said.waived_milli, one.due_milli))
    amounts = (yuan(said.waived_fen), yuan(one.due_fen), said.answer.value, one.verdict)
    return str(one.row), said.account, said.bill_id, months, *quantities, *amounts
