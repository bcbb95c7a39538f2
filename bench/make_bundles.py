"""Makes the two bundles that ship with the package, with their model cards, from the public table of 9,827 films.

    python bench/make_bundles.py FILE [--only rating|genre]

Each bundle is judged on the first systems' splits (its scorecard goes into the manifest), then fitted on all films.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from reel_driver import genres, menu, ratings
from reel_driver.bundle import save
from reel_driver.operations.films import read_films
from reel_driver.registry import SHIPPED

CARD = """# {title}

- **Learned from**: {n_films} films of a public table of TMDB's popular films ("9000+ movies", July 2022; its
  compilation is marked CC0). The bundle holds numbers, single words and pairs of words, no sentence of it.
- **Made**: {trained_at}, by `bench/make_bundles.py`.
- **Measured** on the split of the first system ({n_test} films it never saw): {figures}
- **Limits**: English descriptions of popular films. {limits}
- **Licences**: the word vectors are derived from all-MiniLM-L6-v2 (Apache-2.0). TMDB asks non-commercial users for
  attribution: this product uses data of TMDB but is not endorsed or certified by TMDB. The weights come under this
  project's licence as far as they are ours to give.
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--only", choices=["rating", "genre"])
    parser.add_argument("--target", type=Path, default=SHIPPED)
    asked = parser.parse_args()
    frame, _ = read_films(asked.source)
    if asked.only != "rating":
        card = genres.evaluate(None, frame)
        bundle = genres.fit_bundle(None, frame, about={"scorecard": card})
        test = card["test"]
        write(
            asked.target / "genre",
            bundle,
            card,
            title="Genre model of the package",
            figures=f"the best genre is right for {test['hit@1']:.1%}, LRAP {test['lrap']:.3f}, micro F1 {test['micro_f1']:.3f}.",
            limits="Other languages are guessed from names alone. Genres are TMDB's, as its users gave them.",
        )
    if asked.only != "genre":
        pipeline = menu.rating_pipeline()
        card = ratings.evaluate(pipeline, frame)
        bundle = ratings.fit_bundle(pipeline, frame, about={"scorecard": card})
        test = card["test"]
        write(
            asked.target / "rating",
            bundle,
            card,
            title="Rating model of the package",
            figures=f"RMSE {test['rmse']:.3f}, MAE {test['mae']:.3f}, R2 {test['r2']:.3f} (the mean alone: RMSE {card['baselines']['mean']['rmse']:.3f}).",
            limits="What a crowd of July 2022 would say; a third of the differences between films is all it explains.",
        )


def write(folder: Path, bundle: Any, card: dict[str, Any], **words: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    save(bundle, folder)
    n_test = card["n_test"] if "n_test" in card else card["test"]["n"]
    about = {"n_films": bundle.about["n_films"], "trained_at": bundle.about["trained_at"][:10], "n_test": n_test}
    (folder / "MODEL_CARD.md").write_text(CARD.format(**about, **words))
    size = sum(p.stat().st_size for p in folder.iterdir())
    print(
        json.dumps({"folder": str(folder), "MB": round(size / 1e6, 2), "test": card["test"]}, default=np.ndarray.tolist)
    )


if __name__ == "__main__":
    main()
