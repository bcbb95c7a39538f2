"""Whether the ladder picks well: the default against each single rung, on the same folds, out of fold.

`python bench/ladder.py`, in a workspace with labels. Some minutes on thousands of labels.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from reel_driver.evaluate import out_of_fold
from reel_driver.metrics import average_precision, log_loss, roc_auc
from reel_driver.models.calibrate import cross_calibrated
from reel_driver.models.ladder import RUNGS
from reel_driver.operations.data import labelled_titles
from reel_driver.operations.workspace import Workspace
from reel_driver.tasks import Pipeline, watch_pipeline
from reel_driver.train import levels_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default=None)
    parser.add_argument("--splits", type=int, default=3, help="ways of laying the folds")
    args = parser.parse_args()
    with Workspace.default(args.profile) as work:
        frame, _ = labelled_titles(work)
    if frame.is_empty():
        parser.error("no title is labelled here: reel import titles FILE and reel import labels FILE bring some")
    levels, pipeline = levels_of(frame["verdict"]), watch_pipeline("taste")
    truth = levels > 0
    print(f"{len(levels)} labels, {int(truth.sum())} would be watched; mean over splits (each split)")
    print(f"{'':<12} {'average precision':<34} {'ROC AUC':<8} {'log loss':<9} rungs of the folds")
    for name in ("default", *RUNGS):
        learner = pipeline.learner if name == "default" else pipeline.learner.configured({"rung": name})
        search = pipeline.learner.grid if name == "default" else ()
        rows, rungs = [], Counter[str]()
        for seed in range(args.splits):
            found = out_of_fold(
                Pipeline(pipeline.recipe, learner, pipeline.about),
                frame,
                levels,
                np.random.default_rng(seed),
                search=search,
            )
            rungs.update(str(p["rung"]) for p in found.params)
            loss = log_loss(truth, cross_calibrated(found.raw, truth, found.folds))
            rows.append((average_precision(truth, found.raw), roc_auc(truth, found.raw), loss))
        mean = np.mean(rows, axis=0)
        each = " ".join(f"{r[0]:.4f}" for r in rows)
        picked = ", ".join(f"{rung} {n}" for rung, n in rungs.most_common())
        print(f"{name:<12} {mean[0]:.4f} ({each}){'':<4} {mean[1]:.4f}   {mean[2]:.4f}    {picked}", flush=True)


if __name__ == "__main__":
    main()
