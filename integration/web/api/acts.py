"""The office's acts: files taken in, holds decided, months run, published, reconciled and settled."""

from __future__ import annotations

from typing import Any, Final

from integration.domain.rights import Right
from integration.jobs.compute_month import RunSummary, compute_month
from integration.jobs.decide_hold import Decision, approve_release, propose_release, reject_hold
from integration.jobs.link_accounts import LinkSummary, link_accounts
from integration.jobs.match_queue import confirm_link
from integration.jobs.publish import PublishResult, publish_month
from integration.jobs.reconcile import Reconciliation, reconcile
from integration.jobs.settle import SettleResult, settle
from integration.web.answers import Accepted, Done
from integration.web.api import shared
from integration.web.calls import Call, asked_company
from integration.web.endpoints import Endpoint, Model, Reply, Work
from integration.web.models import (
    FileQuery,
    LinkConfirmed,
    Nothing,
    ReasonGiven,
    ReconcileRequest,
    RunRequest,
    SettleRequest,
)
from integration.web.problems import Problem
from schemas.values import Month


def take_file(call: Call) -> Reply:
    """Keep a file that came to the office on another way."""
    query = call.asked(FileQuery)
    if (query.kind == "registry") == (query.company is not None):
        raise Problem("BAD_PARAMETER", "登记文件不写 company，其他文件须写 / company is for all kinds but registry")
    sender = call.hub.registry_source if query.company is None else asked_company(call, query.company)
    return shared.keep(call, query.kind, sender)


def propose(call: Call) -> Reply:
    """Propose that a hold be released."""
    reason = call.said(ReasonGiven).reason
    return Reply(propose_release(call.hub, call.number("hold"), reason, actor=call.principal.actor))


def approve(call: Call) -> Reply:
    """Approve what another person has proposed; its effect follows at once."""
    return Reply(approve_release(call.hub, call.number("hold"), actor=call.principal.actor))


def reject(call: Call) -> Reply:
    """Reject what is held."""
    return Reply(reject_hold(call.hub, call.number("hold"), actor=call.principal.actor))


def link(call: Call) -> Reply:
    """Link households and accounts wherever something moved."""
    return Reply(link_accounts(call.hub, actor=call.principal.actor))


def confirm(call: Call) -> Reply:
    """Confirm the link of a second household on a shared account."""
    said = call.said(LinkConfirmed)
    confirm_link(call.hub, said.household, said.service, actor=call.principal.actor)
    return Reply(Done())


def run(call: Call) -> Reply:
    """Compute a month."""
    month, full = Month.parse(call.word("month")), call.said(RunRequest).full
    return Reply(compute_month(call.hub, month, actor=call.principal.actor, full=full))


def publish(call: Call) -> Reply:
    """Publish a month's lists, or what came since as supplements."""
    return Reply(publish_month(call.hub, Month.parse(call.word("month")), actor=call.principal.actor))


def reconcile_now(call: Call) -> Reply:
    """Bring draws, findings and balances up to what is known."""
    said = call.said(ReconcileRequest)
    company = None if said.company is None else asked_company(call, said.company)
    return Reply(reconcile(call.hub, actor=call.principal.actor, full=said.full, company=company))


def settle_month(call: Call) -> Reply:
    """Settle a company's report month, or adjust what was settled."""
    said = call.said(SettleRequest)
    company, month = asked_company(call, said.company), Month.parse(said.month)
    return Reply(settle(call.hub, company, month, actor=call.principal.actor))


_ACTS: Final = "办理 Acts"


def _act(
    path: str, name: str, summary: str, work: Work, right: Right, reply: Any, body: type[Model] = Nothing
) -> Endpoint:
    """Return an act of the office's."""
    return Endpoint(
        method="POST", path=path, name=name, tag=_ACTS, summary=summary, work=work, right=right, reply=reply,
        body=body, write=True, problems=("REFUSED",),
    )  # fmt: skip


ENDPOINTS: Final = (
    Endpoint(
        method="POST", path="/v1/office/files", name="takeFile", tag=_ACTS,
        summary="代收文件 / Take in a file that came on another way",
        work=take_file, right=Right.FILES_TAKE, query=FileQuery, body=shared.FILE, reply=Accepted, status=202,
        write=True, problems=("MESSAGE_REUSED",),
    ),
    _act("/v1/office/holds/{hold}/proposal", "proposeRelease", "提出放行 / Propose release of a hold", propose,
         Right.HOLDS_PROPOSE, Decision, ReasonGiven),
    _act("/v1/office/holds/{hold}/approval", "approveRelease", "批准放行 / Approve what another proposed", approve,
         Right.HOLDS_DECIDE, Decision),
    _act("/v1/office/holds/{hold}/rejection", "rejectHold", "否决 / Reject what is held", reject,
         Right.HOLDS_DECIDE, Decision),
    _act("/v1/office/links", "linkAccounts", "关联有变动的家庭与户号 / Link wherever something moved", link,
         Right.MONTHS_RUN, LinkSummary),
    _act("/v1/office/links/confirmations", "confirmLink", "确认共用户号 / Confirm a link on a shared account", confirm,
         Right.LINKS_CONFIRM, Done, LinkConfirmed),
    _act("/v1/office/months/{month}/run", "runMonth", "计算一个月 / Compute a month", run,
         Right.MONTHS_RUN, RunSummary, RunRequest),
    _act("/v1/office/months/{month}/publication", "publishMonth", "下发一个月的名单 / Publish a month's lists", publish,
         Right.MONTHS_RUN, list[PublishResult]),
    _act("/v1/office/reconciliations", "reconcile", "核对 / Reconcile", reconcile_now,
         Right.MONTHS_RUN, list[Reconciliation], ReconcileRequest),
    _act("/v1/office/settlements", "settle", "结算或出具调整 / Settle a month, or adjust it", settle_month,
         Right.MONTHS_SETTLE, SettleResult, SettleRequest),
)  # fmt: skip
