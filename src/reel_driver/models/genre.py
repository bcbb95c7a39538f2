"""Genres of a text: a ridge regression on a sum of two kernels, reduced to tables that score in microseconds.

The kernel of two texts is the cosine of their weighted words and pairs, plus a Gaussian of their text vectors. The
words' part of the solution folds exactly into one row of numbers for each term; the vectors' part is carried over to
a few hundred landmark texts. Raw scores are calibrated by genre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import State
from reel_driver.features.sparse import TextBatch, TextSpec
from reel_driver.metrics import Truth
from reel_driver.models.calibrate import logit, sigmoid

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
_CHUNK = 512


@dataclass(frozen=True)
class GenreModel:
    """Tables that turn an encoded text into one raw score a genre.

    Attributes:
        genres: names, in alphabetical order.
        table: score of each term in steps, int8, shape (n_terms, n_genres).
        steps: size of a step for each genre, shape (n_genres,).
        landmarks: text vectors times 127, int8, shape (n_landmarks, 128).
        weights: score of likeness to each landmark, shape (n_landmarks, n_genres).
        intercept: shape (n_genres,).
        scale: width of the Gaussian.
    """

    kind: ClassVar[str] = "genre"
    genres: tuple[str, ...]
    table: NDArray[np.int8]
    steps: Floats
    landmarks: NDArray[np.int8]
    weights: Floats
    intercept: Floats
    scale: float

    @cached_property
    def _rows(self) -> Floats:
        """Score of each term, shape (n_terms, n_genres)."""
        return self.table * self.steps

    @cached_property
    def _nearness(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Landmarks in columns, and their weights, so made that exp(vectors @ landmarks) @ weights is the Gaussians' part.

        exp(-|x - z|^2 / (2 s^2)) = exp(x.z / s^2) exp(-(1 + |z|^2) / (2 s^2)), for |x| is 1; z's part goes into the weights.
        """
        points = self.landmarks.astype(np.float32) / 127
        norms = (points * points).sum(axis=1) + 1
        weights = self.weights * np.exp(norms / (-2 * self.scale**2))[:, None]
        return np.ascontiguousarray(points.T) / self.scale**2, weights

    def predict(self, encoded: TextBatch) -> tuple[Scores, None]:
        """Raw scores, shape (n_texts, n_genres)."""
        out = np.empty((len(encoded), len(self.genres)))
        for start in range(0, len(encoded), _CHUNK):
            stop = min(start + _CHUNK, len(encoded))
            out[start:stop] = self._part(encoded, start, stop)
        return out, None

    def _part(self, encoded: TextBatch, start: int, stop: int) -> Floats:
        first, last = encoded.starts[start], encoded.starts[stop]
        values, rows = encoded.values[first:last], self._rows[encoded.terms[first:last]]
        scores = np.zeros((stop - start, len(self.genres)), np.float32)
        for i, (a, b) in enumerate(pairwise((encoded.starts[start : stop + 1] - first).tolist())):
            np.dot(values[a:b], rows[a:b], out=scores[i])
        vectors = encoded.vectors[start:stop]
        points, weights = self._nearness
        near = vectors @ points
        np.exp(near, out=near)
        # A text without a known word is like nothing: its genres are the shares of all films.
        near[~vectors.any(axis=1)] = 0
        result: Floats = scores + near @ weights + self.intercept
        return result

    def contributions(self, encoded: TextBatch) -> NDArray[np.float64]:
        """Not split: the raw scores."""
        return self.predict(encoded)[0]

    def state(self) -> State:
        """Names and tables."""
        names = ("table", "steps", "landmarks", "weights", "intercept")
        plain = {"genres": list(self.genres), "scale": self.scale}
        return plain, {n: getattr(self, n) for n in names}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> GenreModel:
        """Made again."""
        return cls(
            tuple(plain["genres"]), arrays["table"], arrays["steps"], arrays["landmarks"], arrays["weights"],
            arrays["intercept"], float(plain["scale"]),
        )  # fmt: skip


