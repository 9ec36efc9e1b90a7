"""The database schema, version 2: galleries, their rows, conditions and notes.

`hawc_galleries` has a row per sequence of rows: id, unique name, random identity, dim and dtype of
its rows, target (its repr), time of creation. `hawc_batches` has a row per batch, or more for a
batch above 4 MiB. Its key is (gallery_id, first), where first is the number of earlier rows; the
other columns are size, label, points as bytes, their SHA-256 checksum and time of creation. A batch
of features alone, without latents, is recognized by its number of bytes.

Version 2 adds three tables and changes none. `hawc_sequences` describes the sequences that have a
condition, features or candidates: gallery, condition (as JSON, which is ASCII in any encoding of
the database), kind ("samples" or "candidates"), num_features and fingerprint of the target.
`hawc_notes` holds what is said of a row, as JSON: seed, metadata, tags, forgetting. Later notes
count more. `hawc_schema` holds the version. Rows are only added to all tables.
"""

import secrets
from datetime import UTC, datetime

from sqlalchemy import Column, ForeignKey, Index, MetaData, Table

from hawc.history.storage.cells import BigWhole, Bytes, ShortWords, Time, Whole, Words

__all__ = ["BATCHES", "GALLERIES", "METADATA", "NOTES", "SCHEMA", "SEQUENCES", "VERSION"]

VERSION = 2  # stores of version 1 lack the tables of `SCHEMA`, `SEQUENCES` and `NOTES`

METADATA = MetaData()


def _now() -> datetime:
    return datetime.now(UTC)


GALLERIES = Table(
    "hawc_galleries",
    METADATA,
    Column("id", Whole, primary_key=True),
    # not ShortWords: with some encodings servers count bytes, and some drivers cut longer names
    Column("name", Words, nullable=False, unique=True),
    Column("identity", ShortWords(32), nullable=False, default=lambda: secrets.token_hex(16)),
    Column("dim", Whole, nullable=False),
    Column("dtype", ShortWords(10), nullable=False),
    Column("target", Words, nullable=False),
    Column("created", Time(), nullable=False, default=_now),
)

# `first` is the number of points before this batch. Two writers that saw the same number of points
# insert the same key, and the database refuses the second. So batches cannot overlap.
BATCHES = Table(
    "hawc_batches",
    METADATA,
    Column("gallery_id", ForeignKey(GALLERIES.c.id), primary_key=True),
    Column("first", BigWhole, primary_key=True, autoincrement=False),
    Column("size", BigWhole, nullable=False),
    Column("label", Words),
    Column("points", Bytes, nullable=False),
    Column("checksum", ShortWords(64), nullable=False),
    Column("created", Time(), nullable=False, default=_now),
)

SCHEMA = Table(
    "hawc_schema",
    METADATA,
    Column("version", Whole, primary_key=True, autoincrement=False),
)

SEQUENCES = Table(
    "hawc_sequences",
    METADATA,
    Column("gallery_id", ForeignKey(GALLERIES.c.id), primary_key=True, autoincrement=False),
    Column("gallery", Words, nullable=False, index=True),
    Column("condition", Words, nullable=False),
    Column("kind", ShortWords(10), nullable=False),
    Column("num_features", Whole, nullable=False),
    Column("fingerprint", Words),
)

NOTES = Table(
    "hawc_notes",
    METADATA,
    # SQLite numbers an INTEGER key by itself, but no BIGINT
    Column("id", BigWhole().with_variant(Whole(), "sqlite"), primary_key=True),
    Column("gallery_id", ForeignKey(GALLERIES.c.id), nullable=False),
    Column("position", BigWhole, nullable=False),
    Column("note", Words, nullable=False),
    Column("created", Time(), nullable=False, default=_now),
    Index("hawc_notes_newest", "gallery_id", "id"),
    Index("hawc_notes_of_row", "gallery_id", "position"),
)
