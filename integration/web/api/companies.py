"""Companies: their lists, what they report, and what came of it. Another company's is as if it were not."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from integration.clock import now_us
from integration.domain.rights import Right
from integration.jobs.ask_certificate import CertificateAnswer, ask_certificate
from integration.jobs.check_file import Checked, check_file
from integration.storage import audit, receipts
from integration.storage.lists import Published
from integration.storage.overview import RowsEnded, Submission, at_text
from integration.storage.overview import lists_after as listed_after
from integration.web.answers import Accepted, ListLine, Receipt
from integration.web.api import shared
from integration.web.calls import Call, found
from integration.web.content import XLSX, Listed, TooManyRows, respond
from integration.web.endpoints import Endpoint, Reply
from integration.web.models import CertificateQuestion, ContentQuery, FileQuery, Paging, ReceiptOf, SubmissionsQuery
from integration.web.problems import Problem
from schemas.lists import Manifest
from schemas.registry import Certificate

_IMMUTABLE: Final = "private, max-age=31536000, immutable"


# --- lists -------------------------------------------------------------------------------------------------------


def own_lists(call: Call) -> Reply:
    """Give a page of the company's lists after a number."""
    query, company = call.asked(Paging), call.principal.party
    with call.hub.store.read() as connection:
        rows = listed_after(connection, company, query.after, query.limit)
        known = receipts.receipts_of(connection, company) if rows else {}
    return Reply(
        [
            ListLine(
                one.number, one.kind, one.service, one.month, one.published_at, one.rows, one.quantity_milli,
                at_text(known[one.number].at_us) if one.number in known else None,
                f"/v1/lists/{one.number}/manifest", f"/v1/lists/{one.number}/content",
            )
            for one in rows
        ]
    )  # fmt: skip


def own_list(call: Call) -> Published:
    """Return one of the company's lists: from memory, where it was asked for not long ago."""
    one: Listed = found(call.door.files.find(call.principal.party, call.number("number")))
    return one.published


def manifest(call: Call) -> Reply:
    """Give the manifest's very bytes; they never change."""
    return Reply(raw=own_list(call).manifest, headers={"Cache-Control": _IMMUTABLE})


def signature(call: Call) -> Reply:
    """Give the manifest's signature."""
    headers = {"Cache-Control": _IMMUTABLE}
    return Reply(raw=own_list(call).signature, headers=headers, media_type="application/octet-stream")


async def content(call: Call) -> web.StreamResponse:
    """Give a list's content from the file that is kept of it."""
    company, number = call.principal.party, call.number("number")
    files = call.door.files
    known = files.listed(company, number) or await call.door.in_thread(lambda: files.find(company, number))
    signed: Manifest = found(known).manifest
    name = call.asked(ContentQuery).rendering or _wanted(signed, call.request.headers.get("Accept", "*/*"))
    if name == "xlsx":
        return await _sheet(call, signed)
    rendering = next((one for one in signed.renderings if one.name == name), None)
    if rendering is None:
        raise Problem("NOT_ACCEPTABLE", _forms(signed))
    path = files.at_hand(company, number, rendering)
    if path is None:
        path = await call.door.in_thread(partial(files.path_of, company, number, signed, rendering))
    await _note(call, name)
    return respond(path, rendering.media_type, rendering.file_name)


async def _sheet(call: Call, signed: Manifest) -> web.StreamResponse:
    company, number = call.principal.party, call.number("number")
    try:
        path = await call.door.in_thread(lambda: call.door.files.xlsx_of(company, number, signed))
    except TooManyRows:
        detail = "行数超过一张工作表，请取 CSV / more rows than a sheet holds; take csv"
        raise Problem("NOT_ACCEPTABLE", detail) from None
    await _note(call, "xlsx")
    return respond(path, XLSX, f"{company}-{number:06}.xlsx")


_CANONICAL: Final = {"text/csv": "csv", "application/x-ndjson": "ndjson", XLSX: "xlsx"}


def _wanted(signed: Manifest, accept: str) -> str:
    """Return the rendering that an Accept header asks for; without any wish, the company's own, else CSV."""
    own = "company" if any(one.name == "company" for one in signed.renderings) else "csv"
    asked = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for one in asked:
        if one in _CANONICAL:
            return _CANONICAL[one]
        if one in ("*/*", "application/*", "text/*", ""):
            return own
    raise Problem("NOT_ACCEPTABLE", _forms(signed))


