"""Companies' accounts, their holders, and the links between households and accounts."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table

from integration.storage.tables.columns import (
    OPEN_VERSION,
    Code,
    bytes_column,
    code_column,
    id_column,
    int_column,
    metadata,
)

#: An account 户号 at a company. A number given to a new holder after closure is another account (edge case 61).
accounts = Table("accounts", metadata, id_column("account_id"), code_column("company"), int_column("created"))

#: The numbers an account has had. Renumbering closes one and opens the next, so an old number still leads to its
#: account (edge case 60), and a list recomputed as known then shows the number of then.
account_numbers = Table(
    "account_numbers",
    metadata,
    id_column("account_id"),
    id_column("known_from"),
    code_column("company"),
    code_column("number"),
    int_column("since"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    Index(None, "company", "number"),
    sqlite_with_rowid=False,
)

account_facts = Table(
    "account_facts",
    metadata,
    id_column("account_id"),
    id_column("known_from"),
    code_column("state"),
    int_column("opened_on"),
    int_column("closed_on"),
    Column("domestic", SmallInteger, nullable=False),
    code_column("meter"),
    code_column("cycle"),
    Column("low_income", SmallInteger, nullable=False),
    int_column("low_income_until", nullable=True),
    int_column("heated_dm2", nullable=True),
    bytes_column("digest"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
    sqlite_with_rowid=False,
)

#: Holder and address of an account, encrypted, kept until the next roster only; and their match keys.
account_holders = Table(
    "account_holders",
    metadata,
    id_column("account_id"),
    code_column("company"),
    bytes_column("sealed"),
    int_column("known_from"),
)

account_lookups = Table(
    "account_lookups",
    metadata,
    Column("kind", SmallInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    id_column("account_id"),
    int_column("known_from"),
    Index(None, "account_id"),
    sqlite_with_rowid=False,
)

#: Household ↔ account 关联, dated, with its evidence. ``reference`` is what the company sees instead of a household.
#: ``confirmed`` is 0 while a second household on a shared account waits for a person (edge case 54).
links = Table(
    "links",
    metadata,
    id_column("household_id"),
    Column("service", Code, primary_key=True),
    id_column("account_id"),
    id_column("known_from"),
    id_column("valid_from"),
    int_column("valid_to"),
    code_column("company"),
    code_column("evidence"),
    Column("confirmed", SmallInteger, nullable=False),
    code_column("reference"),
    int_column("known_to", server_default=str(OPEN_VERSION)),
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
