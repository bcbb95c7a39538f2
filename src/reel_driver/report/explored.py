"""The report of an exploration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reel_driver.explore.facts import Column, Exploration, Finding, Target
from reel_driver.report import draw, words
from reel_driver.report.page import picture, render

TOPIC_WORDS = {
    "leak": "Tells too much",
    "record": "Broken records",
    "time": "Time",
    "zero": "Zeros that mean unknown",
    "null": "Missing values",
    "type": "Types and values",
    "duplicate": "Duplicates",
    "distinct": "Distinct values",
    "link": "Associations",
    "outlier": "Outliers",
}
COLOURS = {"yes": "var(--yes)", "no": "var(--no)", "all": "var(--all)"}
ROLE_WORDS = {"id": "key"}


@dataclass(frozen=True)
class Card:
    """A column with its drawn pictures."""

    column: Column
    pictures: tuple[Any, ...]
    role: str


def explore_page(found: Exploration) -> str:
    """One self-contained HTML file.

    Raises:
        ExtraMissing: when the drawing library is not installed.
    """
    groups = {g.key: g.words for g in found.target.groups} if found.target else {}
    is_verdict = found.target is not None and found.target.kind == "verdict"

    def said(value: float | None) -> str:
        return words.percent(value) if is_verdict else "" if value is None else f"{value:.2f}"

    return render(
        "explore.html",
        said=said,
        what="Watched" if is_verdict else f"Mean {found.target.column}" if found.target else "",
        found=found,
        groups=groups,
        loud=[f for f in found.findings if f.level == "loud"],
        topics=_by_topic(f for f in found.findings if f.level == "warn" and f.topic != "null"),
        missing=[c for c in found.columns if any(f.topic == "null" and f.column == c.name for f in found.findings)],
        notes=_by_topic(f for f in found.findings if f.level == "note"),
        cards=[
            Card(c, tuple(_pictures(c, groups, found.target)), ROLE_WORDS.get(c.role, c.role)) for c in found.columns
        ],
        time_picture=_time(found),
        matrix_picture=_matrix(found),
        highest=max((m.strength for m in found.links), default=1.0) or 1.0,
    )


def _by_topic(findings: Any) -> list[tuple[str, list[Finding]]]:
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(TOPIC_WORDS[finding.topic], []).append(finding)
    return list(grouped.items())


def _pictures(column: Column, groups: Mapping[str, str], target: Target | None) -> list[Any]:
    drawn = []
    is_year = column.role in ("year", "date")
    if column.histogram:
        h = column.histogram
        colours = {k: COLOURS[k] for k in h.counts}
        # The rarer side is drawn last, on top.
        ordered = {k: h.counts[k] for k in sorted(h.counts, key=lambda k: -sum(h.counts[k]))}
        parts = [draw.histogram(h.edges, ordered, colours, is_log=h.is_log, is_year=is_year)]
        if column.violin:
            v = column.violin
            parts.append(
                draw.violin(v.grid, v.density, v.quartiles, colours, (h.edges[0], h.edges[-1]), is_log=v.is_log)
            )
        drawn.append(picture(draw.svg(draw.stacked(*parts), words.describe_number(column, groups))))
    if column.bars and column.bars.bars:
        is_share = target is not None and target.kind == "verdict"
        has_target = any(b.target is not None for b in column.bars.bars)
        data = [
            {"name": _short(b.name), "n": b.n, "target": b.target, "lower": b.lower, "upper": b.upper}
            for b in column.bars.bars
        ]
        title = "share watched" if is_share else f"mean {target.column}" if target else ""
        spec = draw.bars(
            data, has_target=has_target, is_share=is_share, overall=target.mean if target else None, title=title
        )
        drawn.append(picture(draw.svg(spec, words.describe_bars(column, column.bars, target))))
    return drawn


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def _time(found: Exploration) -> Any:
    points = found.over_time
    if len(points) < 3:
        return None
    domain = (float(points[0].year), float(points[-1].year))
    parts = [draw.columns_over([(p.year, p.n) for p in points], title="rows")]
    said = [f"Rows per year from {points[0].year} to {points[-1].year}, most in {max(points, key=lambda p: p.n).year}"]
    rated = [(float(p.year), p.rating) for p in points if p.rating is not None]
    if found.rating_column and len(rated) >= 3:
        parts.append(draw.curve_over(rated, domain, title="mean rating", colour="var(--ink)", is_share=False))
        said.append(f"mean {found.rating_column} from {_ends(rated)}")
    is_verdict = found.target is not None and found.target.kind == "verdict"
    shares = [(float(p.year), p.target) for p in points if p.target is not None]
    if is_verdict and len(shares) >= 3:
        parts.append(draw.curve_over(shares, domain, title="watched", colour="var(--yes)", is_share=True))
        said.append(f"share watched from {words.percent(shares[0][1])} to {words.percent(shares[-1][1])}")
    return picture(draw.svg(draw.stacked(*parts), "; ".join(said) + "."))


def _ends(points: Sequence[tuple[float, float]]) -> str:
    return f"{points[0][1]:.2f} in {points[0][0]:.0f} to {points[-1][1]:.2f} in {points[-1][0]:.0f}"


def _matrix(found: Exploration) -> Any:
    if found.matrix is None:
        return None
    m = found.matrix
    below = ((m.values[i][j], m.columns[i], m.columns[j]) for i in range(len(m.columns)) for j in range(i))
    pairs = sorted(((v, a, b) for v, a, b in below if v is not None), key=lambda p: -abs(p[0]))
    said = "; ".join(f"{a} and {b} {v:.2f}" for v, a, b in pairs[:5])
    return picture(
        draw.svg(
            draw.heat([_short(c) for c in m.columns], m.values),
            f"Associations between columns, strongest first: {said}.",
        )
    )
