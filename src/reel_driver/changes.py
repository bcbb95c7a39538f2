"""What has changed: between two models, for whom; and between the data a model learned from and the data of lately."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.bundle import Bundle
from reel_driver.domain import FIELD
from reel_driver.features.names import LANGUAGES
from reel_driver.metrics import roc_auc

Vector = NDArray[np.float64]

N_SHOWN = 20
"""Titles of each kind that a comparison names."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A title whose verdict is another one now, with what speaks for it and against it in the second model."""

    title: str
    year: int | None
    title_id: int
    before: float
    after: float
    label: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shift:
    """What changed for a group of titles: its mean probability before and after, and how many verdicts flipped."""

    by: str
    name: str
    n: int
    before: float
    after: float
    n_flipped: int


@dataclass(frozen=True, slots=True)
class ProfileFit:
    """How each model ranks one person's labels; in sample for the profile it was trained on, so only told, not praised."""

    profile: str
    n_labels: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on one catalogue.

    Attributes:
        before: version of the first.
        after: version of the second.
        scorecards: their own out-of-fold metrics, name to (before, after); with the labels each was judged on.
        n_labels: labels each was trained on.
        n_titles: titles compared.
        agreement: rank correlation of their probabilities.
        now_picked: titles that are picked now and were not, biggest change first.
        now_dropped: the other way round.
        n_now_picked: how many in all.
        n_now_dropped: how many in all.
        shifts: groups of titles, biggest change first.
        profiles: each person's labels under both.
    """

    before: str
    after: str
    scorecards: Mapping[str, tuple[float, float]]
    n_labels: tuple[int, int]
    n_titles: int
    agreement: float
    now_picked: tuple[Flip, ...]
    now_dropped: tuple[Flip, ...]
    n_now_picked: int
    n_now_dropped: int
    shifts: tuple[Shift, ...]
    profiles: tuple[ProfileFit, ...]

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def compare(
    before: Bundle,
    after: Bundle,
    catalogue: pl.DataFrame,
    labels: Mapping[str, pl.DataFrame],
    profile: str,
) -> Comparison:
    """Score one catalogue with both models and say what is different, and for whom.

    Args:
        before: the first model.
        after: the second model.
        catalogue: titles with `title_id`.
        labels: each profile's labels, with `title_id` and `verdict`.
        profile: whose labels stand beside the titles that flipped.
    """
    p = before.score_frame(catalogue)["score"].to_numpy()
    q = after.score_frame(catalogue)["score"].to_numpy()
    was, now = p >= before.threshold, q >= after.threshold
    said = dict(labels[profile].select("title_id", "verdict").rows()) if profile in labels else {}
    change = np.argsort(-np.abs(q - p), kind="stable")

    def flips(mask: NDArray[np.bool_]) -> tuple[Flip, ...]:
        chosen = [int(i) for i in change if mask[i]][:N_SHOWN]
        rows = [catalogue.row(i, named=True) for i in chosen]
        why = after.reasons(rows, n=2) if rows else []
        return tuple(
            Flip(
                str(row.get("title")), row.get("release_year"), int(row["title_id"]), float(p[i]), float(q[i]),
                said.get(row["title_id"]), tuple(r.phrase for r in (pro if mask is gained else contra)),
            )
            for i, row, (pro, contra) in zip(chosen, rows, why, strict=True)
        )  # fmt: skip

    gained, lost = now & ~was, was & ~now
    metrics = [_metrics(b) for b in (before, after)]
    ranks = [pl.Series(x).rank("average").to_numpy() for x in (p, q)]
    agreement = float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if len(p) > 1 and p.std() and q.std() else 1.0
    return Comparison(
        before=before.version,
        after=after.version,
        scorecards={k: (metrics[0][k], metrics[1][k]) for k in metrics[0] if k in metrics[1]},
        n_labels=(int(before.about.get("n_labels", 0)), int(after.about.get("n_labels", 0))),
        n_titles=catalogue.height,
        agreement=agreement,
        now_picked=flips(gained),
        now_dropped=flips(lost),
        n_now_picked=int(gained.sum()),
        n_now_dropped=int(lost.sum()),
        shifts=tuple(
            sorted(_shifts(catalogue, p, q, was != now), key=lambda s: (-abs(s.after - s.before), s.by, s.name))[:12]
        ),
        profiles=tuple(_fit(name, own, catalogue, p, q) for name, own in labels.items() if own.height),
    )


def _metrics(bundle: Bundle) -> dict[str, float]:
    evaluation = bundle.about.get("evaluation") or {}
    return {name: float(m["value"]) for name, m in evaluation.get("metrics", {}).items()}


def _shifts(catalogue: pl.DataFrame, p: Vector, q: Vector, flipped: NDArray[np.bool_]) -> Iterator[Shift]:
    frame = pl.DataFrame({"p": p, "q": q, "f": flipped}).with_columns(
        decade=(catalogue["release_year"] // 10 * 10).cast(pl.String) + "s",
        genre=catalogue["genre"],
        language=catalogue["original_language"].replace(LANGUAGES),
        kind=catalogue["kind"],
    )
    for by in ("decade", "genre", "language", "kind"):
        grouped = (
            (frame.explode("genre") if by == "genre" else frame)
            .drop_nulls(by)
            .group_by(by, maintain_order=True)
            .agg(pl.len(), pl.col("p").mean(), pl.col("q").mean(), pl.col("f").sum())
            .filter(pl.col("len") >= 20)
        )
        yield from (
            Shift(by, str(v), int(n), round(float(a), 6), round(float(b), 6), int(f))
            for v, n, a, b, f in grouped.rows()
        )


def _fit(name: str, labels: pl.DataFrame, catalogue: pl.DataFrame, p: Vector, q: Vector) -> ProfileFit:
    scored = pl.DataFrame({"title_id": catalogue["title_id"], "p": p, "q": q})
    joined = labels.drop_nulls("verdict").join(scored, on="title_id")
    truth = (joined["verdict"] != "would_not_watch").to_numpy()
    values = [roc_auc(truth, joined[c].to_numpy()) for c in ("p", "q")] if joined.height else [math.nan] * 2
    return ProfileFit(name, joined.height, *(v if math.isfinite(v) else None for v in values))


Verdict = Literal["the same", "a little different", "different", "too few to say"]


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field then and now.

    Attributes:
        field: the field.
        psi: population stability index over 10 bins or the commonest categories, nulls being one of them.
        beyond_chance: the index that 95 % of samples of this size stay under when nothing has changed.
        verdict: in words: under 0.1 or chance the same, under 0.25 a little different, else different.
        words: what changed, said for a person.
    """

    field: str
    psi: float
    beyond_chance: float
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Drift:
    """The data of lately against the data that was learned from."""

    reference: str
    recent: str
    n_reference: int
    n_recent: int
    fields: tuple[FieldDrift, ...]
    verdict: str

    def plain(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def drift(
    reference: pl.DataFrame,
    recent: pl.DataFrame,
    fields: Sequence[str],
    names: tuple[str, str] = ("training data", "lately"),
) -> Drift:
    """Compare two tables of titles field by field.

    The population stability index is sum (now - then) * ln(now / then) over bins; under no change it is about
    chi-square with bins - 1 degrees of freedom, times 1/n + 1/m (Yurdakul 2018).
    """
    found = sorted((_field_drift(f, reference, recent) for f in fields), key=lambda d: -d.psi)
    different = [d for d in found if d.verdict == "different"]
    little = [d for d in found if d.verdict == "a little different"]
    if recent.height < 30:
        verdict = f"Only {recent.height} titles of lately: too few to say."
    elif different:
        verdict = (
            f"{len(different)} of {len(found)} fields are different from the data that was learned from: "
            f"{', '.join(d.field for d in different[:4])}. Label some of the recent titles and train again."
        )
    elif little:
        verdict = (
            f"A little has changed ({', '.join(d.field for d in little[:4])}): nothing to do yet, look again soon."
        )
    else:
        verdict = "Nothing has changed beyond chance: the model sees what it learned from."
    return Drift(*names, reference.height, recent.height, tuple(found), verdict)


def _field_drift(name: str, reference: pl.DataFrame, recent: pl.DataFrame) -> FieldDrift:
    then, now = _column(reference, name), _column(recent, name)
    kind = FIELD[name].type
    if kind in ("int", "float"):
        a, b, words = _number_bins(then, now, name)
    elif kind == "list" or name in ("original_language", "production_status", "kind"):
        a, b, words = _category_bins(then, now, kind == "list")
    else:
        a, b, words = _number_bins(
            then.cast(pl.String).str.len_chars(), now.cast(pl.String).str.len_chars(), "characters"
        )
    if now.len() < 30:
        return FieldDrift(name, math.nan, math.nan, "too few to say", words)
    share_a, share_b = (a + 0.5) / (a.sum() + 0.5 * len(a)), (b + 0.5) / (b.sum() + 0.5 * len(b))
    psi = float(((share_b - share_a) * np.log(share_b / share_a)).sum())
    bins = max(1, int(((a + b) > 0).sum()) - 1)
    # The 95 % point of chi-square by Wilson and Hilferty (1931).
    chance = bins * (1 - 2 / (9 * bins) + 1.645 * math.sqrt(2 / (9 * bins))) ** 3 * (1 / a.sum() + 1 / b.sum())
    verdict: Verdict = (
        "the same" if psi < max(0.1, chance) else "a little different" if psi < max(0.25, chance) else "different"
    )
    return FieldDrift(name, psi, chance, verdict, words)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[name] if name in frame.columns else pl.Series(name, [None] * frame.height, dtype=pl.String)


def _number_bins(then: pl.Series, now: pl.Series, name: str) -> tuple[Vector, Vector, str]:
    a, b = (s.cast(pl.Float64, strict=False).drop_nulls().to_numpy() for s in (then, now))
    edges = np.unique(np.quantile(a, np.linspace(0, 1, 11)[1:-1])) if len(a) else np.array([])

    def counted(values: Vector, nulls: int) -> Vector:
        inside = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        return np.append(inside, nulls).astype(float)

    missing = [s.len() - len(v) for s, v in ((then, a), (now, b))]
    unit = "characters, " if name == "characters" else ""
    middle = [_shown(float(np.median(v)), name) if len(v) else "none" for v in (a, b)]
    words = f"{unit}median {middle[0]} then, {middle[1]} now; unknown {_share(missing[0], then.len())} then, {_share(missing[1], now.len())} now"
    return counted(a, missing[0]), counted(b, missing[1]), words


def _shown(value: float, name: str) -> str:
    if name.endswith("year"):
        return f"{value:.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _category_bins(then: pl.Series, now: pl.Series, is_list: bool) -> tuple[Vector, Vector, str]:
    def counted(values: pl.Series) -> dict[str, int]:
        flat = values.explode() if is_list and isinstance(values.dtype, pl.List) else values
        return dict(flat.cast(pl.String).fill_null("unknown").value_counts().rows())

    a, b = counted(then), counted(now)
    common = list(dict.fromkeys([*sorted(a, key=lambda k: -a[k])[:15], "unknown"]))
    rest = "any other"
    bins = [*common, rest]

    def binned(own: dict[str, int]) -> Vector:
        return np.array([*(own.get(k, 0) for k in common), sum(v for k, v in own.items() if k not in common)], float)

    x, y = binned(a), binned(b)
    shares = [v / max(1.0, v.sum()) for v in (x, y)]
    worst = int(np.abs(shares[1] - shares[0]).argmax())
    words = f"{bins[worst]}: {shares[0][worst]:.0%} then, {shares[1][worst]:.0%} now".replace("%", " %")
    return x, y, words


def _share(n: int, total: int) -> str:
    return f"{n / max(1, total):.0%}".replace("%", " %")
