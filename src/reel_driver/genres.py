"""The genre task: films with a text and genres -> evaluation and bundle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from reel_driver.bundle import Bundle
from reel_driver.errors import TooFewFilms
from reel_driver.evaluate import Progress, silent
from reel_driver.menu import INVENTED
from reel_driver.metrics import Truth
from reel_driver.models.genre import GenreLearner, fit_genre_calibration
from reel_driver.split import FIRST_READER_BROKE, first_genre_split, plain_folds

Scores = NDArray[np.float64]

MIN_FILMS = 50
MIN_OF_GENRE = 10
"""Films that a genre needs to be learned."""
N_FOLDS = 5

FIRST_PARTS = (6813, 756)
"""English films to learn from and to test on in the public table of 9,827 films."""
FIRST_SYSTEM = {
    "first system (MiniLM and 5 nearest neighbours)": {
        "hit@1": 0.704,
        "lrap": 0.638,
        "micro_f1": 0.598,
        "macro_f1": 0.530,
    }
}
"""Its figures on that test part, measured once: judging it anew takes the encoder extra (`--model neighbours`)."""


def taxonomy(lists: Sequence[Sequence[str] | None]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The genres of a table, cleaned: spellings that differ in case or spaces are one, rare ones are left out.

    Returns:
        Spelling to clean name, and the clean names in alphabetical order.

    >>> taxonomy([["Drama"], ["drama "], ["Drama", "Sci  fi"]] * 10)[1]
    ('Drama', 'Sci fi')
    """
    spellings = Counter(g for genres in lists for g in genres or ())
    same: dict[str, list[str]] = {}
    for spelling in spellings:
        same.setdefault(re.sub(r"\s+", " ", spelling).strip().casefold(), []).append(spelling)
    names: dict[str, str] = {}
    for key, group in same.items():
        if key and sum(spellings[s] for s in group) >= MIN_OF_GENRE:
            commonest = max(group, key=lambda s: (spellings[s], s))
            names |= dict.fromkeys(group, re.sub(r"\s+", " ", commonest).strip())
    return names, tuple(sorted(set(names.values())))


def with_genres(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...], Truth]:
    """Films that have a text and a genre, the clean genres, and which film has which, shape (n_films, n_genres).

    Raises:
        TooFewFilms: when too few are left to learn from.
    """
    names, genres = taxonomy(frame["genre"].to_list())
    text = pl.col("overview").fill_null("") + pl.col("title").fill_null("")
    kept = frame.filter(text.str.contains(r"[^\W_]") & (pl.col("genre").list.len() > 0).fill_null(False))
    if kept.height < MIN_FILMS or not genres:
        raise TooFewFilms(kept.height, MIN_FILMS, "both a genre and a text of words")
    places = {g: i for i, g in enumerate(genres)}
    truth = np.zeros((kept.height, len(genres)), bool)
    for i, own in enumerate(kept["genre"].to_list()):
        for genre in own:
            if genre in names:
                truth[i, places[names[genre]]] = True
    return kept, genres, truth


def metrics_of(truth: Truth, probability: Scores, threshold: float) -> dict[str, float]:
    """hit@1, micro, macro and samples F1 at the threshold (the best genre always counts as said), and LRAP.

    hit@1 is the share of films whose one best genre is right. LRAP is the mean, over a film's genres, of the share
    of right ones among those ranked at least as high (Tsoumakas et al. 2010).

    >>> truth = np.array([[True, False], [True, True]])
    >>> metrics_of(truth, np.array([[0.9, 0.2], [0.3, 0.6]]), 0.5)["hit@1"]
    1.0
    """
    best = probability.argmax(axis=1)
    rows = np.arange(len(truth))
    said = probability >= threshold
    said[rows, best] = True
    right = (said & truth).sum(axis=0)
    halves = said.sum(axis=0) + truth.sum(axis=0)
    by_film = 2 * (said & truth).sum(axis=1) / np.maximum(said.sum(axis=1) + truth.sum(axis=1), 1)
    has = truth.any(axis=1)
    own, score = truth[has], probability[has]
    at_least = score[:, None, :] >= score[:, :, None]
    precision = (at_least & own[:, None, :]).sum(axis=2) / at_least.sum(axis=2)
    lrap = (precision * own).sum(axis=1) / own.sum(axis=1)
    return {
        "hit@1": float(truth[rows, best].mean()),
        "micro_f1": float(2 * right.sum() / max(halves.sum(), 1)),
        "macro_f1": float((2 * right / np.maximum(halves, 1)).mean()),
        "samples_f1": float(by_film.mean()),
        "lrap": float(lrap.mean()),
    }


