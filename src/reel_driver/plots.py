"""Small drawings of a scorecard as SVG, for whoever shows files: no drawing library is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_STYLE = '<style>text{font:12px sans-serif;fill:#333}</style><rect width="100%" height="100%" fill="white"/>'


def confusion_svg(counts: Mapping[str, Any]) -> str:
    """The confusion matrix as four shaded cells."""
    cells = (
        ("tn", 120, 40, "rightly left out"),
        ("fp", 260, 40, "wasted evenings"),
        ("fn", 120, 140, "missed"),
        ("tp", 260, 140, "right picks"),
    )
    most = max((int(counts.get(k, 0)) for k, *_ in cells), default=0) or 1
    drawn = [
        f'<rect x="{x}" y="{y}" width="130" height="90" fill="#4878a8" fill-opacity="{0.08 + 0.6 * int(counts.get(k, 0)) / most:.2f}"/>'
        f'<text x="{x + 65}" y="{y + 45}" text-anchor="middle" style="font-size:18px">{int(counts.get(k, 0))}</text>'
        f'<text x="{x + 65}" y="{y + 65}" text-anchor="middle">{words}</text>'
        for k, x, y, words in cells
    ]
    labels = (
        '<text x="185" y="28" text-anchor="middle">not picked</text><text x="325" y="28" text-anchor="middle">picked</text>'
        '<text x="110" y="90" text-anchor="end">would not watch</text><text x="110" y="190" text-anchor="end">would watch</text>'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="410" height="250">{_STYLE}{labels}{"".join(drawn)}</svg>'


def reliability_svg(bins: Sequence[Mapping[str, Any]]) -> str:
    """Predicted against observed shares, with the diagonal that a calibrated model lies on."""
    points = [(float(b["predicted"]), float(b["observed"])) for b in bins if b.get("predicted") is not None]
    dots = "".join(
        f'<circle cx="{40 + 300 * p:.1f}" cy="{340 - 300 * o:.1f}" r="4" fill="#4878a8"/>' for p, o in points
    )
    frame = (
        '<rect x="40" y="40" width="300" height="300" fill="none" stroke="#999"/>'
        '<line x1="40" y1="340" x2="340" y2="40" stroke="#bbb" stroke-dasharray="4"/>'
        '<text x="190" y="365" text-anchor="middle">predicted</text>'
        '<text x="20" y="190" text-anchor="middle" transform="rotate(-90 20 190)">observed</text>'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="380" height="380">{_STYLE}{frame}{dots}</svg>'