def _forms(signed: Manifest) -> str:
    names = ", ".join([*(one.name for one in signed.renderings), "xlsx"])
    return f"可用：{names} / to be had: {names}"


async def _note(call: Call, rendering: str) -> None:
    """Note the first time that a list was collected: a disclosure that the audit can show."""
    if (call.principal.party, call.number("number"), rendering) not in call.door.collected:
        await call.door.in_thread(lambda: _collected(call, rendering))


def _collected(call: Call, rendering: str) -> None:
    company, number, actor = call.principal.party, call.number("number"), call.principal.actor
    with call.hub.store.write() as connection:
        if receipts.note_collected(connection, call.hub.clock, company, number, rendering, actor):
            audit.record(
                connection, call.hub.clock, actor, "list_collected", f"{company}:{number}", {"rendering": rendering}
            )
    call.door.collected.add((company, number, rendering))


def send_receipt(call: Call) -> Reply:
    """Take the company's word that it has a list; the digest shows that it is the list which was signed."""
    one, said = own_list(call), call.said(ReceiptOf)
    if said.manifest_sha256 != hashlib.sha256(one.manifest).hexdigest():
        detail = "摘要与该清单不符，请重新下载 / this is not the digest of the manifest; fetch it again"
        raise Problem("CONFLICT", detail)
    company, actor = call.principal.party, call.principal.actor
    with call.hub.store.write() as connection:
        known = receipts.find_receipt(connection, company, one.number)
        if known is None:
            known = receipts.Receipt(company, one.number, now_us(call.hub.clock), actor, said.manifest_sha256)
            receipts.record_receipt(connection, known)
            audit.record(connection, call.hub.clock, actor, "list_acknowledged", f"{company}:{one.number}", {})
    return Reply(Receipt(known.number, known.manifest_sha256, at_text(known.at_us)))


# --- what it sends -----------------------------------------------------------------------------------------------


def send_roster(call: Call) -> Reply:
    """Keep the company's roster."""
    return shared.keep(call, "roster", call.principal.party)


def send_aliases(call: Call) -> Reply:
    """Keep the company's renumberings."""
    return shared.keep(call, "aliases", call.principal.party)


def send_report(call: Call) -> Reply:
    """Keep the company's report: an original, a replacement or a supplement, as its own head says."""
    return shared.keep(call, "report", call.principal.party)


def own_submissions(call: Call) -> Reply:
    """Give a page of one's own submissions."""
    return shared.submissions_page(call, call.principal.party)


def own_submission(call: Call) -> Reply:
    """Give one of one's own submissions."""
    return Reply(shared.submission(call, call.principal.party))


def own_submission_rows(call: Call) -> Reply:
    """Give how the rows of one's own submission ended; what is unchanged is not named."""
    return Reply(shared.in_words(shared.submission_rows(call, call.principal.party), call.language))


def check(call: Call) -> Reply:
    """Tell what would become of a file; nothing of it is kept."""
    kind, party = call.asked(FileQuery).kind, call.principal.party
    right = {"registry": Right.REGISTRY_SEND, "report": Right.REPORTS_SEND}.get(kind, Right.ROSTERS_SEND)
    if right not in call.principal.rights:
        raise Problem("NOT_ALLOWED")
    checked = check_file(call.hub, kind, party, call.file.content)
    return Reply(msgspec.structs.replace(checked, rows=shared.in_words(checked.rows, call.language)))


def ask(call: Call) -> Reply:
    """Answer whether a certificate is good for a benefit of the company's today."""
    said = call.said(CertificateQuestion)
    if said.benefit not in call.hub.companies[call.principal.party].services:
        raise Problem("NOT_ALLOWED", "非本公司的服务 / not a service of this company")
    certificate = Certificate(said.issuer, said.kind, said.number)
    return Reply(ask_certificate(call.hub, certificate, said.benefit, actor=call.principal.actor))


_LISTS: Final = "名单 Lists"
_FILES: Final = "报送 Files"