def genre_table(
    genres: Sequence[str], truth: Truth, probability: Scores, threshold: float, majority: str
) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each genre at the threshold, the commonest genre first, beside always saying `majority`."""
    said = probability >= threshold
    rows = []
    for i in np.argsort(-truth.sum(axis=0), kind="stable"):
        right, n_said, n_true = int((said & truth)[:, i].sum()), int(said[:, i].sum()), int(truth[:, i].sum())
        rows.append(
            {
                "genre": genres[i],
                "n_films": n_true,
                "precision": right / n_said if n_said else 0.0,
                "recall": right / n_true if n_true else 0.0,
                "f1": 2 * right / (n_said + n_true) if right else 0.0,
                "f1_of_majority": 2 * n_true / (len(truth) + n_true) if genres[i] == majority else 0.0,
            }
        )
    return rows


def best_threshold(truth: Truth, probability: Scores) -> float:
    """The one threshold with the best micro F1."""
    candidates = np.arange(0.15, 0.6, 0.01)
    return float(max(candidates, key=lambda t: metrics_of(truth, probability, t)["micro_f1"]))


def fit(
    learner: Any, frame: pl.DataFrame, genres: tuple[str, ...], truth: Truth, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Spec and model of all given films."""
    spec = learner.prepare(frame, truth, rng)
    return spec, learner.fit(spec, learner.encode_training(spec, frame), genres, truth, rng)


def out_of_fold(
    learner: Any,
    frame: pl.DataFrame,
    genres: tuple[str, ...],
    truth: Truth,
    rng: np.random.Generator,
    *,
    always: NDArray[np.bool_] | None = None,
    n_judged: int = N_FOLDS,
    progress: Progress = silent,
) -> tuple[Scores, NDArray[np.int64]]:
    """Raw scores of each film by a model of the other folds, and the folds.

    Films marked `always` only train. With fewer than five folds judged, films of the others have NaN.
    """
    judged = np.flatnonzero(~always) if always is not None else np.arange(frame.height)
    folds = np.full(frame.height, -1)
    folds[judged] = plain_folds(len(judged), N_FOLDS, rng)
    raw = np.full(truth.shape, np.nan)
    for fold in range(n_judged):
        train, test = folds != fold, folds == fold
        spec, model = fit(learner, frame.filter(train), genres, truth[train], rng)
        raw[test] = model.predict(spec.encode_frame(frame.filter(test)))[0]
        progress(fold + 1, n_judged)
    return raw, folds


