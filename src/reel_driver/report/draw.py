"""Pictures as small SVGs: Vega-Lite draws them, the page's own colours fill them, and each says in words what it shows."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reel_driver.errors import ExtraMissing

Spec = dict[str, Any]

WIDTH = 300
"""Drawing width in pixels; the page scales pictures to the room there is."""

CONFIG: Spec = {
    "background": "transparent",
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)", "titleColor": "var(--soft)", "labelFontSize": 10, "titleFontSize": 10,
        "titleFontWeight": "normal", "domain": False, "ticks": False, "gridColor": "var(--line)", "gridWidth": 0.6,
        "labelPadding": 5, "labelLimit": 112,
    },
    "axisX": {"grid": False, "domain": True, "domainColor": "var(--line)", "tickCount": 5, "labelFlush": True},
    "axisY": {"tickCount": 3},
    "text": {"fontSize": 10, "color": "var(--soft)"},
    "concat": {"spacing": 10},
    "rule": {"color": "var(--ink)"},
}  # fmt: skip

_DROP = re.compile(
    r' (?:aria-[a-z]+|role|pointer-events|font-family|class|stroke-miterlimit|xmlns(?::xlink)?|version)="[^"]*"'
)
_EMPTY = re.compile(r'<path(?: [a-z-]+="[^"]*")*? d="M0,0h0v0h0Z"[^>]*/>|<path d=""[^>]*/>|<g/>|<g></g>')
_LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")


def svg(spec: Spec, words: str) -> str:
    """Draw a Vega-Lite spec as an SVG without scripts, with `words` as its text alternative.

    Raises:
        ExtraMissing: when the drawing library is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise ExtraMissing("report", "Drawing a report") from error
    drawn = vl_convert.vegalite_to_svg(
        json.dumps(
            _without_empty(
                {
                    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
                    "config": CONFIG,
                    "padding": {"left": 4, "right": 8, "top": 3, "bottom": 2},
                    **spec,
                }
            )
        ),
        vl_version="5.21",
    )
    return slim(drawn, words)


def _without_empty(spec: Any) -> Any:
    """The spec without number formats that are left to the library."""
    if isinstance(spec, dict):
        return {k: _without_empty(v) for k, v in spec.items() if not (k == "format" and v == "")}
    return [_without_empty(v) for v in spec] if isinstance(spec, list) else spec


def slim(drawn: str, words: str) -> str:
    """The SVG for use inside a page: fluid width, no attributes that say nothing, its text alternative on top."""
    head, body = drawn.split(">", 1)
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    width, height = (float(found[1]), float(found[2])) if found else (300.0, 200.0)
    body = _DROP.sub("", body)
    body = body.replace(' opacity="1"', "").replace(' stroke-width="0"', "")
    for _ in range(4):
        body = _EMPTY.sub("", body)
    body = _LONG.sub(lambda m: f"{float(m[0]):.1f}", body)
    said = html.escape(words, quote=True)
    return (
        f'<svg role="img" aria-label="{said}" viewBox="0 0 {width:g} {height:g}" style="max-width:{width * 1.35:.0f}px">'
        f"<title>{said}</title>{body}"
    )


def rows(values: Sequence[Mapping[str, Any]]) -> Spec:
    """Inline data."""
    return {"values": list(values)}


def histogram(
    edges: Sequence[float],
    counts: Mapping[str, Sequence[int]],
    colours: Mapping[str, str],
    *,
    is_log: bool = False,
    is_year: bool = False,
    height: int = 84,
) -> Spec:
    """Bars per bin. With several groups each is drawn as a share of its own rows, so that the smaller one is seen."""
    many = len(counts) > 1
    data = []
    for key, own in counts.items():
        total = sum(own) or 1
        data += [
            {"a": edges[i], "b": edges[i + 1], "n": n / total if many else n, "g": key} for i, n in enumerate(own) if n
        ]
    return {
        "width": WIDTH,
        "height": height,
        "data": rows(data),
        "mark": {"type": "bar", "opacity": 0.62 if many else 0.9, "binSpacing": 0.5},
        "encoding": {
            "x": {"field": "a", "type": "quantitative", "bin": "binned", "title": None, "scale": _scale(is_log, edges), "axis": _axis(is_log, is_year, edges[-1])},
            "x2": {"field": "b"},
            "y": {"field": "n", "type": "quantitative", "stack": None, "title": None, "axis": {"format": ".0%" if many else _format(max((n for own in counts.values() for n in own), default=0))}},
            "color": _colour(colours),
        },
    }  # fmt: skip


