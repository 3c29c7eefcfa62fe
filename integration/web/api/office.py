"""The office 帮扶办: seeing where everything stands. The pages are made of the same answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from integration.domain.rights import Right
from integration.jobs.allowances import balances
from integration.jobs.explain import explain
from integration.jobs.explanation import Explanation
from integration.jobs.find_household import Search, by_account, by_certificate, by_citizen_id, find_household
from integration.jobs.pending_matches import PendingMatch, pending_matches
from integration.jobs.standing import Standing, standing
from integration.storage import holds, overview, registry, report_views, settlements
from integration.storage.overview import AuditLine, Listed, RowsEnded, RunLine, Submission, at_text
from integration.storage.report_views import EventLine, FindingLine, ReportLine
from integration.web.answers import BalanceLine, HoldDetail, HouseholdsFound, RowJudged, SettlementLine, row_judged
from integration.web.api import shared
from integration.web.calls import Call, asked_company, found
from integration.web.endpoints import Endpoint, Model, Reply, Work
from integration.web.models import (
    AuditQuery,
    ExplainQuery,
    FindingsQuery,
    LookUp,
    OfCompany,
    OwnFindingsQuery,
    Paging,
    SubmissionsQuery,
)
from integration.web.problems import Problem
from schemas.registry import Certificate
from schemas.settlements import Settlement
from schemas.values import Month


def where_it_stands(call: Call) -> Reply:
    """Give where the hub stands and what to do next."""
    return Reply(standing(call.hub))


def runs(call: Call) -> Reply:
    """Give every run."""
    with call.hub.store.read() as connection:
        return Reply(overview.run_lines(connection))


def lists_of(call: Call) -> Reply:
    """Give the published lists of a company."""
    query, company = call.asked(Paging), asked_company(call, call.word("company"))
    with call.hub.store.read() as connection:
        return Reply(overview.lists_after(connection, company, query.after, query.limit))


def submissions(call: Call) -> Reply:
    """Give a page of everybody's submissions."""
    return shared.submissions_page(call, None)


def submission(call: Call) -> Reply:
    """Give one submission."""
    return Reply(shared.submission(call, None))


def submission_rows(call: Call) -> Reply:
    """Give how a submission's rows ended."""
    return Reply(shared.in_words(shared.submission_rows(call, None), call.language))


def all_holds(call: Call) -> Reply:
    """Give everything that waits for two persons, or did."""
    with call.hub.store.read() as connection:
        return Reply([_hold(one) for one in holds.all_holds(connection)])


def hold(call: Call) -> Reply:
    """Give one hold."""
    number = call.number("hold")
    with call.hub.store.read() as connection:
        one = next((one for one in holds.all_holds(connection) if one.hold_id == number), None)
    return Reply(_hold(found(one)))


def _hold(one: holds.Hold) -> HoldDetail:
    who = (one.proposed_by, one.reason, one.approved_by)
    return HoldDetail(one.hold_id, one.door, one.subject, at_text(one.at_us), one.state, one.trips, *who)


def reports(call: Call) -> Reply:
    """Give a page of the reports of one company or all; one's own, if one is a company."""
    query = call.asked(Paging)
    with call.hub.store.read() as connection:
        return Reply(report_views.report_lines(connection, _company(call), None, query.after, query.limit))


def report(call: Call) -> Reply:
    """Give one report."""
    return Reply(_report(call))


def report_rows(call: Call) -> Reply:
    """Give a page of a report's rows with their judgement."""
    query, number = call.asked(Paging), _report(call).report_id
    with call.hub.store.read() as connection:
        rows = report_views.rows_of(connection, number, query.limit, query.after)
    return Reply([row_judged(one) for one in rows])


def _report(call: Call) -> ReportLine:
    with call.hub.store.read() as connection:
        lines = report_views.report_lines(connection, _own(call), call.number("report"))
    one: ReportLine = found(lines[0] if lines else None)
    return one


def _own(call: Call) -> str | None:
    """Return whose things alone are seen: a company's own, or everybody's by the office."""
    return None if Right.BUSINESS_SEE in call.principal.rights else call.principal.party


def _company(call: Call) -> str | None:
    """Return whose things are asked for: a company's own, or those of the company that the office names."""
    own, named = _own(call), getattr(call.query, "company", None)
    return named if own is None else own


def findings(call: Call) -> Reply:
    """Give a page of findings."""
    query = call.asked(OwnFindingsQuery)
    where: dict[str, Any] = {
        "company": _company(call),
        "month": int(Month.parse(query.month)) if query.month else None,
        "kind": query.kind.value if query.kind else None,
        "acts": query.acts.value if query.acts else None,
    }
    state = None if query.all else "open"
    with call.hub.store.read() as connection:
        lines = report_views.finding_lines(
            connection, query.limit, query.after, state, call.principal.districts, **where
        )
    return Reply([_without_household(call, one) for one in lines])


def finding(call: Call) -> Reply:
    """Give one finding."""
    return Reply(_without_household(call, _finding(call)))


