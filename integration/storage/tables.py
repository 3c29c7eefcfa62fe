"""Every table of the hub.

Conventions: days are integers YYYYMMDD (``OPEN_DAY`` = no end), months YYYYMM, instants ``_us`` = microseconds since
the epoch in UTC, quantities ``_milli``. ``known_from`` / ``known_to`` are knowledge versions: a row is known at version
k when ``known_from <= k < known_to``; ``known_to`` is OPEN_VERSION until its successor closes it, and nothing else in
a fact ever changes (migration 0001 puts triggers under that sentence). Personal data stands in ``sealed_records``,
``household_keys``, ``lookups``, ``account_holders`` and ``submission_chunks`` alone, and only encrypted or as keyed
digests.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

OPEN_VERSION: Final = 2**62
#: The place "none yet" of a posting: due, but on no account so far.
NO_PLACE: Final = 0

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: 64-bit everywhere; on SQLite a single-column INTEGER key is the row id itself.
Id = BigInteger().with_variant(Integer, "sqlite")
#: Text compared byte by byte on both databases, so that lists sort the same.
Code = String().with_variant(String(collation="C"), "postgresql")


def _id(name: str, **options: Any) -> Column[int]:
    return Column(name, Id, primary_key=True, autoincrement=False, **options)


def _int(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


def _code(name: str, **options: Any) -> Column[str]:
    return Column(name, Code, nullable=options.pop("nullable", False), **options)


def _bytes(name: str, **options: Any) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=options.pop("nullable", False), **options)


# --- knowledge -------------------------------------------------------------------------------------------------

#: One gapless number for everything the hub learns; assigned under one lock in the transaction that learns it.
knowledge = Table(
    "knowledge",
    metadata,
    _id("version"),
    _int("at_us"),
    _code("kind"),  # registry, roster, links, policy, decision
    _int("submission_id", nullable=True),
)

#: Dated policy as it was loaded, whole, so that an old list can be recomputed under the policy of its day.
policies = Table(
    "policies",
    metadata,
    _id("known_from"),
    _code("sha256"),
    Column("content", Text, nullable=False),
)

# --- submissions -----------------------------------------------------------------------------------------------

#: Anything that arrives 报送. ``content_mac`` is a keyed digest of the bytes; ``reply`` is free of personal data.
submissions = Table(
    "submissions",
    metadata,
    _id("submission_id"),
    _code("sender"),
    _code("kind"),  # registry, roster, aliases
    _code("message_id"),
    _bytes("content_mac"),
    _int("received_us"),
    _int("size"),
    UniqueConstraint("sender", "kind", "message_id"),
    Index(None, "sender", "content_mac"),
)

#: What became of a submission; append-only, the newest row is its state.
submission_events = Table(
    "submission_events",
    metadata,
    Column("submission_id", Id, ForeignKey("submissions.submission_id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    _int("at_us"),
    _code("state"),  # received, applied, held, refused, superseded
    _int("version", nullable=True),
    Column("reply", Text, nullable=False),
)

#: The raw bytes, compressed and encrypted in chunks; deleted after the retention period.
submission_chunks = Table(
    "submission_chunks",
    metadata,
    # deferred: the digest in the submission's own row is known only when the last chunk has been read
    Column(
        "submission_id",
        Id,
        ForeignKey("submissions.submission_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    Column("n", Integer, primary_key=True),
    _bytes("sealed"),
)

#: Row outcomes as runs of equal neighbours: rows ``first_row``..``last_row`` ended the same way for the same reason.
submission_outcomes = Table(
    "submission_outcomes",
    metadata,
    Column("submission_id", Id, ForeignKey("submissions.submission_id"), primary_key=True),
    Column("first_row", BigInteger, primary_key=True),
    Column("n", Integer, primary_key=True),
    _int("last_row"),
    _code("outcome"),
    _code("column"),
    _code("code"),
    Column("text", Text, nullable=False),
)

#: Accepted full snapshots: their position and as-of day decide what absence means (see domain.households).
snapshots = Table(
    "snapshots",
    metadata,
    _id("submission_id"),
    _code("source"),
    _int("position"),
    _int("as_of"),
    _int("known_from"),
    Column("districts", Text, nullable=False),
    UniqueConstraint("source", "position"),
)

#: A change of an unknown certificate, waiting for the snapshot that brings its household (edge case 74).
parked_rows = Table(
    "parked_rows",
    metadata,
    _id("parked_id"),
    _int("submission_id"),
    _int("row"),
    _bytes("certificate"),
    _bytes("sealed"),
    _int("known_from"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "certificate"),
)

#: Something waiting for two persons 暂存. The database itself refuses that one person does both.
holds = Table(
    "holds",
    metadata,
    _id("hold_id"),
    _code("door"),  # snapshot, deltas, roster, list
    _code("subject"),
    _int("at_us"),
    Column("trips", Text, nullable=False),
    _code("state", server_default="open"),  # open, proposed, released, rejected
    _code("proposed_by", nullable=True),
    Column("reason", Text),
    _code("approved_by", nullable=True),
    _int("decided_us", nullable=True),
    CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name="two_persons"),
    CheckConstraint("state <> 'released' OR approved_by IS NOT NULL", name="released_by_somebody"),
)

# --- households and facts --------------------------------------------------------------------------------------

households = Table("households", metadata, _id("household_id"), _code("source"), _int("created"))

#: Each household's own data key, wrapped by the hub's key. Deleting a row makes everything sealed under it unreadable.
household_keys = Table(
    "household_keys",
    metadata,
    _id("household_id"),
    _code("key_id"),
    _bytes("wrapped"),
)

#: All that the rules read of a record, once per distinct combination: a decision table names these, not households.
standings = Table(
    "standings",
    metadata,
    _id("standing_id"),
    _code("category"),
    _code("status"),
    _int("certificate_from"),
    _int("certificate_to"),
    _int("alive_to"),
    UniqueConstraint("category", "status", "certificate_from", "certificate_to", "alive_to"),
)

#: Registry records as accepted, in order of acceptance. ``digest`` covers the whole record, keyed.
records = Table(
    "records",
    metadata,
    _id("household_id"),
    _id("record_id"),
    _int("submission_id"),
    _int("effective_on"),
    _int("source_version"),
    _int("standing_id"),
    _code("district"),
    _bytes("digest"),
    _int("known_from"),
    Index(None, "digest", unique=True),
    sqlite_with_rowid=False,
)

#: The personal part of a record: names, ID numbers, address, certificate numbers, as one AEAD blob.
sealed_records = Table(
    "sealed_records",
    metadata,
    _id("household_id"),
    _id("record_id"),
    _bytes("sealed"),
    sqlite_with_rowid=False,
)

#: Where a household's presence in the snapshots changes, by position; before its first row it is present.
presences = Table(
    "presences",
    metadata,
    _id("household_id"),
    _id("position"),
    Column("present", SmallInteger, nullable=False),
    _int("known_from"),
    sqlite_with_rowid=False,
)

#: The timeline: from ``valid_from`` to ``valid_to`` the household stood as its record says.
facts = Table(
    "facts",
    metadata,
    _id("household_id"),
    _id("known_from"),
    _id("valid_from"),
    _int("valid_to"),
    _int("standing_id"),
    _code("district"),
    _int("record_id"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    sqlite_with_rowid=False,
)
Index("ix_facts_known_from", facts.c.known_from)
Index(
    "ix_facts_known_to",
    facts.c.known_to,
    sqlite_where=facts.c.known_to < OPEN_VERSION,
    postgresql_where=facts.c.known_to < OPEN_VERSION,
)

#: What each submission moved, per district: the sum of ends since the last lists is one door of the brake.
movements = Table(
    "movements",
    metadata,
    _id("version"),
    Column("district", Code, primary_key=True),
    _code("kind"),
    _int("ends"),
    _int("additions"),
    _int("changes"),
)

#: Households that share a person with another, as found at import: their due is judged one by one (edge case 44).
contests = Table(
    "contests",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _id("household_id"),
    _int("known_from"),
    sqlite_with_rowid=False,
)

#: Keyed digests by which a household is found: certificate, person, name, place, address. Dated like facts.
lookups = Table(
    "lookups",
    metadata,
    Column("kind", SmallInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    _id("household_id"),
    _id("known_from"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "household_id"),
    sqlite_with_rowid=False,
)

#: Account numbers that a household named to civil affairs: evidence for a link, never a link.
claims = Table(
    "claims",
    metadata,
    _id("household_id"),
    Column("company", Code, primary_key=True),
    _id("known_from"),
    _code("number"),
    _int("since"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    sqlite_with_rowid=False,
)

# --- accounts and links ----------------------------------------------------------------------------------------

#: An account 户号 at a company. A number given to a new holder after closure is another account (edge case 61).
accounts = Table("accounts", metadata, _id("account_id"), _code("company"), _int("created"))

#: The numbers an account has had. Renumbering closes one and opens the next, so an old number still leads to its
#: account (edge case 60), and a list recomputed as known then shows the number of then.
account_numbers = Table(
    "account_numbers",
    metadata,
    _id("account_id"),
    _id("known_from"),
    _code("company"),
    _code("number"),
    _int("since"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "company", "number"),
    sqlite_with_rowid=False,
)

account_facts = Table(
    "account_facts",
    metadata,
    _id("account_id"),
    _id("known_from"),
    _code("state"),
    _int("opened_on"),
    _int("closed_on"),
    Column("domestic", SmallInteger, nullable=False),
    _code("meter"),
    _code("cycle"),
    Column("low_income", SmallInteger, nullable=False),
    _int("low_income_until", nullable=True),
    _int("heated_dm2", nullable=True),
    _bytes("digest"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    sqlite_with_rowid=False,
)

#: Holder and address of an account, encrypted, kept until the next roster only; and their match keys.
account_holders = Table(
    "account_holders",
    metadata,
    _id("account_id"),
    _code("company"),
    _bytes("sealed"),
    _int("known_from"),
)

account_lookups = Table(
    "account_lookups",
    metadata,
    Column("kind", SmallInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    _id("account_id"),
    _int("known_from"),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)

#: Household ↔ account 关联, dated, with its evidence. ``reference`` is what the company sees instead of a household.
#: ``confirmed`` is 0 while a second household on a shared account waits for a person (edge case 54).
links = Table(
    "links",
    metadata,
    _id("household_id"),
    Column("service", Code, primary_key=True),
    _id("account_id"),
    _id("known_from"),
    _int("valid_from"),
    _int("valid_to"),
    _code("company"),
    _code("evidence"),
    Column("confirmed", SmallInteger, nullable=False),
    _code("reference"),
    _int("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "account_id"),
    Index(None, "company", "reference"),
    Index(None, "known_from"),
    sqlite_with_rowid=False,
)
Index(
    "ix_links_known_to",
    links.c.known_to,
    sqlite_where=links.c.known_to < OPEN_VERSION,
    postgresql_where=links.c.known_to < OPEN_VERSION,
)

# --- runs and the ledger ---------------------------------------------------------------------------------------

#: One computation for one month at one cut-off 批次. ``digest`` is over its postings in key order.
runs = Table(
    "runs",
    metadata,
    _id("run_id"),
    _int("month"),
    Column("n", Integer, nullable=False),
    _int("cut_off"),
    _int("at_us"),
    _code("policy_sha256"),
    Column("full", SmallInteger, nullable=False),
    _int("rows"),
    _int("quantity_milli"),
    _bytes("digest"),
    UniqueConstraint("month", "n"),
)

#: The ledger 台账: signed quantities, placed on an account or on NO_PLACE. Append-only. ``n`` = 1 + earlier postings
#: of the key, so of two racing runs one fails. Keyed month first: a run appends at the end and a month is one range.
postings = Table(
    "postings",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("service", Code, primary_key=True),
    _id("household_id"),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _int("account_id"),
    _int("quantity_milli"),
    _int("run_id"),
    # 1 where the run found the month already computed: the few rows of a run that are not its month's bulk
    Column("retro", SmallInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_postings_retro",
    postings.c.run_id,
    sqlite_where=postings.c.retro == 1,
    postgresql_where=postings.c.retro == 1,
)

# --- lists -----------------------------------------------------------------------------------------------------

#: Published lists 名单: immutable, gapless per company. ``manifest`` and ``signature`` are the signed bytes.
lists = Table(
    "lists",
    metadata,
    Column("company", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _code("kind"),
    _code("service"),
    _int("month"),
    _int("run_id"),
    _int("published_us"),
    _int("rows"),
    _int("quantity_milli"),
    _bytes("manifest"),
    _bytes("signature"),
)
Index(
    "uq_lists_regular",
    lists.c.company,
    lists.c.month,
    unique=True,
    sqlite_where=lists.c.kind == "regular",
    postgresql_where=lists.c.kind == "regular",
)

#: Every signed rendering of a list, as gzip members of about a mebibyte; together they are one gzip file.
list_chunks = Table(
    "list_chunks",
    metadata,
    Column("company", Code, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("rendering", Code, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    _bytes("content"),
)

# --- audit -----------------------------------------------------------------------------------------------------

#: One row in its effect's transaction. ``effect_*`` describe the rows of a set-wide effect, in key order.
audit = Table(
    "audit",
    metadata,
    Column("audit_id", Id, primary_key=True, autoincrement=True),
    _int("at_us"),
    _code("actor"),
    _code("action"),
    _code("subject"),
    Column("detail", Text, nullable=False),
    _int("effect_rows", nullable=True),
    _int("effect_sum", nullable=True),
    _bytes("effect_sha256", nullable=True),
)

#: The sequencer's word: which audit row is which leaf of the tree (RFC 6962).
audit_leaves = Table(
    "audit_leaves",
    metadata,
    _id("leaf_index"),
    _int("audit_id", unique=True),
    _bytes("leaf_sha256"),
)

#: Signed checkpoints: tree size, root, and the note as signed. ``frontier`` lets the next one start from here.
checkpoints = Table(
    "checkpoints",
    metadata,
    _id("tree_size"),
    _bytes("root_sha256"),
    Column("note", Text, nullable=False),
    _bytes("frontier"),
    _int("at_us"),
)

# --- people ----------------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("name", Code, primary_key=True),
    _code("role"),
    _code("password_hash"),
    _int("created_us"),
    Column("disabled", SmallInteger, nullable=False, server_default="0"),
)
