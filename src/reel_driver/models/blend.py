"""A blend: the weighted mean of several regressions on the same columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reel_driver.features.blocks import Matrix, State
from reel_driver.models import Vector, model_class
from reel_driver.models.regress import RatingModel, Regressor


@dataclass(frozen=True)
class BlendModel:
    """Fitted members and their shares, which add up to 1."""

    kind: ClassVar[str] = "blend"
    members: tuple[RatingModel, ...]
    shares: tuple[float, ...]

    def predict(self, encoded: Matrix) -> tuple[Vector, None]:
        """Points, shape (n_titles,)."""
        total = np.zeros(len(encoded))
        for member, share in zip(self.members, self.shares, strict=True):
            total += share * member.predict(encoded)[0]
        return total, None

    def contributions(self, encoded: Matrix) -> NDArray[np.float64]:
        """The members' parts, weighted."""
        parts = (s * m.contributions(encoded) for m, s in zip(self.members, self.shares, strict=True))
        return np.asarray(sum(parts))

    def state(self) -> State:
        """The members' states, numbered."""
        plain: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[Any]] = {}
        for i, member in enumerate(self.members):
            own_plain, own_arrays = member.state()
            plain.append({"kind": member.kind, **own_plain})
            arrays |= {f"{i}.{name}": a for name, a in own_arrays.items()}
        return {"members": plain, "shares": list(self.shares)}, arrays

    @classmethod
    def from_state(cls, plain: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> BlendModel:
        """Made again."""
        members = []
        for i, own in enumerate(plain["members"]):
            prefix = f"{i}."
            part = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            members.append(model_class(own["kind"]).from_state(own, part))
        return cls(tuple(members), tuple(float(s) for s in plain["shares"]))


@dataclass(frozen=True)
class BlendLearner:
    """Learners with their shares.

    Attributes:
        members: the learners.
        shares: their weights, adding up to 1.
        name: the name on the menu.
        params: kept for the interface; parameters belong to the members.
    """

    members: tuple[Regressor, ...]
    shares: tuple[float, ...]
    name: str = "blend"
    params: Mapping[str, Any] = field(default_factory=dict)

    def configured(self, params: Mapping[str, Any]) -> BlendLearner:
        """Each member with the parameters that carry its name, as in `{"lightgbm.num_leaves": 31}`."""
        members = []
        for member in self.members:
            prefix = f"{member.name}."
            own = {k.removeprefix(prefix): v for k, v in params.items() if k.startswith(prefix)}
            members.append(member.configured(own))
        return BlendLearner(tuple(members), self.shares, self.name, {**self.params, **params})

    def fit(
        self, names: tuple[str, ...], encoded: Matrix, target: Vector, weight: Vector, rng: np.random.Generator
    ) -> BlendModel:
        """Learn every member from the same titles."""
        fitted = tuple(m.fit(names, encoded, target, weight, rng) for m in self.members)
        return BlendModel(fitted, self.shares)