ENDPOINTS: Final = (
    Endpoint(
        method="GET", path="/v1/lists", name="listLists", tag=_LISTS,
        summary="游标之后的名单，编号连续无缺 / One's lists after a number; numbers have no gaps",
        work=own_lists, right=Right.LISTS_OWN, query=Paging, reply=list[ListLine], quick=True,
    ),
    Endpoint(
        method="GET", path="/v1/lists/{number}/manifest", name="getManifest", tag=_LISTS,
        summary="名单的签名清单 / A list's signed summary",
        work=manifest, right=Right.LISTS_OWN, reply=Manifest, quick=True,
    ),
    Endpoint(
        method="GET", path="/v1/lists/{number}/signature", name="getManifestSignature", tag=_LISTS,
        summary="清单的 Ed25519 签名 / The manifest's Ed25519 signature",
        work=signature, right=Right.LISTS_OWN, produces=("application/octet-stream",), quick=True,
    ),
    Endpoint(
        method="GET", path="/v1/lists/{number}/content", name="getContent", tag=_LISTS,
        summary="名单内容：本公司格式、CSV、NDJSON 或 XLSX / A list's content, in one's own form or a canonical one",
        stream=content, right=Right.LISTS_OWN, query=ContentQuery,
        produces=("text/csv", "application/x-ndjson", XLSX, "text/plain", "application/octet-stream"),
        problems=("NOT_ACCEPTABLE",), ranged=True,
    ),
    Endpoint(
        method="POST", path="/v1/lists/{number}/receipt", name="sendReceipt", tag=_LISTS,
        summary="回执：已收到名单 / Say that one has a list",
        work=send_receipt, right=Right.LISTS_OWN, body=ReceiptOf, reply=Receipt, write=True,
        problems=("CONFLICT",),
    ),
    Endpoint(
        method="POST", path="/v1/rosters", name="sendRoster", tag=_FILES,
        summary="报送用户档案 / Send one's roster",
        work=send_roster, right=Right.ROSTERS_SEND, body=shared.FILE, reply=Accepted, status=202, write=True,
    ),
    Endpoint(
        method="POST", path="/v1/aliases", name="sendAliases", tag=_FILES,
        summary="报送换号 / Send renumberings",
        work=send_aliases, right=Right.ROSTERS_SEND, body=shared.FILE, reply=Accepted, status=202, write=True,
    ),
    Endpoint(
        method="POST", path="/v1/reports", name="sendReport", tag=_FILES,
        summary="报送回盘（原始、替换、补充） / Send a report: original, replacement or supplement",
        work=send_report, right=Right.REPORTS_SEND, body=shared.FILE, reply=Accepted, status=202, write=True,
    ),
    Endpoint(
        method="GET", path="/v1/submissions", name="listSubmissions", tag=_FILES,
        summary="本单位的报送 / What one has sent",
        work=own_submissions, right=Right.SUBMISSIONS_OWN, query=SubmissionsQuery, reply=list[Submission],
    ),
    Endpoint(
        method="GET", path="/v1/submissions/{submission}", name="getSubmission", tag=_FILES,
        summary="一份报送的结果 / What became of a submission",
        work=own_submission, right=Right.SUBMISSIONS_OWN, reply=Submission,
    ),
    Endpoint(
        method="GET", path="/v1/submissions/{submission}/rows", name="listSubmissionRows", tag=_FILES,
        summary="逐行结果与办法 / How its rows ended, and what to do",
        work=own_submission_rows, right=Right.SUBMISSIONS_OWN, query=Paging, reply=list[RowsEnded],
    ),
    Endpoint(
        method="POST", path="/v1/checks", name="checkFile", tag=_FILES,
        summary="试查文件：同样的判断，不留存 / Check a file before sending it: the same verdicts, nothing kept",
        work=check, right=Right.FILES_CHECK, query=FileQuery, body=shared.SMALL_FILE, reply=Checked, ask=True,
        problems=("MESSAGE_REUSED",),
    ),
    Endpoint(
        method="POST", path="/v1/certificates/questions", name="askCertificate", tag="柜台 Counter",
        summary="此证今日可否享受此项减免：是、否、请询帮扶办 / Is this certificate good for this benefit today",
        work=ask, right=Right.CERTIFICATES_ASK, body=CertificateQuestion, reply=CertificateAnswer, ask=True,
    ),
)  # fmt: skip
