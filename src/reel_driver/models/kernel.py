"""A Gaussian process: films that are alike in facts and in words are rated alike, with noise that votes wear off.

The kernel is the cosine of weighted words, which finds sequels and remakes, and the mean of several settings of three
Gaussians: over the facts, over the text vectors and over both together. A text may have several vectors, by words
and by a sentence encoder; each has Gaussians of its own. Each fact has a length scale of its own (Rasmussen and
Williams 2006, chapters 2 and 5), learned beforehand by the marginal likelihood and shipped as
`data/kernel-scales.json`; fitting is one linear system. The noise of a title's rating is s0 + s1 / votes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing
from reel_driver.features.blocks import Matrix, State
from reel_driver.models import Vector

Floats = NDArray[np.float32]
_CHUNK = 2048
COMMON_SCALE = 3.0
"""Length scale of a column that had none when the scales were learned."""


@lru_cache(maxsize=1)
def kernel_scales() -> Mapping[str, Any]:
    """Learned scales by the name of the setting: "five" inputs, "votes" with votes and popularity, "encoder" with sentences."""
    read: Mapping[str, Any] = json.loads((files("reel_driver.data") / "kernel-scales.json").read_bytes())
    return read


@dataclass(frozen=True)
class KernelModel:
    """The fitted process: training titles as points, and how much each of them pulls.

    Attributes:
        mean: of each fact column over the training titles that know it, shape (n_facts,).
        inverse: for each setting 1 / length scale of each fact, for the facts alone and for facts with text, shape
            (n_settings, 2, n_facts).
        text_inverse: 1 / length scale of each kind of text vector, likewise, shape (n_settings, n_kinds, 2).
        variances: of the parts of each setting: facts, each kind of text, each with facts, shape (n_settings, 1 + 2 n_kinds).
        facts: training titles' facts, centred, float16, shape (n, n_facts).
        texts: training titles' text columns of all kinds times 127, int8, shape (n, n_text).
        pull: weight of each training title, shape (n,).
        intercept: the weighted mean rating.
        roles: what each column is, as `role_of` has it, shape (width,).
        table: pull of each term, shape (n_terms,).
    """

    kind: ClassVar[str] = "kernel"
    mean: Floats
    inverse: Floats
    text_inverse: Floats
    variances: Floats
    facts: NDArray[np.float16]
    texts: NDArray[np.int8]
    pull: Floats
    intercept: float
    roles: NDArray[np.int8]
    table: Floats

    @cached_property
    def _kinds(self) -> tuple[NDArray[np.bool_], ...]:
        """Which of the text columns belong to each kind of text vector."""
        held = self.roles[np.isin(self.roles, TEXTS)]
        return tuple(held == kind for kind in TEXTS if (held == kind).any())

    @cached_property
    def _points(self) -> tuple[tuple[Floats, Floats], ...]:
        """Training titles with their squared norms: each kind of text vectors, then the scaled facts of each setting."""
        facts, texts = self.facts.astype(np.float32), self.texts.astype(np.float32) / 127
        kinds = (texts[:, kind] for kind in self._kinds)
        scaled = [*kinds, *(facts * inverse for pair in self.inverse for inverse in pair)]
        return tuple((np.ascontiguousarray(p.T), (p * p).sum(axis=1)) for p in scaled)

    def _split(self, encoded: Matrix) -> tuple[Floats, Floats]:
        facts = np.nan_to_num(encoded[:, self.roles == 0] - self.mean, nan=0.0)
        return facts, np.nan_to_num(encoded[:, np.isin(self.roles, TEXTS)], nan=0.0)

    def covariance(self, encoded: Matrix) -> Floats:
        """Kernel between encoded titles and the training titles, shape (n_titles, n)."""
        facts, texts = self._split(encoded)
        n_kinds = len(self._kinds)
        apart = [squared_distances(texts[:, k], *self._points[i]) for i, k in enumerate(self._kinds)]
        total = np.zeros((len(encoded), len(self.pull)), np.float32)
        for i, (inverse, text_inverse, variances) in enumerate(
            zip(self.inverse, self.text_inverse, self.variances.tolist(), strict=True)
        ):
            at = n_kinds + 2 * i
            alone, together = (squared_distances(facts * inverse[k], *self._points[at + k]) for k in (0, 1))
            parts = [(alone, -0.5, variances[0])]
            for j, (words, (a, b)) in enumerate(zip(apart, (0.5 * text_inverse**2).tolist(), strict=True)):
                parts += [(together + 2 * b * words, -0.5, variances[1 + n_kinds + j]), (words, -a, variances[1 + j])]
            for part, factor, variance in parts:
                scaled = part * np.float32(factor)
                np.exp(scaled, out=scaled)
                scaled *= variance
                total += scaled
        return total

    def predict(self, encoded: Matrix) -> tuple[Vector, None]:
        """Points, shape (n_titles,)."""
        out = np.empty(len(encoded))
        for start in range(0, len(encoded), _CHUNK):
            part = encoded[start : start + _CHUNK]
            out[start : start + _CHUNK] = self.covariance(part) @ self.pull
            if len(self.table):
                numbers, weights = terms_of(part, self.roles)
                heard = numbers < len(self.table)
                pulls = np.where(heard, self.table[np.where(heard, numbers, 0)], 0)
                out[start : start + _CHUNK] += (pulls * weights).sum(axis=1)
        return out + self.intercept, None

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """Not split by column: the whole prediction stands in the last place."""
        out = np.zeros((len(encoded), len(self.roles) + 1))
        out[:, -1] = self.predict(encoded)[0]
        return out

    def state(self) -> State:
        """Points, pulls and scales."""
        return {"intercept": self.intercept}, {n: getattr(self, n) for n in _ARRAYS}

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> KernelModel:
        """Made again."""
        # Bundles from before there were several kinds of text have no axis for them.
        text_inverse = arrays["text_inverse"].reshape(len(arrays["inverse"]), -1, 2)
        own = {n: arrays[n] for n in _ARRAYS} | {"text_inverse": text_inverse}
        return cls(**own, intercept=float(plain["intercept"]))


_ARRAYS = ("mean", "inverse", "text_inverse", "variances", "facts", "texts", "pull", "roles", "table")


@dataclass(frozen=True)
class KernelLearner:
    """Gaussian process regression with the shipped scales.

    Attributes:
        name: the name on the menu.
        params: `scales` names the setting, `noise` and `vote_noise` are s0 and s1 in squared points.
    """

    name: str = "kernel"
    params: Mapping[str, Any] = field(default_factory=lambda: {"scales": "five", "noise": 0.4, "vote_noise": 1.0})

    def configured(self, params: Mapping[str, Any]) -> KernelLearner:
        """The same learner with other parameters."""
        return KernelLearner(self.name, {**self.params, **params})

    def fit(
        self, names: tuple[str, ...], encoded: Matrix, target: Vector, weight: Vector, rng: np.random.Generator
    ) -> KernelModel:
        """Learn from encoded titles; `weight` is 1 / (0.6 + 3 / votes), from which the votes are read back.

        Raises:
            ExtraMissing: without the training extra.
        """
        try:
            from scipy.linalg import cho_factor, cho_solve
        except ImportError as error:
            raise ExtraMissing("train", "The Gaussian process") from error
        learned = kernel_scales()[str(self.params["scales"])]
        roles = np.array([role_of(n) for n in names], np.int8)
        facts = encoded[:, roles == 0]
        known = ~np.isnan(facts)
        mean = (np.where(known, facts, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)).astype(np.float32)
        common = [COMMON_SCALE, COMMON_SCALE]
        facts_of = [n for n, role in zip(names, roles, strict=True) if role == 0]
        by_fact = np.array([[p["scales"].get(n, common) for n in facts_of] for p in learned["settings"]])
        scales = by_fact.transpose(0, 2, 1)
        text_scales = np.array([p["text_scales"] for p in learned["settings"]]).reshape(len(scales), -1, 2)
        variances = np.array([p["variances"] for p in learned["settings"]]) / len(learned["settings"])
        intercept = float(np.average(target, weights=weight))
        shell = KernelModel(
            mean, (1 / scales).astype(np.float32), (1 / text_scales).astype(np.float32),
            variances.astype(np.float32), np.nan_to_num(facts - mean, nan=0.0).astype(np.float16),
            np.round(127 * np.nan_to_num(encoded[:, np.isin(roles, TEXTS)], nan=0.0)).astype(np.int8),
            np.zeros(len(encoded), np.float32), intercept, roles, np.empty(0, np.float32),
        )  # fmt: skip
        whole = np.empty((len(encoded), len(encoded)), np.float32)
        for start in range(0, len(encoded), _CHUNK):
            whole[start : start + _CHUNK] = shell.covariance(encoded[start : start + _CHUNK])
        words = sparse_terms(encoded, roles) if (roles == 2).any() else None
        if words is not None:
            whole += float(learned["words"]) * (words @ words.T).toarray()
        per_vote = np.maximum(1 / weight - 0.6, 0.0) / 3
        whole[np.diag_indices(len(whole))] += self.params["noise"] + self.params["vote_noise"] * per_vote
        factor = cho_factor(whole, lower=True, overwrite_a=True, check_finite=False)
        pull = cho_solve(factor, (target - intercept).astype(np.float32), check_finite=False)
        table = shell.table if words is None else (float(learned["words"]) * (words.T @ pull)).astype(np.float32)
        return replace(shell, pull=pull.astype(np.float32), table=table)


def squared_distances(points: Floats, others: Floats, norms: Floats) -> Floats:
    """Between rows of `points` and the columns of `others`, whose squared norms are `norms`."""
    result: Floats = points @ others
    result *= -2
    result += norms
    result += (points * points).sum(axis=1)[:, None]
    return result


TEXTS = (1, 4)
"""Roles of the columns that belong to a kind of text vector."""


def role_of(name: str) -> int:
    """What a column of this name is.

    0 a fact, 1 of the vector by words, 2 a term's number, 3 a term's weight, 4 of the vector by a sentence encoder.
    """
    for role, start in enumerate(("text:", "term:", "term_weight:", "sentence:"), start=1):
        if name.startswith(start):
            return role
    return 0


def terms_of(encoded: Matrix, roles: NDArray[np.int8]) -> tuple[NDArray[np.int32], Floats]:
    """Numbers and weights of the terms of each title, shape (n_titles, room) both; nothing known weighs nothing."""
    numbers = np.nan_to_num(encoded[:, roles == 2], nan=0.0).astype(np.int32)
    return numbers, np.nan_to_num(encoded[:, roles == 3], nan=0.0)


def sparse_terms(encoded: Matrix, roles: NDArray[np.int8]) -> Any:
    """The same as a sparse matrix, shape (n_titles, 1 + largest number)."""
    from scipy.sparse import csr_matrix

    numbers, weights = terms_of(encoded, roles)
    filled = weights > 0
    rows = np.repeat(np.arange(len(encoded)), filled.sum(axis=1))
    shape = (len(encoded), int(numbers.max(initial=0)) + 1)
    return csr_matrix((weights[filled], (rows, numbers[filled])), shape=shape)
