"""The tables, as SQLAlchemy sees them; `migrations/` builds them and a test holds the two equal."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

from reel_driver.domain import TITLE_FIELDS, FieldType

SCHEMA_VERSION = "0001"
"""The newest migration: a database that says something later was written by a newer version of this software."""

METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")

COLUMN_TYPES: dict[FieldType, TypeEngine[Any]] = {
    "text": Text(),
    "int": BigInteger(),
    "float": Float(53),
    "list": Text(),
    "date": Date(),
}
"""How a field is stored; a list is the text of a JSON array, so that both databases and Polars read it alike."""

titles = Table(
    "titles",
    METADATA,
    Column("title_id", _NUMBER, primary_key=True, autoincrement=False),
    *(Column(f.name, COLUMN_TYPES[f.type], nullable=f.name not in ("kind", "title")) for f in TITLE_FIELDS),
    Column("part", String(24), nullable=False, server_default="", comment="which season and episode, or empty"),
    Column("name_key", Text(), nullable=False, comment="the title without case and punctuation"),
    Column("source", Text(), nullable=False, comment="where the row came from first"),
)
Index(
    "titles_imdb_id",
    titles.c.imdb_id,
    titles.c.part,
    unique=True,
)
Index("titles_tmdb_id", titles.c.tmdb_id, titles.c.kind, titles.c.part)
Index("titles_name", titles.c.name_key, titles.c.release_year)

title_fixes = Table(
    "title_fixes",
    METADATA,
    Column("fix_id", _NUMBER, primary_key=True),
    Column("title_id", _NUMBER, ForeignKey("titles.title_id"), nullable=False),
    Column("field", String(40), nullable=False),
    Column("old_value", Text(), comment="JSON"),
    Column("new_value", Text(), comment="JSON"),
    Column("fixed_at", DateTime(timezone=True), nullable=False),
    Column("reverted_at", DateTime(timezone=True)),
)
Index("title_fixes_title", title_fixes.c.title_id, title_fixes.c.field)

profiles = Table(
    "profiles",
    METADATA,
    Column("profile_id", _NUMBER, primary_key=True),
    Column("name", Text(), nullable=False, unique=True),
    Column("about", Text(), nullable=False, server_default=""),
)

labels = Table(
    "labels",
    METADATA,
    Column("label_id", _NUMBER, primary_key=True),
    Column("profile_id", _NUMBER, ForeignKey("profiles.profile_id"), nullable=False),
    Column("title_id", _NUMBER, ForeignKey("titles.title_id"), nullable=False),
    Column("verdict", String(20), comment="empty when a word is taken back"),
    Column("source", Text(), nullable=False),
    Column("decided_by", String(20), nullable=False),
    Column("is_reviewed", Boolean(), nullable=False),
    Column("is_anomalous", Boolean(), nullable=False),
    Column("labelled_at", DateTime(timezone=True), nullable=False),
)
Index("labels_latest", labels.c.profile_id, labels.c.title_id, labels.c.label_id)

seen = Table(
    "seen",
    METADATA,
    Column("profile_id", _NUMBER, ForeignKey("profiles.profile_id"), primary_key=True),
    Column("title_id", _NUMBER, ForeignKey("titles.title_id"), primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)

FACETS = ("kind", "original_language", "runtime", "genre")
"""What scored titles are filtered by."""

score_runs = Table(
    "score_runs",
    METADATA,
    Column("profile_id", _NUMBER, ForeignKey("profiles.profile_id"), primary_key=True),
    Column("bundle_id", Text(), nullable=False),
    Column("scored_at", DateTime(timezone=True), nullable=False),
)

scores = Table(
    "scores",
    METADATA,
    Column("profile_id", _NUMBER, primary_key=True, autoincrement=False),
    Column("place", _NUMBER, primary_key=True, autoincrement=False, comment="0 is the best"),
    Column("title_id", _NUMBER, nullable=False),
    Column("score", Float(53), nullable=False),
    Column("lower", Float(53), nullable=False),
    Column("upper", Float(53), nullable=False),
    Column("is_extrapolated", Boolean(), nullable=False),
    *(Column(name, titles.c[name].type) for name in FACETS),
    sqlite_with_rowid=False,
)
"""Derived, and replaced as a whole: no foreign keys, so that a million rows are written in seconds; and a copy of what a
row of picks is filtered by, so that a rare language is found without looking up a million titles."""

TABLES: tuple[Table, ...] = (titles, title_fixes, profiles, labels, seen, score_runs, scores)
"""In the order in which rows can be inserted."""


def outdate_scores(connection: Connection) -> None:
    """Forget which bundle scored: the catalogue has changed, so every profile's scores are to be made anew."""
    connection.execute(score_runs.delete())
