"""How the rating and the genre model are asked: the one place that knows what they offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from reel_driver.web.live import Served


def film_of(request: Mapping[str, Any], released: date) -> dict[str, Any]:
    """A film to be rated, as a title row."""
    return {
        "title": request["title"],
        "overview": request["overview"],
        "genre": [g.strip() for g in request["genre"].split(",") if g.strip()],
        "original_language": request["original_language"],
        "release_date": released,
        "release_year": released.year,
    }


def ratings_of(served: Served, films: Sequence[Mapping[str, Any]]) -> list[float]:
    """The rating that a crowd would give each film, 0 to 10."""
    return [min(max(float(rating), 0.0), 10.0) for rating in served.bundle.score_rows(films)[0]]


def genres_of(served: Served, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
    """Genres of each text with their probabilities, likeliest first."""
    return served.bundle.genres_of(texts)