def finding_history(call: Call) -> Reply:
    """Give everything a finding has been."""
    number = _finding(call).finding_id
    with call.hub.store.read() as connection:
        return Reply(report_views.finding_history(connection, number))


def _finding(call: Call) -> FindingLine:
    number = call.number("finding")
    where: dict[str, Any] = {"finding_id": number, "company": _own(call)}
    with call.hub.store.read() as connection:
        lines = report_views.finding_lines(connection, 1, number - 1, None, call.principal.districts, **where)
    one: FindingLine = found(lines[0] if lines else None)
    return one


def _without_household(call: Call, one: FindingLine) -> FindingLine:
    """Leave the household's id to the office: a company knows its accounts alone (promise E7)."""
    return one if _own(call) is None else msgspec.structs.replace(one, household_id=0)


def balance(call: Call) -> Reply:
    """Give what became of every listed allowance of a company, by month."""
    company = asked_company(call, call.word("company"))
    with call.hub.store.read() as connection:
        made = balances(call.hub, connection, company, None)
    return Reply([BalanceLine(**msgspec.to_builtins(one), holds=one.holds) for one in made])


def all_settlements(call: Call) -> Reply:
    """Give the settlements of one company or all."""
    query = call.asked(Paging)
    with call.hub.store.read() as connection:
        signed = settlements.settlements_of(connection, _company(call))
    lines = [SettlementLine(one.company, str(one.month), one.n, at_text(one.at_us)) for one in signed]
    return Reply(lines[query.after : query.after + query.limit])


def settlement(call: Call) -> Reply:
    """Give a settlement's very bytes, as they were signed."""
    return Reply(raw=_settlement(call).content)


def settlement_signature(call: Call) -> Reply:
    """Give a settlement's signature."""
    return Reply(raw=_settlement(call).signature, media_type="application/octet-stream")


def _settlement(call: Call) -> settlements.Signed:
    own, company = _own(call), call.request.match_info.get("company")
    month, n = Month.parse(call.word("month")), call.number("n")
    with call.hub.store.read() as connection:
        signed = settlements.settlements_of(connection, own if own is not None else company, month)
    one: settlements.Signed = found(next((one for one in signed if one.n == n), None))
    return one


# --- households --------------------------------------------------------------------------------------------------


def find(call: Call) -> Reply:
    """Find households by one exact thing; the answer is ids alone, and every look is audited."""
    said = call.said(LookUp)
    ways = [name for name in ("certificate", "id_number", "account") if getattr(said, name) is not None]
    if len(ways) != 1:
        raise Problem("NOT_AS_AGREED", "须恰好给出一项 / give exactly one of certificate, id_number, account")
    ids = find_household(call.hub, ways[0], _search(call, said), actor=call.principal.actor)
    return Reply(HouseholdsFound([one for one in ids if _sees(call, one)]))


def _search(call: Call, said: LookUp) -> Search:
    if said.certificate is not None:
        one = said.certificate
        return by_certificate(call.hub, Certificate(one.issuer, one.kind, one.number))
    if said.account is not None:
        return by_account(said.account.company, said.account.number)
    return by_citizen_id(call.hub, said.id_number or "")


def _sees(call: Call, household: int) -> bool:
    if not call.principal.districts:
        return True
    with call.hub.store.read() as connection:
        known = registry.timelines(connection, [household]).get(household, [])
    return bool(known) and call.principal.sees(known[-1].part.district)


def why(call: Call) -> Reply:
    """Explain a household's month."""
    household = call.number("household")
    if not _sees(call, household):
        raise Problem("NOT_FOUND")
    month, as_known = Month.parse(call.word("month")), call.asked(ExplainQuery).as_known
    return Reply(explain(call.hub, household, month, as_known=as_known, language=call.language))


def pending(call: Call) -> Reply:
    """Give households whose allowance waits at none yet, with candidates."""
    query = call.asked(Paging)
    return Reply(pending_matches(call.hub)[query.after : query.after + query.limit])


def audit_rows(call: Call) -> Reply:
    """Give the newest audit rows."""
    query = call.asked(AuditQuery)
    with call.hub.store.read() as connection:
        return Reply(overview.last_audit(connection, query.limit, query.action))


_SEE: Final = "帮扶办 Office"
_MATCH: Final = "核对 Reconciliation"
_HOME: Final = "家庭 Households"


def _seen(
    path: str, name: str, summary: str, work: Work, reply: Any, query: type[Model] | None = None,
    *, tag: str = _SEE, right: Right = Right.BUSINESS_SEE,
) -> Endpoint:  # fmt: skip
    """Return a read of the office's, or of a company's own."""
    return Endpoint(
        method="GET", path=path, name=name, tag=tag, summary=summary, work=work, reply=reply, query=query, right=right
    )


