"""Which title to ask about next: the one whose verdict would teach most about the titles that the person knows.

The value of asking about title i is the variance that the answer is expected to take from the appeal of the others,
counted where it matters: around the threshold, and for the order of titles only (what raises all alike is left out).
Cohn, Ghahramani and Jordan 1996, for a Gaussian posterior, with the expected curvature of the ordinal likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reel_driver.models import Vector
from reel_driver.models.ordinal import Posterior, slope_and_bend
from reel_driver.models.prior import TastePrior
from reel_driver.models.taste import Features, TasteModel, fit_posterior

FACTOR_TRUST = 0.43
"""Share of what item factors should make a person's verdicts go together that they do with people never met: the slope of
products of residuals on their prior covariance, over the 464 people of MovieLens latest-small with fewer than 180 ratings.
The posterior is best with all of it; what to ask is not."""


@dataclass
class Round:
    """A round of labelling: the titles that may be asked, what was answered, and what is believed now.

    Attributes:
        prior: the population.
        sizes: size of each vocabulary of names.
        pool: features of the titles that may be asked.
        asked: places in the pool that were answered, in order.
        levels: their verdicts 0, 1, 2.
        skipped: places that are not to be asked.
        earlier: features and verdicts of labels from before the round.
        knows_pool: whether the person is known to know all titles of the pool.
    """

    prior: TastePrior
    sizes: tuple[int, ...]
    pool: Features
    asked: list[int] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    skipped: set[int] = field(default_factory=set)
    earlier: tuple[Features, NDArray[np.int64]] | None = None
    knows_pool: bool = False

    def __post_init__(self) -> None:
        self._kernel = kernel(self.prior, self.pool, self.pool)
        self._fitted: tuple[tuple[int, ...], Posterior] | None = None

    def answer(self, place: int, level: int) -> None:
        """Take a verdict on a title of the pool."""
        self.asked.append(place)
        self.levels.append(level)

    def undo(self) -> int | None:
        """Take the last answer back; returns its place, None when there is none."""
        if not self.asked:
            return None
        self.levels.pop()
        return self.asked.pop()

    def posterior(self) -> Posterior:
        """What is believed of the person now; starts from the last time."""
        key = (*self.asked, -1, *self.levels)
        if self._fitted is None or self._fitted[0] != key:
            start = self._fitted[1].dual if self._fitted else None
            of, levels = self._labelled()
            known = self.pool.dense if self.knows_pool else None
            found = fit_posterior(self.prior, of, levels, known=known, start=start)
            self._fitted = (key, found)
        return self._fitted[1]

    def model(self) -> TasteModel:
        """The model of what is believed now."""
        return TasteModel.of_posterior(self.prior, self.sizes, self.posterior())

    def _labelled(self) -> tuple[Features, NDArray[np.int64]]:
        own, levels = self.pool[np.array(self.asked, dtype=np.int64)], np.array(self.levels, dtype=np.int64)
        if self.earlier is None:
            return own, levels
        return self.earlier[0].joined(own), np.concatenate([self.earlier[1], levels])

    def next(self) -> int | None:
        """The place of the title that would teach most; None when all have been asked."""
        values = self.values()
        values[[*self.asked, *self.skipped]] = -np.inf
        best = int(np.argmax(values))
        return best if np.isfinite(values[best]) else None

    def values(self) -> Vector:
        """Logarithm of what each title of the pool would teach, shape (n_pool,)."""
        model = self.model()
        appeal = self.pool.mean + self.pool.dense @ model.dense + self.pool.tokens.times(model.names)
        cover = self._kernel
        of, levels = self._labelled()
        if len(levels):
            fitted = of.mean + of.dense @ model.dense + of.tokens.times(model.names)
            low, high = self.prior.thresholds
            lower, upper = np.choose(levels, [-np.inf, low, high]), np.choose(levels, [low, high, np.inf])
            bend = slope_and_bend(fitted, lower, upper, self.prior.noise)[1]
            cross = kernel(self.prior, self.pool, of)
            among = kernel(self.prior, of, of) + np.diag(1 / bend)
            cover = cover - cross @ np.linalg.solve(among, cross.T)
        variance = np.maximum(np.diag(cover), 1e-9)
        low, high = self.prior.thresholds
        scale = np.sqrt(self.prior.noise**2 + np.pi / 8 * variance)
        below, above = (0.5 * (1 + np.tanh(0.5 * (t - appeal) / scale)) for t in (low, high))
        told = (below * (1 - below) + above * (1 - above)) / scale**2
        matters = below * (1 - below)
        matters = matters / matters.sum()
        relative = cover - (cover @ matters)[:, None]
        return np.asarray(np.log((relative**2) @ matters + 1e-12) + np.log(told + 1e-12))

    def doubt(self) -> float:
        """Mean standard deviation of the pool's log-odds: how unsure the model still is."""
        return float(self.model().predict_features(self.pool)[1].mean())


def kernel(prior: TastePrior, a: Features, b: Features) -> NDArray[np.float64]:
    """Prior covariance of the appeal of two sets of titles, factors counted by `FACTOR_TRUST`, shape (n_a, n_b)."""
    trust = np.ones(len(prior.covariance))
    trust[prior.of_factors] = np.sqrt(FACTOR_TRUST)
    used, places = np.unique(np.concatenate([a.tokens.place.ravel(), b.tokens.place.ravel()]), return_inverse=True)
    n_a = a.tokens.place.size
    out = []
    for of, own in ((a, places[:n_a]), (b, places[n_a:])):
        rows = np.repeat(np.arange(len(of.mean)), of.tokens.place.shape[1])
        spread = np.zeros((len(of.mean), len(used)))
        np.add.at(spread, (rows, own), of.tokens.value.ravel())
        if len(used) and used[0] == 0:
            spread[:, 0] = 0.0  # names outside the vocabulary are like nothing
        out.append(spread)
    return np.asarray((a.dense * trust) @ prior.covariance @ (b.dense * trust).T + out[0] @ out[1].T)