def violin(
    grid: Sequence[float],
    density: Mapping[str, Sequence[float]],
    quartiles: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    domain: Sequence[float],
    *,
    is_log: bool = False,
) -> Spec:
    """One lying violin for each group, with the quartiles as a line and the median as a dot; it stands under a histogram."""
    area, middle = [], []
    for at, (key, own) in enumerate(density.items()):
        base = -2.3 * at
        area += [{"x": x, "lo": base - d, "hi": base + d, "g": key} for x, d in zip(grid, own, strict=True)]
        q = quartiles[key]
        middle.append({"q1": q[0], "m": q[1], "q3": q[2], "y": base, "g": key})
    x = {"type": "quantitative", "title": None, "scale": _scale(is_log, domain), "axis": None}
    y = {"type": "quantitative", "axis": None}
    return {
        "width": WIDTH,
        "height": 30 * len(density) + 4,
        "layer": [
            {"data": rows(area), "mark": {"type": "area", "opacity": 0.62}, "encoding": {"x": {"field": "x", **x}, "y": {"field": "lo", **y}, "y2": {"field": "hi"}, "color": _colour(colours)}},
            {"data": rows(middle), "mark": {"type": "rule", "strokeWidth": 1.4}, "encoding": {"x": {"field": "q1", **x}, "x2": {"field": "q3"}, "y": {"field": "y", **y}}},
            {"data": rows(middle), "mark": {"type": "point", "filled": True, "size": 34, "color": "var(--ink)", "opacity": 1}, "encoding": {"x": {"field": "m", **x}, "y": {"field": "y", **y}}},
        ],
    }  # fmt: skip


def stacked(*parts: Spec) -> Spec:
    """Pictures one above the other."""
    return {"vconcat": list(parts)}


def bars(
    data: Sequence[Mapping[str, Any]], *, has_target: bool, is_share: bool, overall: float | None, title: str
) -> Spec:
    """Lying bars of counts; beside them the target in each category with its interval, and a line at the overall mean.

    Each row of data has `name`, `n`, `target`, `lower`, `upper`.
    """
    y = _named([d["name"] for d in data])
    counts: Spec = {
        "width": 110 if has_target else 210,
        "height": {"step": 17},
        "data": rows(data),
        "layer": [
            {"mark": {"type": "bar", "color": "var(--all)", "height": {"band": 0.68}, "opacity": 0.8}, "encoding": {"y": y, "x": {"field": "n", "type": "quantitative", "title": None, "axis": None, "scale": {"domainMax": 1.3 * max((d["n"] for d in data), default=1)}}}},
            {"mark": {"type": "text", "align": "left", "dx": 4}, "encoding": {"y": y, "x": {"field": "n", "type": "quantitative"}, "text": {"field": "n", "format": ","}}},
        ],
    }  # fmt: skip
    if not has_target:
        return {**counts, "padding": {"left": 22, "right": 8, "top": 2, "bottom": 2}}
    x: Spec = {
        "type": "quantitative",
        "title": title,
        "axis": {"format": ".0%" if is_share else "", "tickCount": 3},
        "scale": {"zero": is_share, "nice": True},
    }
    bare = {**y, "axis": None}
    shares: Spec = {
        "width": 90,
        "height": {"step": 17},
        "data": rows([d for d in data if d["target"] is not None]),
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 1.2, "color": "var(--yes)"}, "encoding": {"y": bare, "x": {"field": "lower", **x}, "x2": {"field": "upper"}}},
            {"mark": {"type": "point", "filled": True, "color": "var(--yes)", "size": 32, "opacity": 1}, "encoding": {"y": bare, "x": {"field": "target", **x}}},
            {"data": rows([{"v": overall}]), "mark": {"type": "rule", "strokeDash": [2, 3], "color": "var(--soft)", "strokeWidth": 0.8}, "encoding": {"x": {"field": "v", **x}}},
        ],
    }  # fmt: skip
    return {
        "hconcat": [counts, shares],
        "resolve": {"scale": {"y": "shared"}},
        "padding": {"left": 22, "right": 14, "top": 2, "bottom": 2},
    }


