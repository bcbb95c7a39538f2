"""One value as it stands in a file, read: None where it says nothing, ValueError where it cannot be read."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable

from reel_driver.ingest.codes import COUNTRIES, GENRES, KINDS, LANGUAGES, VERDICTS

NOTHING = frozenset({"", "na", "n/a", "null", "none", "nan", "\\n", "-", "--", "nat", "<na>", "[]", "{}"})
"""What files write for "unknown", in lower case."""


def says_nothing(text: str) -> bool:
    """Whether a text stands for "unknown"."""
    return text.strip().lower() in NOTHING


_IMDB = re.compile(r"(?:.*\b)?(tt\d{7,8})\b.*", re.DOTALL)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([,.' \u00a0])\d{3}(\1\d{3})*")
_YEAR = re.compile(r"\(?(\d{4})(?:\.0+)?(?:\s*[-–]\s*(?:\d{4})?)?\)?")


def number(text: str) -> float:
    """A number: "8.3", "8,3", "$1,234,567", "1.234.567", "142 min".

    >>> [number(t) for t in ("8.3", "8,3", "$1,234,567", "142 min", "95%")]
    [8.3, 8.3, 1234567.0, 142.0, 95.0]
    """
    plain = text.strip().strip("$€£%").removesuffix("minutes").removesuffix("mins").removesuffix("min").strip()
    if grouped := _THOUSANDS.fullmatch(plain):
        plain = plain.replace(grouped[1], "") if len(plain) > 5 or grouped[1] != "." else plain
    value = float(plain.replace(",", "."))
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def year(text: str) -> int:
    """A year: "1994", "1994.0", "(1994)", "1994-1998" (the first).

    >>> [year(t) for t in ("1994", "1994.0", "(1994)", "2011–")]
    [1994, 1994, 1994, 2011]
    """
    found = _YEAR.fullmatch(text.strip())
    if not found:
        raise ValueError(text)
    return int(found[1])


def imdb_id(text: str) -> str:
    """An IMDb id: as such, within a link, or as bare digits.

    >>> [imdb_id(t) for t in ("tt0111161", "https://www.imdb.com/title/tt0111161/", "111161")]
    ['tt0111161', 'tt0111161', 'tt0111161']
    """
    plain = text.strip().removesuffix(".0")
    if plain.isascii() and plain.isdigit() and 0 < int(plain) < 10**8:
        return f"tt{int(plain):07}"
    found = _IMDB.fullmatch(plain.lower())
    if not found:
        raise ValueError(text)
    return found[1]


def flag(text: str) -> bool:
    """True or false in the usual spellings."""
    plain = text.strip().lower()
    if plain in ("true", "t", "1", "1.0", "yes", "y"):
        return True
    if plain in ("false", "f", "0", "0.0", "no", "n"):
        return False
    raise ValueError(text)


def kind(text: str) -> str | None:
    """Movie or show, in the words of TMDB, IMDb, `atp` and others."""
    letters = re.sub(r"[^a-z]", "", text.lower())
    if letters not in KINDS:
        raise ValueError(text)
    known = KINDS[letters]
    return None if known is None else str(known)


def verdict(text: str) -> str:
    """A verdict: would_watch, "Would not watch", 0, 1, 2, yes, no, true, false.

    >>> verdict("Would-Watch again")
    'would_watch_again'
    """
    letters = re.sub(r"[^a-z0-9]", "", text.strip().lower().removesuffix(".0"))
    if letters not in VERDICTS:
        raise ValueError(text)
    return str(VERDICTS[letters])


def language(text: str) -> str:
    """An ISO 639-1 code from a code or a common name.

    >>> [language(t) for t in ("en", "English", "fra", "pt-BR")]
    ['en', 'en', 'fr', 'pt']
    """
    plain = text.strip().lower()
    if plain in LANGUAGES:
        return LANGUAGES[plain]
    code = plain.split("-")[0].split("_")[0]
    if len(code) == 2 and code.isascii() and code.isalpha():
        return code
    raise ValueError(text)


def country(text: str) -> str:
    """An ISO 3166-1 code from a code or a common name."""
    plain = text.strip()
    if plain.lower() in COUNTRIES:
        return COUNTRIES[plain.lower()]
    if len(plain) == 2 and plain.isascii() and plain.isalpha():
        return plain.upper()
    raise ValueError(text)


def genre(text: str) -> str:
    """A genre under TMDB's name where it is known under another, at most 20 characters."""
    plain = GENRES.get(text.strip().lower(), text.strip())
    if len(plain) > 20:
        raise ValueError(text)
    return plain


def items(text: str) -> list[str]:
    """The elements of a list: JSON, Python, PostgreSQL, or parted by | or ; or a comma.

    >>> [items(t) for t in ('["A", "B"]', "['A', 'B']", '{A,"B C"}', "A, B", "A|B", '[{"id": 1, "name": "A"}]')]
    [['A', 'B'], ['A', 'B'], ['A', 'B C'], ['A', 'B'], ['A', 'B'], ['A']]
    """
    plain = text.strip()
    if plain.startswith("[") and plain.endswith("]"):
        return [_named(element) for element in _literal(plain) if element not in (None, "")]
    if plain.startswith("{") and plain.endswith("}"):
        quoted = re.findall(r'"((?:[^"\\]|\\.)*)"|([^,]+)', plain[1:-1])
        parts = [re.sub(r"\\(.)", r"\1", a) if a else b for a, b in quoted]
        return [part.strip() for part in parts if part.strip() and part != "NULL"]
    separator = "|" if "|" in plain else ";" if ";" in plain else ","
    return [part.strip() for part in plain.split(separator) if part.strip()]


def _literal(text: str) -> list[object]:
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list):
            return found
    return [part.strip().strip("'\"") for part in text[1:-1].split(",")]


def _named(element: object) -> str:
    """The name within the objects that TMDB's tables have for elements."""
    if isinstance(element, dict):
        for key in ("iso_3166_1", "iso_639_1", "name"):
            if element.get(key):
                return str(element[key]).strip()
        raise ValueError(str(element))
    return str(element).strip()


ELEMENTS: dict[str, Callable[[str], str]] = {
    "spoken_languages": language,
    "origin_country": country,
    "production_countries": country,
    "genre": genre,
}
"""How the elements of a list field are read, where there is more to it than text."""
