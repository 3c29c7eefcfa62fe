"""The kinds of column that every table is made of, and the one catalogue of tables."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String

OPEN_VERSION: Final = 2**62

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


def id_column(name: str, **options: Any) -> Column[int]:
    """Return a 64-bit key column."""
    return Column(name, Id, primary_key=True, autoincrement=False, **options)


def int_column(name: str, **options: Any) -> Column[int]:
    """Return a 64-bit column."""
    return Column(name, BigInteger, nullable=options.pop("nullable", False), **options)


def code_column(name: str, **options: Any) -> Column[str]:
    """Return a column of short text."""
    return Column(name, Code, nullable=options.pop("nullable", False), **options)


def bytes_column(name: str, **options: Any) -> Column[bytes]:
    """Return a column of bytes."""
    return Column(name, LargeBinary, nullable=options.pop("nullable", False), **options)
