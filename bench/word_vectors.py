"""Makes the word vectors that ship with the package: each word alone through the encoder, reduced to 128 numbers.

python bench/word_vectors.py FILE [--target word-vectors.npz]

Needs the encoder extra and REEL_ENCODER (or the Hugging Face cache). Words are the whole words of the encoder's own
vocabulary and those that at least two films of the table use.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

from reel_driver.features.encoder import Encoder, encoder_folder
from reel_driver.features.words import joined, words_of
from reel_driver.operations.films import read_films

WIDTH = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--target", type=Path, default=Path("word-vectors.npz"))
    parser.add_argument("--limit", type=int, help="only so many words, for a trial")
    asked = parser.parse_args()
    encoder = Encoder.load(encoder_folder())
    counts: Counter[str] = Counter()
    for title, overview in read_films(asked.source)[0].select("title", "overview").iter_rows():
        counts.update(set(words_of(joined(title, overview) or "")))
    own = {w for w in json.loads(encoder.tokens)["model"]["vocab"] if re.fullmatch("[a-z0-9à-ÿ]+", w)}
    words = sorted(own | {w for w, n in counts.items() if n >= 2})[: asked.limit]
    vectors = encoder.encode(words, 256)
    vectors -= vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors, full_matrices=False)
    reduced = vectors @ axes[:WIDTH].T
    reduced /= np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9)
    rounded = np.round(reduced * 127 / np.abs(reduced).max()).astype(np.int8)
    np.savez(asked.target, vectors=rounded, words=np.frombuffer("\n".join(words).encode(), np.uint8))
    print(f"{len(words)} words of {rounded.shape[1]} numbers to {asked.target}")


if __name__ == "__main__":
    main()