def evaluate(
    learner: Any | None,
    frame: pl.DataFrame,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The scorecard on the first system's split: cross-validated on English training films, then the test part once.

    Films in other languages are always trained on, never judged. Learners that take many minutes judge one fold only.
    """
    started = perf_counter()
    learner = learner or GenreLearner()
    whole, genres, truth = with_genres(frame.filter(pl.col("title").ne_missing(FIRST_READER_BROKE)))
    english = (whole["original_language"] == "en").fill_null(False).to_numpy()
    if english.sum() < MIN_FILMS:
        raise TooFewFilms(int(english.sum()), MIN_FILMS, "a text, a genre and English as their language")
    train, test = (np.flatnonzero(english)[part] for part in first_genre_split(int(english.sum())))
    rows = np.concatenate([train, np.flatnonzero(~english)])
    training, own = whole[rows.tolist()], truth[rows]
    others = ~english[rows]
    rng = np.random.default_rng(seed)
    raw, folds = out_of_fold(
        learner, training, genres, own, rng, always=others, n_judged=learner.n_judged,
        progress=lambda done, _: progress(done, learner.n_judged + 1),
    )  # fmt: skip
    judged = ~np.isnan(raw[:, 0])
    crossed, calibrate = np.full_like(raw, np.nan), partial(fit_genre_calibration, shared=learner.shared_map)
    for fold in range(learner.n_judged):
        rest = judged & (folds != fold) if learner.n_judged > 1 else judged
        crossed[folds == fold] = calibrate(raw[rest], own[rest])(raw[folds == fold], None)[0]
    calibration = calibrate(raw[judged], own[judged])
    threshold = best_threshold(own[judged], crossed[judged])
    began = perf_counter()
    spec, model = fit(learner, training, genres, own, rng)
    fitted = perf_counter() - began
    tested = whole[test.tolist()]
    probability = calibration(model.predict(spec.encode_frame(tested))[0], None)[0]
    progress(learner.n_judged + 1, learner.n_judged + 1)
    share = np.tile(own[~others].mean(axis=0), (len(test), 1))
    return {
        "task": "genre",
        "pipeline": learner.name,
        "n_train": len(rows),
        "n_test": len(test),
        "threshold": threshold,
        "cv": metrics_of(own[judged], crossed[judged], threshold),
        "test": metrics_of(truth[test], probability, threshold),
        "calibration_error": calibration_gap(own[judged], crossed[judged]),
        "genres": genre_table(genres, truth[test], probability, threshold, genres[int(share[0].argmax())]),
        "baselines": {
            "majority": metrics_of(truth[test], share, threshold),
            **(FIRST_SYSTEM if (len(train), len(test)) == FIRST_PARTS else {}),
        },
        "fit_seconds": round(fitted, 2),
        "seconds": round(perf_counter() - started, 2),
    }


def calibration_gap(truth: Truth, probability: Scores, n_bins: int = 10) -> float:
    """Mean gap between said and happened over all films and genres, in bins of equal count."""
    said, happened = probability.ravel(), truth.ravel()
    parts = np.array_split(np.argsort(said, kind="stable"), n_bins)
    return float(sum(len(p) * abs(said[p].mean() - happened[p].mean()) for p in parts) / len(said))


def fit_bundle(
    learner: Any | None,
    frame: pl.DataFrame,
    *,
    about: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Bundle:
    """Fit on all films with a text and a genre; calibrate on a fifth of them that a first fit had not seen.

    Args:
        learner: from the menu; the instant one by default.
        frame: films.
        about: further plain facts for the bundle's manifest.
        seed: same films and seed, same bundle.
        progress: told about each step.

    Raises:
        TooFewFilms: when too few films have both.
    """
    learner = learner or GenreLearner()
    films, genres, truth = with_genres(frame)
    rng = np.random.default_rng(seed)
    raw, folds = out_of_fold(learner, films, genres, truth, rng, n_judged=1, progress=lambda done, _: progress(done, 2))
    held = folds == 0
    calibration = fit_genre_calibration(raw[held], truth[held], shared=learner.shared_map)
    probability = calibration(raw[held], None)[0]
    threshold = best_threshold(truth[held], probability)
    spec, model = fit(learner, films, genres, truth, rng)
    facts = {
        "pipeline": learner.name,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "n_films": films.height,
        "evaluation": {"held_out_fifth": metrics_of(truth[held], probability, threshold)},
        **(about or {}),
    }
    bundle = Bundle("genre", spec, model, calibration, threshold, facts)
    rows = [{k: t.get(k) for k in ("title", "overview")} for t in INVENTED]
    progress(2, 2)
    return replace(bundle, golden=tuple(zip(rows, bundle.score_rows(rows)[0].tolist(), strict=True)))
