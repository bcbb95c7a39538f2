"""What is to be told from the rest: found by its name and values, or named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reel_driver.domain import Verdict
from reel_driver.errors import ColumnsMissing
from reel_driver.explore.facts import Group, Target
from reel_driver.explore.kinds import Kind

Vector = NDArray[np.float64]

VERDICT_NAMES = ("verdict", "label", "labels", "target", "liked", "watched", "y")
RATING_NAMES = (
    "vote_average", "rating", "tmdb_rating", "imdb_rating", "imdb_score", "averagerating", "average_rating", "score",
    "user_rating",
)  # fmt: skip
YES = frozenset({"1", "1.0", "true", "yes", "like", "liked", "watched", "would_watch", "would_watch_again", "keep"})
NO = frozenset({"0", "0.0", "false", "no", "dislike", "disliked", "would_not_watch", "skip"})


@dataclass(frozen=True)
class Aim:
    """The target with its values.

    Attributes:
        facts: what is said of it.
        y: 0 or 1 for a verdict, the number otherwise; NaN where unknown; shape (n_rows,).
        masks: the rows of each group, by key.
    """

    facts: Target
    y: Vector
    masks: Mapping[str, NDArray[np.bool_]]

    @property
    def is_verdict(self) -> bool:
        """Two sides, not a number."""
        return self.facts.kind == "verdict"


def plain_name(name: str) -> str:
    """A column's name as it is recognised by: lower case with underscores."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def find_target(kinds: Mapping[str, Kind], wanted: str | None) -> Aim | None:
    """The target: the wanted column, else a column of verdicts, else the crowd's rating; None when there is none.

    Raises:
        ColumnsMissing: when the wanted column is not there.
    """
    if wanted is not None:
        if wanted not in kinds:
            raise ColumnsMissing("The table", [wanted], list(kinds))
        return _verdict(wanted, kinds[wanted]) or _number(wanted, kinds[wanted])
    by_name = {plain_name(n): n for n in kinds}
    for name in VERDICT_NAMES:
        if name in by_name:
            found = _verdict(by_name[name], kinds[by_name[name]])
            if found:
                return found
    for name in RATING_NAMES:
        if name in by_name and kinds[by_name[name]].role == "number":
            return _number(by_name[name], kinds[by_name[name]])
    return None


def _verdict(name: str, kind: Kind) -> Aim | None:
    if kind.role != "category":
        return None
    text = kind.values.str.to_lowercase()
    known = set(text.drop_nulls().unique().to_list())
    if not known & YES or not known & NO or known - YES - NO:
        return None
    y = np.where(text.is_null().to_numpy(), np.nan, text.is_in(list(YES)).fill_null(False).to_numpy().astype(float))
    is_ours = Verdict.WOULD_NOT_WATCH.value in known
    words = ("would watch", "would not watch") if is_ours else ("yes", "no")
    masks = {"yes": y == 1, "no": y == 0}
    groups = tuple(Group(k, w, int(masks[k].sum())) for k, w in zip(("yes", "no"), words, strict=True))
    n = int(np.isfinite(y).sum())
    return Aim(Target(name, "verdict", n, float(np.nanmean(y)), groups), y, masks)


def _number(name: str, kind: Kind) -> Aim | None:
    """A numeric target; zeros that stand for "unknown" were made null before."""
    if kind.role not in ("number", "year"):
        return None
    y = kind.values.to_numpy().astype(float)
    present = np.isfinite(y)
    if present.sum() < 2:
        return None
    return Aim(Target(name, "number", int(present.sum()), float(y[present].mean())), y, {})
