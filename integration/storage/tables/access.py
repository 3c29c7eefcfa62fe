"""Who may come in: persons and their sessions, machines and their credentials, and what was seen once already.

Secrets stand here only as hashes (argon2id, SHA-256) or sealed; what is public (keys, certificates' digests) as it is.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, SmallInteger, Table, Text

from integration.storage.tables.columns import Code, bytes_column, code_column, int_column, metadata

#: Known persons. ``districts`` is a JSON array of six-digit codes, empty for all; ``company`` only of its operators.
#: ``totp_sealed`` is the sealed secret of the second factor, ``totp_step`` the last time step it was used in.
users = Table(
    "users",
    metadata,
    Column("name", Code, primary_key=True),
    code_column("role"),
    code_column("password_hash"),
    int_column("created_us"),
    Column("disabled", SmallInteger, nullable=False, server_default="0"),
    code_column("company", nullable=True),
    Column("districts", Text, nullable=False, server_default="[]"),
    int_column("password_us", server_default="0"),
    bytes_column("totp_sealed", nullable=True),
    int_column("totp_step", server_default="0"),
)

#: Sessions of persons, by the SHA-256 of their token; ended by log-out, a change of the person, or an administrator.
sessions = Table(
    "sessions",
    metadata,
    Column("token_sha256", Code, primary_key=True),
    Column("name", Code, ForeignKey("users.name"), nullable=False),
    int_column("created_us"),
    int_column("seen_us"),
    int_column("ended_us", nullable=True),
    Index(None, "name"),
)

#: Failed log-ins of a name from a source. A source is a keyed digest: of the network address, or of the mark that a
#: person's own device got at its last log-in, so that whoever guesses from elsewhere locks out nobody but himself.
login_failures = Table(
    "login_failures",
    metadata,
    Column("name", Code, primary_key=True),
    Column("source", Code, primary_key=True),
    Column("failures", Integer, nullable=False),
    int_column("last_us"),
    int_column("locked_until_us"),
)

#: Machines. ``kind`` is company or civil_affairs; ``party`` the company's code or the registry's source. ``rights`` is
#: a JSON array. ``epoch`` grows with each revocation or rotation: tokens of an earlier one are worth nothing.
clients = Table(
    "clients",
    metadata,
    Column("client_id", Code, primary_key=True),
    Column("title", Text, nullable=False),
    code_column("kind"),
    code_column("party"),
    Column("rights", Text, nullable=False),
    Column("must_sign", SmallInteger, nullable=False, server_default="0"),
    Column("must_tls", SmallInteger, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="1"),
    int_column("created_us"),
    int_column("revoked_us", nullable=True),
)

#: What a machine proves itself with: ``secret`` (SHA-256 of 256 random bits), ``key`` (public JWK, also for signatures)
#: or ``certificate`` (SHA-256 of its DER). A rotated one stays good until ``ends_us``.
credentials = Table(
    "credentials",
    metadata,
    Column("client_id", Code, ForeignKey("clients.client_id"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    code_column("kind"),
    Column("value", Text, nullable=False),
    code_column("key_id", nullable=True),
    int_column("created_us"),
    int_column("ends_us", nullable=True),
    Index(None, "kind", "key_id"),
)

#: Nonces and token ids seen already, shared by all replicas; deleted once their time is over.
nonces = Table(
    "nonces",
    metadata,
    Column("client_id", Code, primary_key=True),
    Column("nonce", Code, primary_key=True),
    int_column("ends_us"),
    Index(None, "ends_us"),
)

#: What was answered to a write, kept for ever: the same key and request again gets the same bytes (promise B1).
#: ``request_mac`` is a keyed digest of method, path and body; ``body`` is free of personal data.
replies = Table(
    "replies",
    metadata,
    Column("principal", Code, primary_key=True),
    Column("request_key", Code, primary_key=True),
    bytes_column("request_mac"),
    int_column("at_us"),
    Column("status", Integer, nullable=False),
    code_column("location", nullable=True),
    Column("body", Text, nullable=False),
)

#: A company's word that it has a list 回执, once a list.
receipts = Table(
    "receipts",
    metadata,
    Column("company", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    int_column("at_us"),
    code_column("client_id"),
    code_column("manifest_sha256"),
)

#: The first time a company collected a rendering of a list.
collections = Table(
    "collections",
    metadata,
    Column("company", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rendering", Code, primary_key=True),
    int_column("at_us"),
    code_column("client_id"),
)
