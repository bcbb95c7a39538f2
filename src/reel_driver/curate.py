"""From scores to tonight's row: the best titles, not ten of the same kind, and one that would teach the most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reel_driver.domain import TitleRow

SAMENESS = 0.25
"""How much probability a title gives up for being the same as one already in the row."""


def similarity(a: TitleRow, b: TitleRow) -> float:
    """How much two titles are of one kind, 0 to 1: shared genres, decade, language and makers.

    >>> similarity({"genre": ["Drama"], "release_year": 1994}, {"genre": ["Drama"], "release_year": 1997})
    0.7
    >>> similarity({"genre": ["Drama"], "release_year": 1994}, {"genre": ["War"], "release_year": 1954})
    0.0
    """
    genres_a, genres_b = _names(a, "genre"), _names(b, "genre")
    either = genres_a | genres_b
    same = 0.5 * len(genres_a & genres_b) / len(either) if either else 0.0
    year_a, year_b = a.get("release_year"), b.get("release_year")
    if isinstance(year_a, int) and isinstance(year_b, int):
        same += 0.2 * max(0.0, 1 - abs(year_a - year_b) // 5 / 4)
    language = a.get("original_language")
    if language and language != "en" and language == b.get("original_language"):
        same += 0.1
    if (_names(a, "directors") & _names(b, "directors")) or _series(a) & _series(b):
        same += 0.2
    return round(same, 6)


def pick_row(candidates: Sequence[Mapping[str, Any]], n: int) -> tuple[list[int], int | None]:
    """Choose `n` of the candidates, best first; the last place goes to the one that would teach the most.

    Titles are taken one after the other by probability less a penalty for likeness to those already taken (maximal
    marginal relevance, Carbonell and Goldstein 1998). The teaching title is the one whose interval is widest in
    probability among those that are not hopeless and of the kind that is trained on; it is left out of rows shorter than three.

    Args:
        candidates: titles with `score`, `lower` and `upper`.
        n: length of the row.

    Returns:
        Positions in `candidates`, in the order of the row, and the position of the teaching title or None.
    """
    scores = np.array([float(c["score"]) for c in candidates])
    likeness = np.zeros(len(candidates))
    left = np.ones(len(candidates), dtype=bool)
    chosen: list[int] = []
    n_plain = min(n - 1 if n >= 3 else n, len(candidates))
    while len(chosen) < n_plain:
        best = int(np.argmax(np.where(left, scores - SAMENESS * likeness, -np.inf)))
        chosen.append(best)
        left[best] = False
        for i in np.flatnonzero(left):
            likeness[i] = max(likeness[i], similarity(candidates[best], candidates[int(i)]))
    teaching = None
    if n >= 3 and left.any():
        width = np.array([float(c["upper"]) - float(c["lower"]) for c in candidates])
        trained_on = np.array([not c.get("is_extrapolated") for c in candidates])
        hope = left & trained_on & (scores >= 0.5 * scores[chosen[-1]])
        teaching = int(np.argmax(np.where(hope if hope.any() else left, width, -1.0)))
        chosen.append(teaching)
    return chosen, teaching


def _names(title: TitleRow, field: str) -> set[str]:
    values = title.get(field)
    return set(values) if isinstance(values, list | tuple) else set()


def _series(title: TitleRow) -> set[str]:
    """The part of a title before a colon or a number, when it is long enough to name a series."""
    head = str(title.get("title") or "").split(":")[0].rstrip(" 0123456789IVX").casefold()
    return {head} if len(head) > 5 else set()
