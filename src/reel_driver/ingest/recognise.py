"""Which column of a table is which field."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from reel_driver.domain import TITLE_FIELDS

LABEL_COLUMNS: dict[str, tuple[str, ...]] = {
    "verdict": ("verdict", "label", "would_watch"),
    "decided_by": ("decided_by",),
    "human_labeled": ("human_labeled", "human_labelled", "is_human_labeled"),
    "is_reviewed": ("is_reviewed", "reviewed", "confirmed"),
    "is_anomalous": ("is_anomalous", "anomalous"),
    "labelled_at": ("labelled_at", "labeled_at", "updated_at"),
    "profile": ("profile",),
}
"""What a label file may say beside the title's fields, and under which names."""

NAMING = ("imdb_id", "tmdb_id", "kind", "title", "season", "episode", "release_year", "release_date")
"""Fields that say which title a row is."""

_SAYS_SHOW = ("first_air_date", "number_of_seasons", "seasons_count", "number_of_episodes", "episodes_count")


def fields_of(columns: Sequence[str]) -> dict[str, str]:
    """The column for each field that the columns hold: a field's own name before its other names, in their order.

    >>> fields_of(["Release_Date", "Title", "Vote Average", "vote-count"])
    {'title': 'Title', 'release_date': 'Release_Date', 'tmdb_rating': 'Vote Average', 'tmdb_votes': 'vote-count'}
    """
    by_key: dict[str, str] = {}
    for column in columns:
        by_key.setdefault(_key(column), column)
    names = {f.name: (f.name, *f.aliases) for f in TITLE_FIELDS} | LABEL_COLUMNS
    found = {
        field: next((by_key[_key(name)] for name in candidates if _key(name) in by_key), None)
        for field, candidates in names.items()
    }
    return {field: column for field, column in found.items() if column is not None}


def columns_for(fields: Set[str], columns: Sequence[str]) -> list[str]:
    """The columns that hold these fields or say that a table is of shows; all of them where no field is among them.

    >>> columns_for({"runtime"}, ["Title", "Run Time", "first_air_date"])
    ['Run Time', 'first_air_date']
    """
    held = {column for field, column in fields_of(columns).items() if field in fields}
    return [c for c in columns if c in held or says_show([c])] if held else list(columns)


def says_show(columns: Sequence[str]) -> bool:
    """Whether the columns are ones that only tables of shows have."""
    keys = {_key(column) for column in columns}
    return any(_key(name) in keys for name in _SAYS_SHOW)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