def lines(
    series: Sequence[tuple[str, Sequence[tuple[float, float]], str]],
    *,
    x_title: str,
    y_title: str,
    x_format: str = "",
    y_format: str = "",
    width: int = WIDTH,
    height: int = 180,
    x_domain: Sequence[float] | None = None,
    y_domain: Sequence[float] | None = None,
    diagonal: bool = False,
    points: bool = False,
    is_log: bool = False,
) -> Spec:
    """Curves, each a name, its points and its colour. `diagonal` draws where x equals y."""
    x: Spec = {
        "type": "quantitative",
        "title": x_title,
        "axis": {"format": x_format},
        "scale": {"zero": False, "nice": False},
    }
    y: Spec = {
        "type": "quantitative",
        "title": y_title,
        "axis": {"format": y_format, "tickCount": 5},
        "scale": {"zero": False},
    }
    if is_log:
        x["scale"] = {"type": "log", "nice": False}
    if x_domain:
        x["scale"] = {**x["scale"], "domain": list(x_domain)}
    if y_domain:
        y["scale"] = {**y["scale"], "domain": list(y_domain), "clamp": True}
    layers: list[Spec] = []
    if diagonal:
        layers.append({"data": rows([{"x": 0, "y": 0}, {"x": 1, "y": 1}]), "mark": {"type": "line", "strokeDash": [2, 3], "color": "var(--soft)", "strokeWidth": 0.8}, "encoding": {"x": {"field": "x", **x}, "y": {"field": "y", **y}}})  # fmt: skip
    for _name, points_at, colour in series:
        layers.append({"data": rows([{"x": a, "y": b, "i": i} for i, (a, b) in enumerate(points_at)]), "mark": {"type": "line", "color": colour, "strokeWidth": 1.8, **({"point": {"filled": True, "size": 30, "color": colour}} if points else {})}, "encoding": {"x": {"field": "x", **x}, "y": {"field": "y", **y}, "order": {"field": "i", "type": "quantitative"}}})  # fmt: skip
    return {"width": width, "height": height, "layer": layers}


def band(points_at: Sequence[tuple[float, float, float]], colour: str, x: str = "x") -> Spec:
    """A band between two curves, to lay under `lines`: triples of x, low and high."""
    return {
        "data": rows([{"x": a, "lo": lo, "hi": hi} for a, lo, hi in points_at]),
        "mark": {"type": "area", "color": colour, "opacity": 0.18},
        "encoding": {"x": {"field": x, "type": "quantitative"}, "y": {"field": "lo", "type": "quantitative"}, "y2": {"field": "hi"}},
    }  # fmt: skip


def columns_over(
    data: Sequence[tuple[float, float]], *, title: str, width: int = 620, height: int = 70, with_axis: bool = True
) -> Spec:
    """Standing bars over years."""
    axis: Spec | None = {"format": "d", "tickCount": 8} if with_axis else None
    low, high = (min(d[0] for d in data), max(d[0] for d in data)) if data else (0, 1)
    return {
        "width": width, "height": height, "data": rows([{"x": a - 0.5, "b": a + 0.5, "n": n} for a, n in data]),
        "mark": {"type": "bar", "color": "var(--all)", "opacity": 0.8, "binSpacing": 0.4},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "bin": "binned", "title": None, "axis": axis, "scale": {"domain": [low - 1, high + 1], "nice": False}},
            "x2": {"field": "b"},
            "y": {"field": "n", "type": "quantitative", "title": title, "axis": {"format": _format(max((d[1] for d in data), default=0))}},
        },
    }  # fmt: skip


