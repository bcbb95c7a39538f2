"""Genres of a text: a ridge regression on a sum of two kernels, reduced to tables that score in microseconds.

The kernel of two texts is the cosine of their weighted words and pairs, plus a Gaussian of their text vectors. The
words' part of the solution folds exactly into one row of numbers for each term; the vectors' part is carried over to
a few hundred landmark texts. Raw scores are calibrated by genre.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import State
from reel_driver.features.sparse import TextBatch, TextSpec
from reel_driver.models.calibrate import logit, sigmoid

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
_CHUNK = 2048


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

    def __post_init__(self) -> None:
        points = self.landmarks.astype(np.float32) / 127
        # exp(-|x - z|^2 / (2 s^2)) = exp(x.z / s^2 - (|x|^2 + |z|^2) / (2 s^2)); |x| is 1 or 0.
        object.__setattr__(self, "_points", np.ascontiguousarray(points.T) / self.scale**2)
        object.__setattr__(self, "_norms", (points * points).sum(axis=1) / (2 * self.scale**2))

    def predict(self, encoded: TextBatch) -> tuple[Scores, None]:
        """Raw scores, shape (n_texts, n_genres)."""
        out = np.empty((len(encoded), len(self.genres)))
        for start in range(0, len(encoded), _CHUNK):
            stop = min(start + _CHUNK, len(encoded))
            out[start:stop] = self._part(encoded, start, stop)
        return out, None

    def _part(self, encoded: TextBatch, start: int, stop: int) -> Floats:
        first, last = encoded.starts[start], encoded.starts[stop]
        weighted = self.table[encoded.terms[first:last]] * encoded.values[first:last, None]
        starts = encoded.starts[start:stop] - first
        filled = np.diff(encoded.starts[start : stop + 1]) > 0
        scores = np.zeros((stop - start, len(self.genres)), np.float32)
        if filled.any():
            scores[filled] = np.add.reduceat(weighted, starts[filled], axis=0)
        scores *= self.steps
        vectors = encoded.vectors[start:stop]
        own = (vectors * vectors).sum(axis=1) / (2 * self.scale**2)
        near = vectors @ self._points  # type: ignore[attr-defined]
        near -= self._norms  # type: ignore[attr-defined]
        near -= own[:, None]
        np.exp(near, out=near)
        near[own == 0] = 0  # a text without a known word is like nothing: its genres are the shares of all films
        result: Floats = scores + near @ self.weights + self.intercept
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

    def configured(self, params: Mapping[str, Any]) -> Self:
        """The same learner with other parameters."""
        return replace(self, params={**self.params, **params})

    def prepare(self, frame: pl.DataFrame, truth: NDArray[np.bool_], rng: np.random.Generator) -> Any:
        """The spec, fitted on the training titles."""
        return TextSpec().fit(frame)

    def fit(
        self,
        spec: Any,
        encoded: TextBatch,
        genres: tuple[str, ...],
        truth: NDArray[np.bool_],
        rng: np.random.Generator,
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
        steps = (np.abs(exact).max(axis=0) / 127 + 1e-12).astype(np.float32)
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
class EncoderGenreLearner(GenreLearner):
    """The same on the vectors of a sentence encoder that is tuned on the genres first; needs the encoder extra."""

    name: str = "encoder"
    params: Mapping[str, Any] = field(
        default_factory=lambda: {
            "share": 4.0, "scale": 0.5, "alpha": 4.0, "n_landmarks": 1500,
            "epochs": 3, "learning_rate": 5e-5, "batch_size": 32,
        }
    )  # fmt: skip
    n_judged: ClassVar[int] = 1

    def prepare(self, frame: pl.DataFrame, truth: NDArray[np.bool_], rng: np.random.Generator) -> Any:
        """The spec with an encoder tuned on these titles' genres."""
        from reel_driver.features.tuned import tuned_spec

        return tuned_spec(frame, truth, rng, self.params)


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
    truth: NDArray[np.bool_]
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
class NeighbourLearner(EncoderGenreLearner):
    """The first system's way: the encoder as published and its 5 nearest neighbours."""

    name: str = "neighbours"
    params: Mapping[str, Any] = field(default_factory=lambda: {"k": 5, "epochs": 0})
    n_judged: ClassVar[int] = 1

    def fit(  # type: ignore[override]
        self,
        spec: Any,
        encoded: TextBatch,
        genres: tuple[str, ...],
        truth: NDArray[np.bool_],
        rng: np.random.Generator,
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
    """Platt's map for each genre: probability = sigmoid(slope * raw + shift)."""

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


def fit_genre_calibration(raw: Scores, truth: NDArray[np.bool_]) -> GenreCalibration:
    """Learn the map from out-of-fold raw scores, each genre for itself, with a weak prior against extremes."""
    slopes, shifts = [], []
    for genre in range(raw.shape[1]):
        x, y = raw[:, genre], truth[:, genre].astype(np.float64)
        design = np.column_stack([x, np.ones(len(x))])
        weights = np.array([1.0, float(logit(np.array([(y.sum() + 1) / (len(y) + 2)]))[0])])
        for _ in range(100):
            p = sigmoid(design @ weights)
            gradient = design.T @ (p - y) + 1e-3 * weights
            hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(2)
            step = np.linalg.solve(hessian, gradient)
            size = float(np.abs(step).max())
            weights = weights - step * min(1.0, 4.0 / max(size, 1e-12))
            if size < 1e-9:
                break
        slopes.append(max(weights[0], 0.05))
        shifts.append(weights[1])
    return GenreCalibration(np.array(slopes), np.array(shifts))
