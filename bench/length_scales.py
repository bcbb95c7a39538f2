"""Learns a setting of the kernel's length scales and variances by the marginal likelihood on films of the training part.

python bench/length_scales.py FILE --features five --films 2500 --steps 50

Needs torch. Prints the setting as `data/kernel-scales.json` holds it. The noise is fixed: left free, it is learned too
small on few films and costs a hundredth of RMSE on the rest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reel_driver import menu, ratings
from reel_driver.models.kernel import role_of, sparse_terms
from reel_driver.operations.films import read_films


def learn(
    names: tuple[str, ...],
    encoded: np.ndarray,
    target: np.ndarray,
    votes: np.ndarray,
    steps: int,
    noise: tuple[float, float],
) -> dict[str, Any]:
    """A setting from encoded films, shape (n, width), their centred ratings and votes."""
    roles = np.array([role_of(n) for n in names])
    facts = torch.tensor(np.nan_to_num(encoded[:, roles == 0] - np.nanmean(encoded[:, roles == 0], axis=0))).double()
    texts = torch.tensor(np.nan_to_num(encoded[:, roles == 1])).double()
    words = sparse_terms(encoded, roles.astype(np.int8))
    same = torch.tensor((words @ words.T).toarray()).double()
    near = torch.cdist(texts, texts) ** 2
    y, diagonal = torch.tensor(target), torch.tensor(noise[0] + noise[1] / np.maximum(votes, 1.0))
    n_facts = facts.shape[1]
    scales = [torch.full((n_facts,), 1.0).double(), torch.full((n_facts,), 1.5).double()]
    text_scales, variances = torch.zeros(2).double(), torch.tensor([-1.5, -2.0, -2.0, -3.0]).double()
    learned = [*scales, text_scales, variances]
    for p in learned:
        p.requires_grad_(True)
    optimizer = torch.optim.Adam(learned, lr=0.08)
    for _ in range(steps):
        v = variances.exp()
        alone, together = (torch.cdist(facts * (-s).exp(), facts * (-s).exp()) ** 2 for s in scales)
        a, b = (0.5 * (-2 * text_scales).exp()).unbind()
        kernel = v[0] * (-0.5 * alone).exp() + v[1] * (-a * near).exp() + v[2] * (-0.5 * together - b * near).exp()
        factor = torch.linalg.cholesky(kernel + v[3] * same + torch.diag(diagonal))
        pull = torch.cholesky_solve(y[:, None], factor)[:, 0]
        prior = sum(0.01 * ((s - c) ** 2).sum() for s, c in zip(scales, (1.0, 1.5), strict=True))
        loss = 0.5 * y @ pull + factor.diagonal().log().sum() + prior
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fact_names = [n for n in names if role_of(n) == 0]
    pairs = np.exp(np.stack([s.detach().numpy() for s in scales], axis=1)).round(3).tolist()
    v = variances.exp().detach().numpy().round(5).tolist()
    return {
        "variances": v[:3],
        "text_scales": text_scales.exp().detach().numpy().round(4).tolist(),
        "words": v[3],
        "scales": dict(zip(fact_names, pairs, strict=True)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--features", default="five", choices=["five", "votes"])
    parser.add_argument("--films", type=int, default=2500)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    train, _ = ratings.first_parts(read_films(asked.source)[0])
    n = min(asked.films, train.height)
    films = train[np.random.default_rng(asked.seed).choice(train.height, n, replace=False).tolist()]
    spec = menu.rating_pipeline(f"{asked.features}:kernel").recipe.fit(films)
    rating, votes = (films[c].cast(float).fill_null(1.0).to_numpy() for c in ("tmdb_rating", "tmdb_votes"))
    mean = np.average(rating, weights=ratings.weights_of(films, by_votes=True))
    noise = (0.33, 2.0) if asked.features == "five" else (0.2, 3.0)
    print(json.dumps(learn(spec.names, spec.encode_frame(films), rating - mean, votes, asked.steps, noise), indent=1))


if __name__ == "__main__":
    main()