def curve_over(
    data: Sequence[tuple[float, float]], domain: tuple[float, float], *, title: str, colour: str, is_share: bool,
    width: int = 620, height: int = 60, with_axis: bool = False,
) -> Spec:  # fmt: skip
    """Dots over years."""
    axis: Spec | None = {"format": "d", "tickCount": 8} if with_axis else None
    return {
        "width": width, "height": height, "data": rows([{"x": a, "y": b} for a, b in data]),
        "mark": {"type": "point", "filled": True, "color": colour, "size": 12, "opacity": 0.9},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": None, "axis": axis, "scale": {"domain": [domain[0] - 1, domain[1] + 1], "nice": False}},
            "y": {"field": "y", "type": "quantitative", "title": title, "axis": {"format": ".0%" if is_share else ""}, "scale": {"zero": is_share}},
        },
    }  # fmt: skip


def heat(names: Sequence[str], values: Sequence[Sequence[float | None]]) -> Spec:
    """A matrix of associations: colour says the sign, strength the size."""
    data = [
        {"a": a, "b": b, "v": abs(v), "t": f"{v:.2f}".replace("0.", "."), "s": "up" if v >= 0 else "down"}
        for i, a in enumerate(names)
        for j, (b, v) in enumerate(zip(names, values[i], strict=True))
        if j < i and v is not None
    ]
    x = {
        "field": "b",
        "type": "nominal",
        "sort": list(names),
        "title": None,
        "axis": {"labelAngle": -40, "domain": False, "labelFlush": False},
    }
    y = {"field": "a", "type": "nominal", "sort": list(names), "title": None, "axis": {"grid": False}}
    return {
        "width": {"step": 34}, "height": {"step": 24}, "data": rows(data),
        "padding": {"left": 44, "right": 10, "top": 4, "bottom": 26},
        "layer": [
            {"mark": {"type": "rect", "cornerRadius": 2}, "encoding": {"x": x, "y": y, "opacity": {"field": "v", "type": "quantitative", "legend": None, "scale": {"domain": [0, 1], "range": [0.04, 0.85]}}, "color": _colour({"up": "var(--yes)", "down": "var(--bad)"}, "s")}},
            {"mark": {"type": "text", "color": "var(--ink)", "fontSize": 9}, "encoding": {"x": x, "y": y, "text": {"field": "t"}}},
        ],
    }  # fmt: skip


def _colour(colours: Mapping[str, str], field: str = "g") -> Spec:
    return {
        "field": field,
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(colours), "range": list(colours.values())},
    }


def _scale(is_log: bool, edges: Sequence[float]) -> Spec:
    domain = {"domain": [edges[0], edges[-1]]} if len(edges) else {}
    return {"type": "log", "nice": False, **domain} if is_log else {"zero": False, "nice": False, **domain}


def _named(order: Sequence[str]) -> Spec:
    """The upright axis of lying bars: their names, in this order from above."""
    axis = {"labelColor": "var(--ink)", "grid": False}
    return {"field": "name", "type": "nominal", "sort": order, "title": None, "axis": axis}


def _axis(is_log: bool, is_year: bool, highest: float) -> Spec:
    return {"format": "d" if is_year else _format(highest), "tickCount": 4 if is_log else 5, "labelOverlap": True}


def _format(highest: float) -> str:
    return "" if highest < 10_000 else "~s"


def signed_bars(data: Sequence[tuple[str, float]]) -> Spec:
    """Lying bars to the right for and to the left against, in the order given."""
    y = _named([name for name, _ in data])
    values = [{"name": name, "v": v, "s": "up" if v >= 0 else "down"} for name, v in data]
    x: Spec = {
        "field": "v",
        "type": "quantitative",
        "title": None,
        "axis": {"format": "+.1f", "tickCount": 4, "domain": False},
    }
    return {
        "width": 190,
        "height": {"step": 16},
        "data": rows(values),
        "padding": {"left": 26, "right": 10, "top": 2, "bottom": 2},
        "layer": [
            {"mark": {"type": "bar", "height": {"band": 0.62}, "opacity": 0.8}, "encoding": {"y": y, "x": x, "color": _colour({"up": "var(--yes)", "down": "var(--bad)"}, "s")}},
            {"data": rows([{"z": 0}]), "mark": {"type": "rule", "color": "var(--soft)", "strokeWidth": 0.7}, "encoding": {"x": {"field": "z", "type": "quantitative"}}},
        ],
    }  # fmt: skip
