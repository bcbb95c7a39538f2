"""Titles as clients send them."""

from __future__ import annotations

import socket
from typing import Any

ALIEN: dict[str, Any] = {
    "imdb_id": "tt0078748",
    "release_year": 1979,
    "budget": 11_000_000,
    "revenue": 104_931_801,
    "runtime": 117,
    "origin_country": ["US", "GB"],
    "production_companies": ["20th Century Fox", "Brandywine Productions"],
    "production_countries": ["US", "GB"],
    "production_status": "Released",
    "original_language": "en",
    "spoken_languages": ["en", "es"],
    "genre": ["Horror", "Science Fiction"],
    "tagline": "A line of advertising.",
    "overview": "A crew hauling ore finds a stranger on board and one after another disappears in the ducts.",
    "tmdb_rating": 8.153,
    "tmdb_votes": 14_000,
    "rt_score": 93,
    "metascore": 89,
    "imdb_rating": 85.0,
    "imdb_votes": 980_000,
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
