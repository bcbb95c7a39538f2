"""The posterior of a person's taste: ordered verdicts, many features, a few Newton steps.

Model: a title's appeal to a person is f = mean + x.b + t.g, where b ~ N(lean, S) weighs dense features and g ~ N(0, 1)
weighs tokens (names), and a verdict says between which thresholds f plus logistic noise fell (proportional odds,
McCullagh 1980). The log posterior is concave. With K = x S x' + t t' its mode is f = mean + K a; each Newton step
solves (K + W^-1) a = z by conjugate gradients that are preconditioned with the dense part, so that nothing larger
than the dense features is ever factorised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class TokenRows:
    """Tokens of titles: places in a vocabulary with values, padded with place 0 and value 0.

    Attributes:
        place: shape (n_titles, n_slots).
        value: likewise.
        n_places: size of the vocabulary with its unused place 0.
    """

    place: NDArray[np.int64]
    value: Vector
    n_places: int

    def times(self, weights: Vector) -> Vector:
        """T @ weights, shape (n_titles,)."""
        return np.asarray(np.einsum("ij,ij->i", weights[self.place], self.value))

    def gathered(self, a: Vector) -> Vector:
        """T' @ a, shape (n_places,)."""
        return np.bincount(self.place.ravel(), (self.value * a[:, None]).ravel(), self.n_places).astype(np.float64)

    def square_norms(self) -> Vector:
        """Diagonal of t t'; exact when no token stands twice in a title."""
        return np.asarray((self.value**2).sum(axis=1))


@dataclass(frozen=True)
class Posterior:
    """What a person's labels say of their weights.

    Attributes:
        dense: posterior mode of the dense weights, shape (n_dense,).
        covariance: of the dense weights, shape (n_dense, n_dense).
        tokens: mode of the token weights, shape (n_places,).
        dual: one number per label, from which a refit with more labels starts.
    """

    dense: Vector
    covariance: NDArray[np.float64]
    tokens: Vector
    dual: Vector


def slope_and_bend(f: Vector, lower: Vector, upper: Vector, noise: float) -> tuple[Vector, Vector]:
    """First and minus the second derivative in f of log P(lower < f + noise * logistic < upper).

    >>> g, h = slope_and_bend(np.array([0.0]), np.array([0.0]), np.array([np.inf]), 1.0)
    >>> g.tolist(), h.tolist()
    ([0.5], [0.25])
    """
    below = 0.5 * (1.0 + np.tanh(0.5 * (lower - f) / noise))
    above = 0.5 * (1.0 + np.tanh(0.5 * (upper - f) / noise))
    bend = (below * (1 - below) + above * (1 - above)) / noise**2
    return (below + above - 1.0) / noise, np.maximum(bend, 1e-4 / noise**2)


def log_likelihood(f: Vector, lower: Vector, upper: Vector, noise: float) -> float:
    """Sum of log P(lower < f + noise * logistic < upper), by s(u) - s(l) = (1 - exp(l - u)) s(u) s(-l).

    >>> round(log_likelihood(np.array([0.0]), np.array([0.0]), np.array([np.inf]), 1.0), 4)
    -0.6931
    """
    below, above = (lower - f) / noise, (upper - f) / noise
    width = np.log1p(-np.exp(np.where(np.isfinite(below) & np.isfinite(above), below - above, -np.inf)))
    return float((width - np.logaddexp(0, -above) - np.logaddexp(0, below)).sum())


def posterior(
    dense: NDArray[np.float64],
    tokens: TokenRows,
    mean: Vector,
    lean: Vector,
    covariance: NDArray[np.float64],
    lower: Vector,
    upper: Vector,
    noise: float,
    *,
    start: Vector | None = None,
    max_steps: int = 20,
    tolerance: float = 1e-3,
) -> Posterior:
    """The mode and curvature of the posterior.

    Args:
        dense: features of the labelled titles, shape (n, n_dense).
        tokens: their tokens.
        mean: appeal to the average person, shape (n,).
        lean: prior mean of the dense weights, shape (n_dense,).
        covariance: prior covariance of the dense weights.
        lower: threshold under which the verdict says the appeal did not fall, shape (n,), may be -inf.
        upper: likewise above, may be inf.
        noise: scale of the logistic noise.
        start: `dual` of an earlier posterior on the first of these labels.
        max_steps: Newton steps at most.
        tolerance: largest change of an appeal at which it stops, in units of the noise.
    """
    n = len(mean)
    centre = mean + dense @ lean
    spread = dense @ covariance
    norms = tokens.square_norms()
    precision = np.asarray(np.linalg.inv(covariance), dtype=np.float64)

    def times_kernel(a: Vector) -> Vector:
        return spread @ (dense.T @ a) + tokens.times(tokens.gathered(a))

    dual = np.zeros(n)
    if start is not None:
        dual[: len(start)] = start[:n]
    pull = times_kernel(dual) if start is not None else np.zeros(n)
    bend = np.ones(n)
    inner = precision
    height = log_likelihood(centre + pull, lower, upper, noise) - 0.5 * float(dual @ pull)
    for _ in range(max_steps if n else 0):
        slope, bend = slope_and_bend(centre + pull, lower, upper, noise)
        target = pull + slope / bend
        flat = 1.0 / (1.0 / bend + norms)
        inner = np.asarray(np.linalg.inv(precision + (dense * flat[:, None]).T @ dense), dtype=np.float64)
        full = _conjugate_gradients(times_kernel, bend, target, dual, pull, dense, flat, inner)
        full_pull = times_kernel(full)
        length, step = 1.0, float(np.abs(full_pull - pull).max())
        while length > 0.01:
            # Both the dual and its pull are linear in the step, so a shorter one costs no product with the kernel.
            new, new_pull = dual + length * (full - dual), pull + length * (full_pull - pull)
            reached = log_likelihood(centre + new_pull, lower, upper, noise) - 0.5 * float(new @ new_pull)
            if reached >= height - 1e-9:
                break
            length /= 2
        dual, pull, height = new, new_pull, reached
        if step < tolerance * noise:
            break
    return Posterior(lean + spread.T @ dual, inner if n else covariance, tokens.gathered(dual), dual)


def _conjugate_gradients(
    times_kernel: Callable[[Vector], Vector],
    bend: Vector,
    target: Vector,
    start: Vector,
    start_product: Vector,
    dense: NDArray[np.float64],
    flat: Vector,
    inner: NDArray[np.float64],
) -> Vector:
    """Solve (K + 1/bend) a = target; the preconditioner is the same with the tokens' diagonal only (Woodbury)."""

    def precondition(r: Vector) -> Vector:
        scaled = flat * r
        return np.asarray(scaled - flat * (dense @ (inner @ (dense.T @ scaled))))

    a = start.copy()
    residual = target - start_product - a / bend
    small = 1e-10 * float(target @ target) + 1e-16
    z = precondition(residual)
    direction, rz = z, float(residual @ z)
    for _ in range(25):
        if float(residual @ residual) < small:
            break
        product = times_kernel(direction) + direction / bend
        along = rz / float(direction @ product)
        a = a + along * direction
        residual = residual - along * product
        z = precondition(residual)
        rz, before = float(residual @ z), rz
        direction = z + (rz / before) * direction
    return a