@dataclass(frozen=True)
class GenreLearner:
    """The instant model: `share` weighs the vectors against the words, `alpha` is the ridge penalty."""

    name: str = "instant"
    params: Mapping[str, Any] = field(
        default_factory=lambda: {"share": 1.0, "scale": 0.5, "alpha": 1.5, "n_landmarks": 1500}
    )

    n_judged: ClassVar[int] = 5
    """Folds that a scorecard judges."""
    shared_map: ClassVar[bool] = False
    """Whether one calibration serves all genres, so that probabilities rank as raw scores do."""

    def configured(self, params: Mapping[str, Any]) -> Self:
        """The same learner with other parameters."""
        return replace(self, params={**self.params, **params})

    def prepare(self, frame: pl.DataFrame, truth: Truth, rng: np.random.Generator) -> Any:
        """The spec, fitted on the training titles."""
        return TextSpec().fit(frame)

    def encode_training(self, spec: Any, frame: pl.DataFrame) -> TextBatch:
        """The training titles as `fit` takes them."""
        batch: TextBatch = spec.encode_frame(frame)
        return batch

    def fit(
        self, spec: Any, encoded: TextBatch, genres: tuple[str, ...], truth: Truth, rng: np.random.Generator
    ) -> GenreModel:
        """Learn from encoded texts and which genres each has, shape (n_texts, n_genres).

        Raises:
            ExtraMissing: without the training extra.
        """
        try:
            from scipy.linalg import cho_factor, cho_solve
            from scipy.sparse import csr_matrix
        except ImportError as error:
            raise ExtraMissing("train", "The genre model") from error
        p = self.params
        words = csr_matrix((encoded.values, encoded.terms, encoded.starts), shape=(len(encoded), len(spec.terms)))
        target = truth.astype(np.float32)
        mean = target.mean(axis=0)
        likeness = gaussian(encoded.vectors, encoded.vectors, p["scale"])
        kernel = (words @ words.T).toarray().astype(np.float32)
        kernel += p["share"] * likeness
        kernel[np.diag_indices(len(kernel))] += p["alpha"]
        factor = cho_factor(kernel, lower=True, overwrite_a=True, check_finite=False)
        pull = cho_solve(factor, target - mean, check_finite=False)
        exact = words.T @ pull
        steps = (np.abs(exact).max(axis=0, initial=0) / 127 + 1e-12).astype(np.float32)
        chosen = rng.choice(len(encoded), size=min(int(p["n_landmarks"]), len(encoded)), replace=False)
        landmarks = np.round(127 * encoded.vectors[np.sort(chosen)]).astype(np.int8)
        points = np.asarray(landmarks / np.float32(127), np.float32)
        carried = gaussian(encoded.vectors, points, p["scale"]).astype(np.float64)
        wanted = p["share"] * (likeness @ pull)
        normal = carried.T @ carried
        normal[np.diag_indices(len(normal))] += 1e-3
        weights = np.linalg.solve(normal, carried.T @ wanted)
        return GenreModel(
            genres, np.round(exact / steps).astype(np.int8), steps, landmarks, weights.astype(np.float32),
            mean, float(p["scale"]),
        )  # fmt: skip


@dataclass(frozen=True)
class TunedGenreModel:
    """The log-odds of a tuned encoder plus `gain` times the instant model's raw score.

    Attributes:
        ridge: the instant model.
        gain: log-odds that a raw score of 1 adds.
    """

    kind: ClassVar[str] = "tuned_genre"
    ridge: GenreModel
    gain: float

    @property
    def genres(self) -> tuple[str, ...]:
        """Names, in alphabetical order."""
        return self.ridge.genres

    def predict(self, encoded: TextBatch) -> tuple[Scores, None]:
        """Raw scores, shape (n_texts, n_genres)."""
        assert encoded.logits is not None, "a TunedSpec fills them"
        return encoded.logits + self.gain * self.ridge.predict(encoded)[0], None

    def contributions(self, encoded: TextBatch) -> NDArray[np.float64]:
        """Not split: the raw scores."""
        return self.predict(encoded)[0]

    def state(self) -> State:
        """The ridge's state and the gain."""
        plain, arrays = self.ridge.state()
        return {**plain, "gain": self.gain}, arrays

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TunedGenreModel:
        """Made again."""
        return cls(GenreModel.from_state(plain, arrays), float(plain["gain"]))


@dataclass(frozen=True)
class EncoderGenreLearner(GenreLearner):
    """The instant model beside a sentence encoder that is tuned on the genres; needs the encoder extra."""

    name: str = "encoder"
    params: Mapping[str, Any] = field(
        default_factory=lambda: {
            **GenreLearner().params, "gain": 4.0,
            "epochs": 3, "learning_rate": 1e-4, "batch_size": 32, "n_frozen": 2, "n_tokens": 112,
        }
    )  # fmt: skip
    n_judged: ClassVar[int] = 1
    shared_map: ClassVar[bool] = True

    def prepare(self, frame: pl.DataFrame, truth: Truth, rng: np.random.Generator) -> Any:
        """The spec with an encoder tuned on these titles' genres."""
        from reel_driver.features.tuned import tuned_spec

        return tuned_spec(frame, truth, rng, self.params)

    def encode_training(self, spec: Any, frame: pl.DataFrame) -> TextBatch:
        """The words alone: what the encoder says of the texts it was tuned on teaches nothing."""
        batch: TextBatch = spec.words.encode_frame(frame)
        return batch

    def fit(  # type: ignore[override]
        self, spec: Any, encoded: TextBatch, genres: tuple[str, ...], truth: Truth, rng: np.random.Generator
    ) -> TunedGenreModel:
        """Learn the ridge."""
        return TunedGenreModel(super().fit(spec, encoded, genres, truth, rng), float(self.params["gain"]))


