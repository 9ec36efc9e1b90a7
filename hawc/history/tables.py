"""The database schema: a table of galleries and a table of their batches of points.
`hawc_galleries` has a row per gallery: id, unique name, random identity, dim and dtype of its
points, target (its repr), time of creation. `hawc_batches` has a row per batch of points, or more
for a batch above 4 MiB. Its key is (gallery_id, first), where first is the number of earlier
points; the other columns are size, label, points as bytes, their SHA-256 checksum and time of
creation. Rows are only added.
"""

import secrets
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

__all__ = ["BATCHES", "GALLERIES", "METADATA"]

METADATA = MetaData()


def _now() -> datetime:
    return datetime.now(UTC)


GALLERIES = Table(
    "hawc_galleries",
    METADATA,
    Column("id", Integer, primary_key=True),
    # not String(100): with some encodings servers count bytes, and some drivers cut longer names
    Column("name", Text, nullable=False, unique=True),
    Column("identity", String(32), nullable=False, default=lambda: secrets.token_hex(16)),
    Column("dim", Integer, nullable=False),
    Column("dtype", String(10), nullable=False),
    Column("target", Text, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, default=_now),
)

# `first` is the number of points before this batch. Two writers that saw the same number of points
# insert the same key, and the database refuses the second. So batches cannot overlap.
BATCHES = Table(
    "hawc_batches",
    METADATA,
    Column("gallery_id", ForeignKey(GALLERIES.c.id), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("label", Text),
    Column("points", LargeBinary, nullable=False),
    Column("checksum", String(64), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, default=_now),
)