ENDPOINTS: Final = (
    _seen("/v1/office/status", "getStatus", "现状与下一步 / Where the hub stands, and what to do next",
          where_it_stands, Standing),
    _seen("/v1/office/runs", "listRuns", "全部批次 / Every run", runs, list[RunLine]),
    _seen("/v1/office/companies/{company}/lists", "listListsOfCompany", "某公司的名单 / The lists of a company",
          lists_of, list[Listed], Paging),
    _seen("/v1/office/companies/{company}/balance", "getBalance", "额度去向 / What became of every listed allowance",
          balance, list[BalanceLine], tag=_MATCH),
    _seen("/v1/office/submissions", "listAllSubmissions", "全部报送 / Everybody's submissions",
          submissions, list[Submission], SubmissionsQuery),
    _seen("/v1/office/submissions/{submission}", "getAnySubmission", "一份报送 / One submission",
          submission, Submission),
    _seen("/v1/office/submissions/{submission}/rows", "listAnySubmissionRows", "逐行结果 / How its rows ended",
          submission_rows, list[RowsEnded], Paging),
    _seen("/v1/office/holds", "listHolds", "全部暂存 / What waits for two persons", all_holds, list[HoldDetail]),
    _seen("/v1/office/holds/{hold}", "getHold", "一项暂存 / One hold", hold, HoldDetail),
    _seen("/v1/office/reports", "listReports", "回盘 / Reports", reports, list[ReportLine], OfCompany, tag=_MATCH),
    _seen("/v1/office/reports/{report}", "getReport", "一份回盘 / One report", report, ReportLine, tag=_MATCH),
    _seen("/v1/office/reports/{report}/rows", "listReportRows", "回盘逐行判定 / A report's rows with their judgement",
          report_rows, list[RowJudged], Paging, tag=_MATCH),
    _seen("/v1/office/findings", "listFindings", "差异 / Findings", findings, list[FindingLine], FindingsQuery,
          tag=_MATCH),
    _seen("/v1/office/findings/{finding}", "getFinding", "一项差异 / One finding", finding, FindingLine, tag=_MATCH),
    _seen("/v1/office/findings/{finding}/history", "listFindingHistory", "差异的来历 / What a finding has been",
          finding_history, list[EventLine], tag=_MATCH),
    _seen("/v1/office/settlements", "listSettlements", "结算单 / Settlements", all_settlements,
          list[SettlementLine], OfCompany, tag=_MATCH),
    _seen("/v1/office/companies/{company}/settlements/{month}/{n}", "getSettlement", "一份结算单 / One settlement",
          settlement, Settlement, tag=_MATCH),
    _seen("/v1/office/pending", "listPending", "待关联 / Households on no account yet", pending,
          list[PendingMatch], Paging, tag=_HOME),
    _seen("/v1/office/households/{household}/months/{month}", "explainMonth",
          "为何有或没有额度 / Why, or why not: one household, one month", why, Explanation, ExplainQuery, tag=_HOME,
          right=Right.HOUSEHOLDS_FIND),
    Endpoint(
        method="POST", path="/v1/office/households/search", name="findHousehold", tag=_HOME,
        summary="按证件、身份证号或户号精确查找 / Find a household by one exact thing",
        work=find, right=Right.HOUSEHOLDS_FIND, body=LookUp, reply=HouseholdsFound, ask=True,
    ),
    _seen("/v1/office/audit", "listAudit", "审计记录 / Audit rows, newest first", audit_rows, list[AuditLine],
          AuditQuery, tag="审计 Audit", right=Right.AUDIT_SEE),
    # a company's own, by the same work
    _seen("/v1/reports", "listOwnReports", "本公司回盘 / One's own reports", reports, list[ReportLine], Paging,
          tag=_MATCH, right=Right.FINDINGS_OWN),
    _seen("/v1/reports/{report}", "getOwnReport", "本公司一份回盘 / One of one's own reports", report, ReportLine,
          tag=_MATCH, right=Right.FINDINGS_OWN),
    _seen("/v1/reports/{report}/rows", "listOwnReportRows", "回盘逐行判定 / Its rows with their judgement",
          report_rows, list[RowJudged], Paging, tag=_MATCH, right=Right.FINDINGS_OWN),
    _seen("/v1/findings", "listOwnFindings", "本公司差异 / One's own findings", findings, list[FindingLine],
          OwnFindingsQuery, tag=_MATCH, right=Right.FINDINGS_OWN),
    _seen("/v1/findings/{finding}", "getOwnFinding", "本公司一项差异 / One of one's own findings", finding,
          FindingLine, tag=_MATCH, right=Right.FINDINGS_OWN),
    _seen("/v1/settlements", "listOwnSettlements", "本公司结算单 / One's own settlements", all_settlements,
          list[SettlementLine], Paging, tag=_MATCH, right=Right.SETTLEMENTS_OWN),
    _seen("/v1/settlements/{month}/{n}", "getOwnSettlement", "本公司一份结算单 / One of one's own settlements",
          settlement, Settlement, tag=_MATCH, right=Right.SETTLEMENTS_OWN),
    Endpoint(
        method="GET", path="/v1/settlements/{month}/{n}/signature", name="getOwnSettlementSignature", tag=_MATCH,
        summary="结算单签名 / Its signature",
        work=settlement_signature, right=Right.SETTLEMENTS_OWN, produces=("application/octet-stream",),
    ),
)  # fmt: skip
