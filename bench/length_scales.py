"""Learns a setting of the kernel's length scales and variances by the marginal likelihood on films of the training part.

python bench/length_scales.py FILE --features five --films 2500 --steps 50
python bench/length_scales.py FILE --features encoder --films 2500 > draw.json
python bench/length_scales.py FILE --features encoder --films 6000 --steps 15 --start draw.json

Needs torch, and the encoder for its features. Prints the setting as `data/kernel-scales.json` holds it. The noise is
fixed: left free, it is learned too small on few films and costs a hundredth of RMSE on the rest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reel_driver import menu, ratings
from reel_driver.models.kernel import TEXTS, role_of, sparse_terms
from reel_driver.operations.films import read_films

FACTS = (1.0, 1.5)
"""Where the logarithms of a fact's two length scales begin, and what they are held near to."""
AXES = (2.5, 2.5)
"""The same of a principal axis of the sentence vectors."""


def learn(
    names: tuple[str, ...],
    encoded: np.ndarray,
    target: np.ndarray,
    votes: np.ndarray,
    steps: int,
    noise: tuple[float, float],
    start: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A setting from encoded films, shape (n, width), their centred ratings and votes; goes on from one where it is given."""
    roles = np.array([role_of(n) for n in names])
    known = encoded[:, roles == 0]
    facts = torch.tensor(np.nan_to_num(known - np.nanmean(known, axis=0))).float()
    words = sparse_terms(encoded, roles.astype(np.int8))
    same = torch.tensor((words @ words.T).toarray()).float()
    near = [squared(torch.tensor(np.nan_to_num(encoded[:, roles == k])).float()) for k in TEXTS if (roles == k).any()]
    y, diagonal = torch.tensor(target).float(), torch.tensor(noise[0] + noise[1] / np.maximum(votes, 1.0)).float()
    fact_names = [n for n in names if role_of(n) == 0]
    centres = torch.tensor([AXES if n.startswith("sentence_axis:") else FACTS for n in fact_names]).T
    scales, text_scales = centres.clone(), torch.zeros(len(near), 2)
    variances = torch.tensor([-1.5, *[-2.0] * (2 * len(near)), -3.0])
    if start:
        scales = torch.tensor([start["scales"][n] for n in fact_names]).T.log()
        text_scales = torch.tensor(start["text_scales"]).reshape(-1, 2).log()
        variances = torch.tensor([*start["variances"], start["words"]]).log()
    learned = [scales.contiguous(), text_scales, variances]
    for p in learned:
        p.requires_grad_(True)
    optimizer = torch.optim.Adam(learned, lr=0.05 if start else 0.08)
    for _ in range(steps):
        v = learned[2].exp()
        alone, together = (squared(facts * (-s).exp()) for s in learned[0])
        kernel = v[0] * (-0.5 * alone).exp() + v[-1] * same
        for i, (distance, (a, b)) in enumerate(zip(near, 0.5 * (-2 * text_scales).exp(), strict=True)):
            kernel = kernel + v[1 + i] * (-a * distance).exp()
            kernel = kernel + v[1 + len(near) + i] * (-0.5 * together - b * distance).exp()
        factor = torch.linalg.cholesky(kernel + torch.diag(diagonal))
        pull = torch.cholesky_solve(y[:, None], factor)[:, 0]
        prior = 0.01 * ((learned[0] - centres) ** 2).sum()
        loss = 0.5 * y @ pull + factor.diagonal().log().sum() + prior
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    v = variances.exp().detach().numpy().round(5).tolist()
    return {
        "variances": v[:-1],
        "text_scales": text_scales.exp().detach().numpy().round(4).tolist(),
        "words": v[-1],
        "scales": dict(zip(fact_names, learned[0].exp().detach().numpy().T.round(3).tolist(), strict=True)),
    }


def squared(points: torch.Tensor) -> torch.Tensor:
    """Squared distances between rows."""
    products = points @ points.T
    norms = products.diagonal()
    return (norms[:, None] + norms - 2 * products).clamp_min(0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--features", default="five", choices=["five", "votes", "encoder"])
    parser.add_argument("--films", type=int, default=2500)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="a setting to go on from, on more films")
    asked = parser.parse_args()
    train, _ = ratings.first_parts(read_films(asked.source)[0])
    n = min(asked.films, train.height)
    films = train[np.random.default_rng(asked.seed).choice(train.height, n, replace=False).tolist()]
    name = "encoder" if asked.features == "encoder" else f"{asked.features}:kernel"
    spec = menu.rating_pipeline(name).recipe.fit(films)
    rating, votes = (films[c].cast(float).fill_null(1.0).to_numpy() for c in ("tmdb_rating", "tmdb_votes"))
    mean = np.average(rating, weights=ratings.weights_of(films, by_votes=True))
    noise = (0.2, 3.0) if asked.features == "votes" else (0.33, 2.0)
    start = json.loads(asked.start.read_bytes()) if asked.start else None
    found = learn(spec.names, spec.encode_frame(films), rating - mean, votes, asked.steps, noise, start)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
