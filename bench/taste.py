"""What each part of the taste model is worth, and what it costs: `python bench/taste.py --ratings FILE --titles FILE`.

Judges the model on new people with one part taken out at a time, the ways of choosing what to ask, and times a refit
after one more label and the fitting of many people. Takes a few minutes; `--people 5` takes seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.known import Tokens
from reel_driver.features.spec import FeatureSpec
from reel_driver.ingest.movielens import read_rated_titles
from reel_driver.models.prior import TastePrior
from reel_driver.models.taste import features, fit_posterior
from reel_driver.operations.benchmark import BenchmarkConfig, benchmark_taste
from reel_driver.prior_file import read_prior, shipped_prior, write_prior


def without(prior: TastePrior) -> Mapping[str, TastePrior]:
    """The prior with one part taken out at a time."""
    return {
        "everything": prior,
        "without item factors": replace(prior, factors=0 * prior.factors, covariance=_blind(prior, prior.of_factors)),
        "without periods": replace(prior, covariance=_blind(prior, slice(prior.of_factors.stop, None))),
        "without what other people say of a film": replace(prior, quality=0 * prior.quality),
        "without what the choice of titles tells": replace(prior, lean=0 * prior.lean),
        "weights that do not go together": replace(prior, covariance=np.diag(np.diag(prior.covariance))),
    }


def _blind(prior: TastePrior, to: slice) -> NDArray[np.float64]:
    """The covariance of people who do not differ in some dense features."""
    covariance = prior.covariance.copy()
    covariance[to, :] = covariance[:, to] = 0.0
    np.fill_diagonal(covariance[to, to], 1e-6)
    return covariance


def judged(args: argparse.Namespace, prior: TastePrior, n_labels: tuple[int, ...], choice: str = "first") -> str:
    """Mean AUC of each order at each number of labels, over some random orders."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prior.npz"
        write_prior(prior, path)
        cells = []
        for order in ("random", "time"):
            seeds = range(args.orders) if order == "random" else range(1)
            runs = [
                benchmark_taste(
                    args.ratings,
                    args.titles,
                    BenchmarkConfig(
                        prior=path,
                        baselines=(),
                        orders=(order,),
                        n_labels=n_labels,
                        choice=choice,
                        n_people=args.people,
                        seed=seed,
                    ),
                )["results"][order]["taste"]
                for seed in seeds
            ]
            cells.append(" ".join(f"{np.mean([r[str(n)]['roc_auc']['value'] for r in runs]):.4f}" for n in n_labels))
    return " | ".join(cells)


def timings(args: argparse.Namespace, prior: TastePrior, n_many: int) -> None:
    """A refit after one more label with 1,000 labels, and people with 150 labels each."""
    titles = read_rated_titles(args.titles)
    spec = FeatureSpec(prior.blocks()).fit(titles)
    sizes = tuple(len(b.categories) for b in spec.blocks if isinstance(b, Tokens))
    of, rng = features(prior, spec.encode_frame(titles), sizes), np.random.default_rng(0)
    appeal = of.mean + rng.normal(0, 0.8, len(of.mean))
    levels = (appeal > 3.6).astype(np.int64) + (appeal > 4.3)
    rows = rng.permutation(len(levels))[:1001]
    last, more = fit_posterior(prior, of[rows[:-1]], levels[rows[:-1]]), of[rows]
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        fit_posterior(prior, more, levels[rows], start=last.dual)
        seconds.append(time.perf_counter() - started)
    print(f"refit after one more label, {len(rows)} labels: median {1000 * np.median(seconds):.1f} ms")
    started = time.perf_counter()
    for _ in range(n_many):
        own = rng.permutation(len(levels))[:150]
        fit_posterior(prior, of[own], levels[own])
    print(f"{n_many} people with 150 labels each: {time.perf_counter() - started:.1f} s on one core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=Path, required=True)
    parser.add_argument("--titles", type=Path, required=True)
    parser.add_argument("--prior", type=Path, default=None)
    parser.add_argument("--people", type=int, default=None)
    parser.add_argument("--orders", type=int, default=3, help="random orders to average over")
    args = parser.parse_args()
    prior = read_prior(args.prior) if args.prior else shipped_prior()
    print("AUC at 0, 10, 20, 50, 100 labels: random order | time order")
    for name, part in without(prior).items():
        print(f"{name:<42} {judged(args, part, (0, 10, 20, 50, 100))}", flush=True)
    print("AUC at 10, 20 labels by choice (and at 20, 28, 35 for the first ones): random order | time order")
    print(f"{'the first ones':<42} {judged(args, prior, (20, 28, 35))}", flush=True)
    for choice in ("popular", "teach"):
        print(f"{choice:<42} {judged(args, prior, (10, 20), choice)}", flush=True)
    timings(args, prior, 1000 if args.people is None else 20)


if __name__ == "__main__":
    main()
