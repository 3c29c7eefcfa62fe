"""What requests carry. Bulk records are described where they are defined, in ``schemas``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from integration.domain.rights import ClientKind, Right, Role
from integration.web.endpoints import PARAMETERS, JsonInt, Model
from schemas.findings import Acts, FindingKind
from schemas.registry import CertificateKind
from schemas.values import Service

_Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]
MonthText = Annotated[str, StringConstraints(pattern=f"^{PARAMETERS['month'][0]}$")]
CompanyCode = Annotated[str, StringConstraints(pattern=f"^{PARAMETERS['company'][0]}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]


# --- parts of long answers -------------------------------------------------------------------------------------


class Paging(Model):
    """Which part of a long answer is wanted: what comes after a cursor, and at most how much of it."""

    after: Annotated[int, Field(ge=0, le=10**12)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class UnfinishedQuery(Model):
    """The newest, all or those that are not finished."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    unfinished: bool = False


class OfCompany(Paging):
    """A part of what concerns one company, or all."""

    company: CompanyCode | None = None


class SubmissionsQuery(Paging):
    """A part of the submissions."""

    kind: Literal["registry", "roster", "aliases", "report"] | None = None


class OwnFindingsQuery(Paging):
    """A part of one's own findings: open ones, unless all are asked for."""

    month: MonthText | None = None
    kind: FindingKind | None = None
    acts: Acts | None = None
    all: bool = False


class FindingsQuery(OwnFindingsQuery):
    """A part of everybody's findings."""

    company: CompanyCode | None = None


class ContentQuery(Model):
    """Which rendering of a list: by name (csv, ndjson, xlsx, or company for the company's own form)."""

    rendering: Literal["csv", "ndjson", "xlsx", "company"] | None = None


class FileQuery(Model):
    """What a file is; the office also says whose."""

    kind: Literal["registry", "roster", "aliases", "report"]
    company: CompanyCode | None = None


class ExplainQuery(Model):
    """As known at which knowledge version; without one, as known now."""

    as_known: Annotated[int, Field(ge=0, le=10**12)] | None = None


class AuditQuery(Paging):
    """The newest audit rows, of one action or all."""

    action: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] | None = None


# --- requests ------------------------------------------------------------------------------------------------------


class SignIn(Model):
    """A person's log-in; ``code`` is the second factor's, ``device`` the mark that this device got before."""

    name: _Word
    password: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    device: Annotated[str, StringConstraints(max_length=200)] | None = None


class ReceiptOf(Model):
    """A company's word that it has a list: the SHA-256 (hex) of the manifest that it read."""

    manifest_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ReasonGiven(Model):
    """Why; kept for ever, so no ID number may stand in it."""

    reason: Reason


class Nothing(Model):
    """A request that says nothing beside its address."""


class RunRequest(Model):
    """How a month is computed; ``full`` looks at every household of the window."""

    full: bool = False


class SettleRequest(Model):
    """Whose report month is settled."""

    company: CompanyCode
    month: MonthText


class ReconcileRequest(Model):
    """What is reconciled: one company or all, what moved or everything."""

    company: CompanyCode | None = None
    full: bool = False


class LookUp(Model):
    """One exact thing that a person knows of a household: a certificate, a citizen ID, or an account."""

    certificate: CertificateOf | None = None
    id_number: Annotated[str, StringConstraints(min_length=15, max_length=18)] | None = None
    account: AccountOf | None = None


class CertificateOf(Model):
    """A certificate."""

    issuer: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: CertificateKind
    number: Annotated[str, StringConstraints(min_length=1, max_length=40)]


class CertificateQuestion(CertificateOf):
    """Whether a certificate is good for a benefit today."""

    benefit: Service


class AccountOf(Model):
    """An account at a company."""

    company: CompanyCode
    number: Annotated[str, StringConstraints(min_length=1, max_length=40)]


LookUp.model_rebuild()


class LinkConfirmed(Model):
    """Which link a person confirms."""

    household: Annotated[JsonInt, Field(ge=1, le=10**12)]
    service: Service


class NewClient(Model):
    """A machine to let in. Without ``rights`` it gets all of its kind.

    ``jwk`` is its public key, if it has one; with ``ssh_key``, one line as OpenSSH writes it, it comes in by SFTP.
    """

    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,59}$")]
    title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    kind: ClientKind
    party: _Word
    rights: list[Right] | None = None
    must_sign: bool = False
    must_tls: bool = False
    jwk: dict[str, str] | None = None
    certificate_pem: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    ssh_key: Annotated[str, StringConstraints(max_length=2_000)] | None = None


class Rotation(Model):
    """A client's next credential; the one before stays good for ``grace_s`` seconds."""

    grace_s: Annotated[JsonInt, Field(ge=0, le=30 * 86_400)] = 86_400
    jwk: dict[str, str] | None = None
    certificate_pem: Annotated[str, StringConstraints(max_length=20_000)] | None = None
    ssh_key: Annotated[str, StringConstraints(max_length=2_000)] | None = None


class NewUser(Model):
    """A person to let in."""

    name: Annotated[str, StringConstraints(pattern=r"^[^:/\s]{1,60}$")]
    role: Role
    password: Annotated[str, StringConstraints(min_length=8, max_length=200)]
    company: CompanyCode | None = None
    districts: tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")], ...] = ()


class RoleGiven(Model):
    """A person's next role; a company's operator belongs to a company."""

    role: Role
    company: CompanyCode | None = None
