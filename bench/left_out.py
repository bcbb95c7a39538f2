"""What a client leaves out: how many decisions change when fields that a model has learned from are not sent.

    python bench/left_out.py [TABLE] [--search] [--json out.json]

The labelled films of TABLE (a Parquet file as `atp.training` has them; by default the real ones beside the project), or
where there is none the invented ones, are judged out of fold. Each fold's model then judges its held-out films once more
with only the 19 fields that automatic-transmission sends; the calibration and the threshold are those of the complete
films, as in service. The last line of each model is one that was trained on films without those fields from the start.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from real_films import labelled_films
from reel_driver.evaluate import Judged, evaluate
from reel_driver.metrics import all_metrics
from reel_driver.models.calibrate import fit_calibration
from reel_driver.tasks import WATCH, watch_pipeline
from reel_driver.train import levels_of
from reel_driver.web.items import LISTS, RATINGS, TEXTS, WHOLE

SENT = ("imdb_id", *WHOLE, *RATINGS, *TEXTS, *(name for name in LISTS if name != "production_companies"))
"""The 19 fields that automatic-transmission sends."""
CLIENT = 0.35
"""The threshold that it compares with, whatever the model's own is."""


def without(frame: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """The same films with these fields unknown."""
    return frame.with_columns(pl.lit(None, frame.schema[f]).alias(f) for f in fields)


def again(judged: Judged, frame: pl.DataFrame, truth: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Raw scores and probabilities of held-out films by the models that did not learn from them."""
    oof = judged.oof
    raw, probability = np.empty(frame.height), np.empty(frame.height)
    for fold, (spec, model) in enumerate(oof.fitted):
        held = oof.folds == fold
        raw[held] = model.predict(spec.encode_frame(frame.filter(pl.Series(held))))[0]
        calibration = fit_calibration(oof.raw[~held], truth[~held])
        probability[held] = calibration.probability(raw[held])
    return raw, probability


def study(name: str, frame: pl.DataFrame, search: bool) -> list[dict[str, Any]]:
    """A line for the complete films, one for each way of leaving fields out, one for a model trained without them."""
    pipeline, levels = watch_pipeline(name), levels_of(frame["verdict"])
    truth, grid = levels > 0, pipeline.learner.grid if search else ()
    judged = evaluate(pipeline, frame, levels, np.random.default_rng(0), search=grid)
    threshold = judged.evaluation.threshold
    read = {f for spec, _ in judged.oof.fitted for f in spec.fields}
    unsent = sorted(f for f in read - set(SENT) if frame[f].null_count() < frame.height)
    lines = []

    def line(what: str, raw: NDArray[Any], p: NDArray[Any], threshold: float = threshold) -> None:
        found = all_metrics(truth, p, threshold)
        lines.append(
            {
                "model": name,
                "films": what,
                "roc_auc": all_metrics(truth, raw, 0.0)["roc_auc"],
                "log_loss": found["log_loss"],
                "recall": found["recall"],
                "precision": found["precision"],
                "flipped": int(((p >= threshold) != (judged.probability >= judged.evaluation.threshold)).sum()),
                "flipped_client": int(((p >= CLIENT) != (judged.probability >= CLIENT)).sum()),
                "moved": float(np.abs(p - judged.probability).mean()),
            }
        )

    line("complete", judged.oof.raw, judged.probability)
    for unknown in unsent:
        line(f"without {unknown}", *again(judged, without(frame, [unknown]), truth))
    line("as the client sends them", *again(judged, without(frame, unsent), truth))
    bare = without(frame, unsent)
    learned = evaluate(pipeline, bare, levels, np.random.default_rng(0), search=grid)
    line("as sent, trained without", learned.oof.raw, learned.probability, learned.evaluation.threshold)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--models", nargs="+", default=list(WATCH), choices=list(WATCH))
    parser.add_argument(
        "--search", action="store_true", help="search each model's grid within each fold, as `reel train` does"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    frame = labelled_films(options.table)
    print(f"{frame.height} films, {(frame['verdict'] != 'would_not_watch').sum()} that would be watched")
    print(
        f"{'':44} {'ROC AUC':>8} {'log loss':>9} {'recall':>7} {'precision':>9} {'flipped':>8} {'at 0.35':>8} {'moved':>7}"
    )
    lines = []
    for name in options.models:
        for found in study(name, frame, options.search):
            lines.append(found)
            print(
                f"{found['model'] + ', ' + found['films']:44} {found['roc_auc']:8.4f} {found['log_loss']:9.4f}"
                f" {found['recall']:7.3f} {found['precision']:9.3f} {found['flipped']:8} {found['flipped_client']:8} {found['moved']:7.4f}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    main()
