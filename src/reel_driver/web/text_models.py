"""How the rating and the genre model are asked: the one place that knows what they offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from reel_driver.web.live import Served


def rating_of(served: Served, request: Mapping[str, Any], released: date) -> float:
    """The rating a crowd would give, 0 to 10."""
    row = {
        "title": request["title"],
        "overview": request["overview"],
        "genre": [g.strip() for g in request["genre"].split(",") if g.strip()],
        "original_language": request["original_language"],
        "release_date": released,
        "release_year": released.year,
    }
    return min(max(float(served.bundle.score_rows([row])[0][0]), 0.0), 10.0)


def genres_of(served: Served, text: str) -> list[tuple[str, float]]:
    """Genres with their probabilities, likeliest first."""
    return served.bundle.genres(text)
