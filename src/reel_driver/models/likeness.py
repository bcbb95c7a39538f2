"""How alike films are by their names and words: a kernel from which factors of unrated films are learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reel_driver.errors import ExtraMissing

if TYPE_CHECKING:
    import polars as pl

PARTS = {
    "words": 0.3,
    "keywords": 0.3,
    "directors": 0.3,
    "cast": 0.3,
    "production_companies": 0.25,
    "genre": 0.2,
    "original_language": 0.2,
    "decade": 0.1,
}
"""Variance of each part, found by cross-validation on the factors of rated films."""


def likeness(titles: pl.DataFrame) -> NDArray[np.float32]:
    """Kernel of all titles, shape (n_titles, n_titles).

    Raises:
        ExtraMissing: without the training extra.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise ExtraMissing("train", "Building a prior") from error
    words = TfidfVectorizer(min_df=3, max_df=0.2, sublinear_tf=True, stop_words="english")
    text = (titles["overview"].fill_null("") + " " + titles["tagline"].fill_null("")).to_list()
    out = np.zeros((titles.height, titles.height), dtype=np.float32)
    for part, variance in PARTS.items():
        if part == "words":
            rows = _rows(words, text)
        elif part == "decade":
            centres = np.arange(1930, 2021, 6)
            years = titles["release_year"].fill_null(1995).to_numpy()
            near = np.exp(-0.5 * ((years[:, None] - centres) / 5) ** 2).astype(np.float32)
            out += variance * (near @ near.T)
            continue
        else:
            rows = _named(titles[part], rare_weigh_more=part not in ("directors", "cast"))
        out += variance * (rows @ rows.T).toarray().astype(np.float32)
    return out


def _named(column: pl.Series, *, rare_weigh_more: bool) -> Any:
    """Rows of unit length over the names that at least two titles bear."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    values = column.to_list()
    lists = [[v] if isinstance(v, str) else [x for x in v or () if x] for v in values]
    shortest = 2 if len(lists) > 50 else 1
    return _rows(TfidfVectorizer(analyzer=lambda names: names, min_df=shortest, use_idf=rare_weigh_more), lists)


def _rows(vectorizer: Any, documents: list[Any]) -> Any:
    """What the vectorizer makes of the documents; empty rows where it finds nothing that two of them share."""
    from scipy import sparse

    try:
        return vectorizer.fit_transform(documents)
    except ValueError:
        return sparse.csr_matrix((len(documents), 1))
