"""The model's page: what it is worth, and where it is wrong."""

from __future__ import annotations

from typing import Any

from reel_driver.examine import Examination
from reel_driver.examine.curves import Curve
from reel_driver.examine.fields import Effect
from reel_driver.metrics import HIGHER_IS_BETTER
from reel_driver.report import draw, words
from reel_driver.report.page import picture, render

METRICS = {
    "roc_auc": ("ROC AUC", "a watched title ranks above an unwatched one"),
    "average_precision": ("average precision", "precision over the whole ranking"),
    "f1": ("F1", "precision and recall in one"),
    "precision": ("precision", "of the picks, watched"),
    "recall": ("recall", "of the watched, picked"),
    "accuracy": ("accuracy", "judged right; easy when most is unwatched"),
    "log_loss": ("log loss", "lower is better"),
    "brier": ("Brier score", "lower is better"),
    "calibration_error": ("calibration error", "gap of said and happened; lower is better"),
}
CURVE_COLOURS = ("var(--yes)", "var(--no)", "var(--all)", "var(--warn)", "var(--soft)")


def model_page(found: Examination) -> str:
    """One self-contained HTML file.

    Raises:
        ExtraMissing: when the drawing library is not installed.
    """
    card = found.evaluation
    by: dict[str, list[Any]] = {}
    for part in found.slices:
        by.setdefault(part.by, []).append(part)
    return render(
        "model.html",
        found=found,
        card=card,
        metrics=METRICS,
        baselines=list(card["baselines"]),
        beaten={k: _beaten(card, k) for k in METRICS},
        roc=_curves(found.roc, "false alarms", "hits", diagonal=True, said="ROC curve"),
        precision_recall=_curves(
            found.precision_recall, "recall", "precision", diagonal=False, said="Precision-recall curve"
        ),
        curve_names=[(c.name, CURVE_COLOURS[i % len(CURVE_COLOURS)]) for i, c in enumerate(found.roc)],
        reliability=_reliability(found),
        learning=_learning(found),
        effects=[(e, _effect(e)) for e in found.effects],
        slices=by,
        n_worse=sum(s.is_worse for s in found.slices),
        overall_loss=card["metrics"]["log_loss"]["value"],
    )


def _beaten(card: Any, key: str) -> set[str]:
    """Baselines that are better than the model in a metric."""
    own, sign = card["metrics"][key]["value"], 1 if HIGHER_IS_BETTER[key] else -1
    return {n for n, m in card["baselines"].items() if sign * m[key] > sign * own}


def _curves(curves: tuple[Curve, ...], x: str, y: str, *, diagonal: bool, said: str) -> Any:
    # The model is drawn last, on top.
    series = [(c.name, c.points, CURVE_COLOURS[i % len(CURVE_COLOURS)]) for i, c in enumerate(curves)][::-1]
    spec = draw.lines(
        series, x_title=x, y_title=y, x_format=".0%", y_format=".0%", x_domain=(0, 1), y_domain=(0, 1), diagonal=diagonal, height=220,
    )  # fmt: skip
    return picture(draw.svg(spec, f"{said} of {', '.join(c.name for c in curves)}, {y} against {x}."))


def _reliability(found: Examination) -> Any:
    bins = found.evaluation["reliability"]
    points = [(b["predicted"], b["observed"]) for b in bins]
    spec = draw.lines(
        [("model", points, "var(--yes)")], x_title="said", y_title="happened", x_format=".0%", y_format=".0%",
        x_domain=(0, 1), y_domain=(0, 1), diagonal=True, points=True, height=220,
    )  # fmt: skip
    ends = ", ".join(
        f"said {words.percent(p)} happened {words.percent(o)}" for p, o in points[:: max(1, len(points) // 4)]
    )
    return picture(draw.svg(spec, f"Reliability: {ends}."))


def _learning(found: Examination) -> Any:
    points = [(float(p.n_labels), p.average_precision) for p in found.learning]
    if len(points) < 2:
        return None
    spec = draw.lines(
        [("model", points, "var(--yes)")], x_title="labels learned from", y_title="average precision", x_format="~s",
        points=True, is_log=True, height=220,
    )  # fmt: skip
    spec["layer"].insert(
        0,
        {
            "data": draw.rows([{"x": p.n_labels, "lo": p.average_precision - p.error, "hi": p.average_precision + p.error} for p in found.learning]),
            "mark": {"type": "rule", "color": "var(--yes)", "opacity": 0.5, "strokeWidth": 1.2},
            "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "lo", "type": "quantitative"}, "y2": {"field": "hi"}},
        },
    )  # fmt: skip
    said = ", ".join(f"{p.average_precision:.2f} with {p.n_labels:,} labels" for p in found.learning)
    return picture(draw.svg(spec, f"Learning curve, average precision: {said}."))


def _effect(effect: Effect) -> Any:
    if not effect.levels:
        return None
    spec = draw.signed_bars([(name, part) for name, part, _ in effect.levels])
    said = "; ".join(f"{name} {part:+.2f}" for name, part, _ in effect.levels)
    return picture(draw.svg(spec, f"Mean part of {effect.field} in the log-odds: {said}."))
