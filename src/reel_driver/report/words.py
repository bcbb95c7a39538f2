"""Numbers and pictures in words: for people, and for those who cannot see the picture."""

from __future__ import annotations

from collections.abc import Mapping

from reel_driver.explore.facts import Bars, Column, Target


def percent(share: float | None) -> str:
    """A share for a person.

    >>> percent(0.824), percent(0.0123), percent(None)
    ('82 %', '1.2 %', '')
    """
    if share is None:
        return ""
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{share * 100:.1f} %" if 0 < share < 0.1 else f"{share * 100:.0f} %"


def number(value: float | None) -> str:
    """A number for a person: three digits that count.

    >>> number(1234567.0), number(5083.954), number(7.346), number(0.01234), number(2007)
    ('1.23 M', '5,084', '7.35', '0.0123', '2,007')
    """
    if value is None:
        return ""
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def describe_number(column: Column, groups: Mapping[str, str]) -> str:
    """The words of a histogram with its violins."""
    year = (lambda v: f"{v:.0f}") if column.role in ("year", "date") else number
    parts = [f"Histogram and violin of {column.name}"]
    if column.violin:
        for key, (low, middle, high) in column.violin.quartiles.items():
            name = f"{groups[key]}: " if key in groups else ""
            parts.append(f"{name}median {year(middle)}, middle half {year(low)} to {year(high)}")
    if column.histogram and column.histogram.is_log:
        parts.append("on a logarithmic scale")
    return "; ".join(parts) + "."


def describe_bars(column: Column, bars: Bars, target: Target | None) -> str:
    """The words of a picture of categories."""
    top = bars.bars[:5]
    said = ", ".join(
        f"{b.name} {b.n:,}" + (f" ({_target(b.target, target)})" if b.target is not None else "") for b in top
    )
    return f"Bars of the most common of {bars.n_categories:,} values of {column.name}: {said}."


def _target(value: float, target: Target | None) -> str:
    if target is not None and target.kind == "verdict":
        return f"{percent(value)} {target.groups[0].words}"
    return f"mean {target.column if target else ''} {value:.2f}"
