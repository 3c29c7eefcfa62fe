"""The words of cases 工单, in Chinese and in English: what each kind is about, where it stands, what can happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.cases import CaseEvent, CaseKind, CaseState

Words = tuple[str, str]

KINDS: Final[Mapping[CaseKind, Words]] = {
    CaseKind.UNDETERMINED: ("是否减免无法确定", "cannot be determined"),
    CaseKind.DUPLICATE_PERSON: ("一人在两证", "one person in two certificates"),
    CaseKind.SHARED_ACCOUNT: ("两户合用一户号", "two households on one account"),
    CaseKind.NON_DOMESTIC: ("非居民户号", "non-domestic account"),
    CaseKind.PENDING_MATCH: ("户号未找到", "no account found"),
    CaseKind.WRONG_LINK: ("关联有误", "wrong link"),
    CaseKind.SPLIT_OR_MERGE: ("分户或合并", "split or merge"),
    CaseKind.BILL_SAMPLE: ("抽查账单", "bill to be checked"),
    CaseKind.VARIANCE: ("变动待说明", "change to be explained"),
    CaseKind.CLAW_BACK: ("追回", "claw-back"),
    CaseKind.OBJECTION: ("异议", "objection"),
}

STATES: Final[Mapping[CaseState, Words]] = {
    CaseState.OPEN: ("待办", "open"),
    CaseState.ASKED: ("已询问公司", "company asked"),
    CaseState.RESOLVED: ("待批准", "to be approved"),
    CaseState.CLOSED: ("已办结", "closed"),
    CaseState.GONE: ("原因已消除", "cause gone"),
}

EVENTS: Final[Mapping[CaseEvent, Words]] = {
    CaseEvent.OPENED: ("立案", "opened"),
    CaseEvent.ASSIGNED: ("指派", "assigned"),
    CaseEvent.NOTED: ("备注", "noted"),
    CaseEvent.ASKED_COMPANY: ("询问公司", "company asked"),
    CaseEvent.ANSWERED: ("公司已答复", "company answered"),
    CaseEvent.RESOLVED: ("提出处理结果", "resolved"),
    CaseEvent.APPROVED: ("批准", "approved"),
    CaseEvent.REOPENED: ("重新办理", "reopened"),
    CaseEvent.CAUSE_GONE: ("原因已消除", "cause gone"),
}
