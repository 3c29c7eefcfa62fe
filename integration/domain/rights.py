"""The one permission matrix: who may do what, at every door. Default deny.

A right is what somebody may do; a person's come from the one role that they have, a machine's from what it is for. The
three administrators are pairwise disjoint and hold nothing of the business; who proposes does not approve.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """Something that can be allowed; the word is also the scope that a machine's token names."""

    # machines
    REGISTRY_SEND = "registry:send"
    ROSTERS_SEND = "rosters:send"
    REPORTS_SEND = "reports:send"
    SUBMISSIONS_OWN = "submissions:own"
    HOLDS_OWN = "holds:own"
    LISTS_OWN = "lists:own"
    FINDINGS_OWN = "findings:own"
    SETTLEMENTS_OWN = "settlements:own"
    CERTIFICATES_ASK = "certificates:ask"
    FILES_CHECK = "files:check"
    # the office
    FILES_TAKE = "files:take"
    BUSINESS_SEE = "business:see"
    HOUSEHOLDS_FIND = "households:find"
    HOUSEHOLDS_ERASE = "households:erase"
    HOLDS_PROPOSE = "holds:propose"
    HOLDS_DECIDE = "holds:decide"
    LINKS_CONFIRM = "links:confirm"
    DECISIONS_PROPOSE = "decisions:propose"
    DECISIONS_APPROVE = "decisions:approve"
    CASES_WORK = "cases:work"
    CASES_APPROVE = "cases:approve"
    MONTHS_RUN = "months:run"
    MONTHS_SETTLE = "months:settle"
    VARIANCES_EXPLAIN = "variances:explain"
    VARIANCES_DECIDE = "variances:decide"
    SAMPLES_DRAW = "samples:draw"
    SAMPLES_RECORD = "samples:record"
    # the administrators
    SERVICE_SEE = "service:see"
    SERVICE_RUN = "service:run"
    ACCESS_MANAGE = "access:manage"
    AUDIT_SEE = "audit:see"
    #: Everybody's own session.
    SESSION_OWN = "session:own"


class Role(StrEnum):
    """What a person is; nobody has two roles."""

    CLERK = "clerk"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    COMPANY_OPERATOR = "company_operator"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"


class ClientKind(StrEnum):
    """What a machine is for."""

    COMPANY = "company"
    CIVIL_AFFAIRS = "civil_affairs"


ADMINISTRATORS: Final = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)

_OWN: Final = frozenset(
    {Right.LISTS_OWN, Right.REPORTS_SEND, Right.SUBMISSIONS_OWN, Right.FINDINGS_OWN, Right.SETTLEMENTS_OWN}
) | {Right.FILES_CHECK}

ROLE_RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.CLERK: frozenset(
        {
            Right.FILES_TAKE, Right.FILES_CHECK, Right.BUSINESS_SEE, Right.HOUSEHOLDS_FIND, Right.HOLDS_PROPOSE,
            Right.LINKS_CONFIRM, Right.CASES_WORK, Right.DECISIONS_PROPOSE, Right.MONTHS_RUN, Right.VARIANCES_EXPLAIN,
            Right.SAMPLES_RECORD, Right.SESSION_OWN,
        }
    ),
    Role.SUPERVISOR: frozenset(
        {
            Right.FILES_TAKE, Right.FILES_CHECK, Right.BUSINESS_SEE, Right.HOUSEHOLDS_FIND, Right.HOUSEHOLDS_ERASE,
            Right.HOLDS_PROPOSE, Right.HOLDS_DECIDE, Right.LINKS_CONFIRM, Right.CASES_WORK, Right.CASES_APPROVE,
            Right.DECISIONS_PROPOSE, Right.DECISIONS_APPROVE,
            Right.MONTHS_RUN, Right.MONTHS_SETTLE, Right.VARIANCES_EXPLAIN, Right.VARIANCES_DECIDE,
            Right.SAMPLES_DRAW, Right.SESSION_OWN,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Right.BUSINESS_SEE, Right.HOUSEHOLDS_FIND, Right.AUDIT_SEE, Right.SAMPLES_DRAW, Right.SAMPLES_RECORD,
            Right.SESSION_OWN,
        }
    ),
    Role.COMPANY_OPERATOR: _OWN | {Right.VARIANCES_EXPLAIN, Right.SESSION_OWN},
    Role.SYSTEM_ADMIN: frozenset({Right.SERVICE_SEE, Right.SERVICE_RUN, Right.SESSION_OWN}),
    Role.SECURITY_ADMIN: frozenset({Right.ACCESS_MANAGE, Right.SESSION_OWN}),
    Role.AUDIT_ADMIN: frozenset({Right.AUDIT_SEE, Right.SESSION_OWN}),
}  # fmt: skip

CLIENT_RIGHTS: Final[Mapping[ClientKind, frozenset[Right]]] = {
    ClientKind.COMPANY: _OWN | {Right.ROSTERS_SEND, Right.CERTIFICATES_ASK},
    ClientKind.CIVIL_AFFAIRS: frozenset(
        {Right.REGISTRY_SEND, Right.SUBMISSIONS_OWN, Right.HOLDS_OWN, Right.FILES_CHECK}
    ),
}


def may(role: Role, right: Right) -> bool:
    """Tell whether a person of this role may do it."""
    return right in ROLE_RIGHTS[role]


def roles_with(right: Right) -> tuple[Role, ...]:
    """Return the roles that may do it, for a refusal that says whom to ask."""
    return tuple(role for role in Role if may(role, right))
