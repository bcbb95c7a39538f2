"""A table that was read goes into a store: titles and labels together, all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reel_driver.schema import LABEL_SCHEMA, TITLE_SCHEMA, Problem, conform
from reel_driver.store.labels import Labelling
from reel_driver.store.upsert import Counts, Upserting


class Importable(Upserting, Labelling):
    """What an import needs of a store."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a table.

    Attributes:
        taken: new titles.
        updated: known titles that gained or changed a value.
        unchanged: known titles with nothing new.
        repeated: rows that a later row of the same table stood in for.
        labels: what became of the labels: new ones, changed words, known ones.
        rejected: the rows that were not taken, each with a reason.
        notes: values that were left out of rows that were taken, and how doubtful ones were read.
    """

    taken: int
    updated: int
    unchanged: int
    repeated: int
    labels: Counts
    rejected: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def import_into(
    store: Importable, frame: pl.DataFrame, problems: Sequence[Problem], *, profile: str, source: str
) -> ImportReport:
    """Take a table in, in one transaction; doing it again changes nothing.

    Args:
        store: an open store.
        frame: as `ingest.read_table` gives it.
        problems: as `ingest.read_table` gives them.
        profile: whose labels; a `profile` column says otherwise row by row.
        source: where the table comes from, such as the file's name.

    Raises:
        StoreError: when the database cannot do it; nothing of the table is kept then.
    """
    found = list(problems)
    has_labels = "verdict" in frame.columns
    labelled = Counts()
    with store.transaction():
        counts = store.upsert_titles(frame.select(list(TITLE_SCHEMA)), source=source)
        numbered = frame.with_columns(counts.title_ids.alias("title_id"))
        lost = numbered.filter(pl.col("title_id").is_null())
        advice = "no title of the catalogue has this id; import the titles first, or add a title column."
        for row in lost.select("line", "imdb_id", "tmdb_id").iter_rows(named=True):
            column = "imdb_id" if row["imdb_id"] is not None else "tmdb_id"
            found.append(Problem(source, row["line"], column, str(row[column]), advice))
        if has_labels:
            whose = pl.col("profile").fill_null(profile) if "profile" in frame.columns else pl.lit(profile)
            words = numbered.filter(pl.col("title_id").is_not_null() & pl.col("verdict").is_not_null())
            words = words.with_columns(pl.lit(source).alias("source"), whose.alias("profile"))
            for (name,), some in words.group_by("profile", maintain_order=True):
                labelled += store.add_labels(str(name), conform(some, LABEL_SCHEMA), is_import=True)
    return ImportReport(
        taken=counts.taken,
        updated=counts.updated,
        unchanged=counts.unchanged,
        repeated=counts.repeated,
        labels=labelled,
        rejected=tuple(p for p in found if p.is_rejection),
        notes=tuple(p for p in found if not p.is_rejection),
    )
