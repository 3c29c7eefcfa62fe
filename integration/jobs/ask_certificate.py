"""The one question of a service counter: is this certificate good for this benefit today? Yes, no, or ask the office.

It tells nothing else of the household, not even whether there is one, and every question is audited.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from sqlalchemy import Connection

from integration.clock import today
from integration.domain.households import GRANTING, Verdict
from integration.jobs.hub import Hub
from integration.jobs.month_keys import KeyJudge
from integration.jobs.registry_rows import certificate_key
from integration.storage import audit, registry
from integration.storage.engine import current_version
from integration.storage.pii import LookupKind
from schemas.registry import Certificate
from schemas.values import Month, Service


class Answer(StrEnum):
    """Whether a certificate is good; what cannot be decided is no refusal."""

    YES = "yes"
    NO = "no"
    ASK_THE_OFFICE = "ask_the_office"


class CertificateAnswer(msgspec.Struct, frozen=True):
    """The one answer, and the day for which it holds."""

    answer: Answer
    day: str


#: What the registry may not have told yet, or has told in two ways: the paper in hand may know better.
_UNDECIDED = (Verdict.NOT_IN_REGISTRY, Verdict.NOT_STARTED, Verdict.SPLIT_MONTH, Verdict.MERGED)


def ask_certificate(hub: Hub, certificate: Certificate, benefit: Service, *, actor: str) -> CertificateAnswer:
    """Answer the question; a certificate that is not known is not refused but sent to the office."""
    day = today(hub.clock)
    with hub.store.write() as connection:
        answer = _answer(hub, connection, certificate, benefit, Month.of(day))
        audit.record(connection, hub.clock, actor, "certificate_asked", benefit.value, {"answer": answer.value})
    return CertificateAnswer(answer, day.isoformat())


def _answer(hub: Hub, connection: Connection, certificate: Certificate, benefit: Service, month: Month) -> Answer:
    digest = hub.index.digest(LookupKind.CERTIFICATE, certificate_key(certificate))
    found = registry.households_by(connection, LookupKind.CERTIFICATE, [digest]).get(digest, set())
    if len(found) != 1:
        return Answer.ASK_THE_OFFICE
    (household,) = found
    judge = KeyJudge(connection, [household], current_version(connection), {month: hub.policy.at(month)})
    verdict = judge.verdict(household, benefit, month)
    if verdict in _UNDECIDED or judge.held(household, benefit, month):
        return Answer.ASK_THE_OFFICE
    return Answer.YES if verdict in GRANTING else Answer.NO