@dataclass(frozen=True)
class NeighbourModel:
    """The share of each genre among the `k` training texts with the nearest vectors: the first system's model.

    Attributes:
        genres: names, in alphabetical order.
        vectors: of the training texts, of length 1, times 127, int8, shape (n, width).
        truth: which genres each has, shape (n, n_genres).
        k: neighbours that vote.
    """

    kind: ClassVar[str] = "neighbours"
    genres: tuple[str, ...]
    vectors: NDArray[np.int8]
    truth: Truth
    k: int

    def predict(self, encoded: TextBatch) -> tuple[Scores, None]:
        """Shares, shape (n_texts, n_genres)."""
        near = encoded.vectors @ (self.vectors.astype(np.float32) / 127).T
        chosen = np.argpartition(-near, self.k - 1, axis=1)[:, : self.k]
        return self.truth[chosen].mean(axis=1), None

    def contributions(self, encoded: TextBatch) -> NDArray[np.float64]:
        """Not split: the shares."""
        return self.predict(encoded)[0]

    def state(self) -> State:
        """Vectors and genres."""
        return {"genres": list(self.genres), "k": self.k}, {"vectors": self.vectors, "truth": self.truth}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> NeighbourModel:
        """Made again."""
        return cls(tuple(plain["genres"]), arrays["vectors"], arrays["truth"], int(plain["k"]))


@dataclass(frozen=True)
class NeighbourLearner(GenreLearner):
    """The first system's way: the encoder as published and its 5 nearest neighbours."""

    name: str = "neighbours"
    params: Mapping[str, Any] = field(default_factory=lambda: {"k": 5})
    n_judged: ClassVar[int] = 1

    def prepare(self, frame: pl.DataFrame, truth: Truth, rng: np.random.Generator) -> Any:
        """The spec with the encoder as published."""
        from reel_driver.features.tuned import published_spec

        return published_spec(frame)

    def fit(  # type: ignore[override]
        self, spec: Any, encoded: TextBatch, genres: tuple[str, ...], truth: Truth, rng: np.random.Generator
    ) -> NeighbourModel:
        """Keep the texts."""
        return NeighbourModel(genres, np.round(127 * encoded.vectors).astype(np.int8), truth, int(self.params["k"]))


GENRE_LEARNERS: Mapping[str, type[GenreLearner]] = {
    "instant": GenreLearner,
    "encoder": EncoderGenreLearner,
    "neighbours": NeighbourLearner,
}
"""The genre menu."""


def gaussian(a: Floats, b: Floats, scale: float) -> Floats:
    """exp(-|a - b|^2 / (2 scale^2)) of rows, shape (len(a), len(b))."""
    distances = a @ b.T
    distances *= -2
    distances += (a * a).sum(axis=1)[:, None]
    distances += (b * b).sum(axis=1)
    distances *= -0.5 / scale**2
    result: Floats = np.exp(distances, out=distances)
    return result


@dataclass(frozen=True)
class GenreCalibration:
    """Platt's map for each genre, or the same for all: probability = sigmoid(slope * raw + shift)."""

    kind: ClassVar[str] = "genre"
    slope: Scores
    shift: Scores

    def __call__(self, raw: Scores, spread: object) -> tuple[Scores, Scores, Scores]:
        """Probabilities, shape (n_texts, n_genres), three times: there is no interval."""
        p = self.probability(raw)
        return p, p, p

    def probability(self, raw: Scores) -> Scores:
        """The probabilities alone."""
        return sigmoid(raw * self.slope + self.shift)

    def state(self) -> State:
        """Two arrays."""
        return {"kind": self.kind}, {"slope": self.slope, "shift": self.shift}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> GenreCalibration:
        """Made again."""
        return cls(arrays["slope"], arrays["shift"])


def fit_genre_calibration(raw: Scores, truth: Truth, *, shared: bool = False) -> GenreCalibration:
    """Learn the map from out-of-fold raw scores: each genre for itself, or one map for all."""
    n_genres = raw.shape[1]
    if shared:
        slopes, shifts = zip(*[platt(raw.ravel(), truth.ravel())] * n_genres, strict=True)
    else:
        slopes, shifts = zip(*(platt(raw[:, i], truth[:, i]) for i in range(n_genres)), strict=True)
    return GenreCalibration(np.array(slopes), np.array(shifts))


def platt(x: Scores, truth: Truth) -> tuple[float, float]:
    """Slope and shift of the map, with a weak prior against extremes; Newton's method, steps halved where they overshoot."""
    y = truth.astype(np.float64)
    design = np.column_stack([x, np.ones(len(x))])
    weights = np.array([0.0, float(logit(np.array([(y.sum() + 1) / (len(y) + 2)]))[0])])

    def loss(weights: Scores) -> float:
        z = design @ weights
        return float(np.logaddexp(0, z).sum() - y @ z + 0.5e-3 * weights @ weights)

    reached = loss(weights)
    for _ in range(100):
        p = sigmoid(design @ weights)
        gradient = design.T @ (p - y) + 1e-3 * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while (tried := loss(weights - step)) > reached and np.abs(step).max() > 1e-12:
            step = step / 2
        weights, reached = weights - step, tried
        if np.abs(step).max() < 1e-9:
            break
    return max(float(weights[0]), 0.05), float(weights[1])
