"""What an exploration says, as plain values: the report draws them and `--json` prints the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["number", "year", "date", "category", "list", "text", "id"]
"""What a column is, whatever type it is stored in."""

Level = Literal["loud", "warn", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should know, most important first.

    Attributes:
        level: "loud" changes what may be concluded, "warn" wants a decision, "note" is good to know.
        topic: record, null, zero, distinct, type, leak, time, duplicate, outlier, link.
        column: the column meant; empty for the whole table.
        fact: what was measured.
        advice: what to do about it.
        examples: rows to look at, as short words.
    """

    level: Level
    topic: str
    column: str
    fact: str
    advice: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One diamond of the flow chart: the question, the measured fact, the answer, and the advice."""

    step: Literal["nulls", "distinct", "type"]
    question: str
    fact: str
    answer: str
    advice: str
    is_fine: bool


@dataclass(frozen=True, slots=True)
class NullFacts:
    """How much is missing, and whether being missing tells something about the target.

    Attributes:
        n_null: nulls as stored.
        n_blank: empty or "N/A"-like texts and empty lists.
        n_zero_unknown: zeros that stand for "unknown".
        share: part of all rows that is missing in any of these ways.
        target_missing: mean of the target where the value is missing (a share for a verdict); None without a target.
        target_present: the same where it is there.
        auc: how well "is missing" alone ranks the target, 0.5 is chance; None without a target of two sides.
        p_value: chance of such a difference if being missing told nothing (two-sided z test).
        is_informative: whether it does, in size as well as in significance; None when it cannot be said.
        goes_with: the column that best tells which rows are missing, with its AUC.
        same_rows_as: columns that are null in exactly the same rows.
    """

    n_null: int
    n_blank: int = 0
    n_zero_unknown: int = 0
    share: float = 0.0
    target_missing: float | None = None
    target_present: float | None = None
    auc: float | None = None
    p_value: float | None = None
    is_informative: bool | None = None
    goes_with: tuple[str, float] | None = None
    same_rows_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What a column is stored as, what it is, and what would not cast.

    Attributes:
        stored: the type as it came.
        right: the type that it should have.
        how: how to cast, such as a date format; empty when the type is right already.
        n_failed: values that would not cast.
        failed: some of them, with their row numbers (counted from 1).
    """

    stored: str
    right: str
    how: str = ""
    n_failed: int = 0
    failed: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one side of the target: `key` is stable, `words` are for people."""

    key: str
    words: str
    n: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bin for each group; `is_log` when the edges are spaced evenly in logarithm, and zeros stand apart."""

    edges: tuple[float, ...]
    counts: Mapping[str, tuple[int, ...]]
    is_log: bool = False
    n_zero: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violin:
    """Densities of each group over the same grid, each scaled to at most 1, with quartiles."""

    grid: tuple[float, ...]
    density: Mapping[str, tuple[float, ...]]
    quartiles: Mapping[str, tuple[float, float, float]]
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One category: how many rows, and the target there with its 95 % interval (Wilson for a share)."""

    name: str
    n: int
    target: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """The most common categories, and how many rows and categories are left out of the picture."""

    bars: tuple[Bar, ...]
    n_other: int = 0
    n_categories: int = 0


@dataclass(frozen=True, slots=True)
class YearPoint:
    """One year: rows, mean rating and mean target where there are any."""

    year: int
    n: int
    rating: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """How strongly a column goes with the target.

    Attributes:
        column: its name.
        measure: "AUC" of the column alone (two-sided target), or "rank correlation".
        value: AUC from 0.5 to 1, or the absolute correlation from 0 to 1.
        strength: `value` brought to 0..1 for sorting and bars.
        direction: "more", "less" or "" where it makes no sense.
    """

    column: str
    measure: str
    value: float
    strength: float
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Associations of columns with one another, each from -1 (or 0) to 1.

    None where fewer than 30 rows have both. Numbers by Spearman's rank correlation, categories by Cramér's V, mixed pairs by the correlation ratio of ranks.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """All that is known of one column."""

    name: str
    role: Role
    n_distinct: int
    nulls: NullFacts
    type: TypeFacts
    decisions: tuple[Decision, ...]
    summary: Mapping[str, float] = field(default_factory=dict)
    histogram: Histogram | None = None
    violin: Violin | None = None
    bars: Bars | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be told from the rest: a verdict of two sides, or a number."""

    column: str
    kind: Literal["verdict", "number"]
    n: int
    mean: float
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Exploration:
    """Everything an exploration found. `plain()` is the JSON of it."""

    source: str
    n_rows: int
    n_columns: int
    target: Target | None
    findings: tuple[Finding, ...]
    columns: tuple[Column, ...]
    over_time: tuple[YearPoint, ...]
    time_column: str
    rating_column: str
    links: tuple[Link, ...]
    matrix: Matrix | None
    n_sampled: int
    seconds: float = 0.0

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)

    def about(self, topic: str) -> Sequence[Finding]:
        """The findings of one topic."""
        return [f for f in self.findings if f.topic == topic]
