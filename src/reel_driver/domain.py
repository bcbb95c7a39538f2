"""The words of the house: titles, verdicts, labels, scores, picks.

A title is one row of the catalogue, a mapping from field name to value. Its fields stand once, in `TITLE_FIELDS`:
the Polars schema, the database columns, the recognised import names and the documentation are derived from there.
The names are those of the `atp.training` table, because those are the names its clients send.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

TitleRow = Mapping[str, object]
"""One title: field name to value; absent and None mean the same, unknown."""


class Kind(enum.StrEnum):
    """What a title is. Seasons and episodes are rows of kind show."""

    MOVIE = "movie"
    SHOW = "show"


class Verdict(enum.StrEnum):
    """A person's word on a title, in rising order."""

    WOULD_NOT_WATCH = "would_not_watch"
    WOULD_WATCH = "would_watch"
    WOULD_WATCH_AGAIN = "would_watch_again"

    @property
    def level(self) -> int:
        """0, 1 or 2: the verdict as an ordered number.

        >>> [v.level for v in Verdict]
        [0, 1, 2]
        """
        return VERDICTS.index(self)

    @property
    def words(self) -> str:
        """How it is said to a person.

        >>> Verdict.WOULD_WATCH_AGAIN.words
        'would watch again'
        """
        return self.value.replace("_", " ")


VERDICTS: tuple[Verdict, ...] = tuple(Verdict)

FieldType = Literal["text", "int", "float", "list", "date"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a title.

    Attributes:
        name: the name everywhere: store, files we write, requests, features.
        type: value type; "list" is a list of text, "date" a calendar date.
        help: what it means, with its unit.
        minimum: smallest value allowed (numbers).
        maximum: largest value allowed (numbers).
        max_length: longest text, or longest element of a list, in characters.
        aliases: other names under which imports recognise it (lower case, underscores).
    """

    name: str
    type: FieldType
    help: str
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    aliases: tuple[str, ...] = field(default=())


TITLE_FIELDS: tuple[Field, ...] = (
    Field(
        "imdb_id",
        "text",
        "IMDb id, tt and 7 or 8 digits",
        max_length=10,
        aliases=("imdbid", "const", "tconst", "imdb", "imdb_id_ml"),
    ),
    Field("tmdb_id", "int", "TMDB id; movies and shows count separately", 1, aliases=("tmdbid", "tmdb")),
    Field("kind", "text", "movie or show", max_length=5, aliases=("media_type", "title_type", "type")),
    Field(
        "title",
        "text",
        "title as shown",
        max_length=500,
        aliases=("media_title", "name", "series_title", "primary_title"),
    ),
    Field(
        "original_title",
        "text",
        "title in its own language",
        max_length=500,
        aliases=("original_media_title", "original_name"),
    ),
    Field("season", "int", "season number of a show's row", 0, 32767, aliases=("season_number",)),
    Field("episode", "int", "episode number of a show's row", 0, 32767, aliases=("episode_number",)),
    Field(
        "release_year",
        "int",
        "year of the first release",
        1850,
        2100,
        aliases=("year", "released_year", "start_year", "ml_year"),
    ),
    Field(
        "release_date",
        "date",
        "date of the first release",
        aliases=("released", "first_air_date", "us_release_date"),
    ),
    Field(
        "runtime",
        "int",
        "minutes",
        0,
        100_000,
        aliases=("runtime_mins", "runtime_min", "runtime_minutes", "running_time_min"),
    ),
    Field("production_status", "text", "Released, Post Production, ...", max_length=25, aliases=("status",)),
    Field("budget", "int", "US dollars", 0, 10**13, aliases=("production_budget",)),
    Field("revenue", "int", "US dollars", 0, 10**13, aliases=("worldwide_gross", "gross")),
    Field("original_language", "text", "ISO 639-1 code", max_length=2, aliases=("language", "lang")),
    Field("spoken_languages", "list", "ISO 639-1 codes", max_length=2, aliases=("languages",)),
    Field(
        "origin_country",
        "list",
        "ISO 3166-1 codes",
        max_length=2,
        aliases=("country", "countries", "country_of_origin"),
    ),
    Field("production_countries", "list", "ISO 3166-1 codes", max_length=2),
    Field("production_companies", "list", "company names", max_length=255, aliases=("studios", "companies")),
    Field("genre", "list", "TMDB genre names", max_length=20, aliases=("genres", "genre_names", "listed_in")),
    Field("keywords", "list", "TMDB keywords", max_length=100),
    Field("directors", "list", "names", max_length=100, aliases=("director",)),
    Field("cast", "list", "names of the leading actors", max_length=100, aliases=("actors", "stars")),
    Field("tagline", "text", "one line of advertising", max_length=255),
    Field("overview", "text", "a description in a few sentences", aliases=("description", "plot", "synopsis")),
    Field(
        "tmdb_rating",
        "float",
        "TMDB users' mean, 0 to 10",
        0,
        10,
        aliases=("vote_average", "tmdb_vote_average"),
    ),
    Field("tmdb_votes", "int", "number of TMDB votes", 0, 10**13, aliases=("vote_count", "tmdb_vote_count")),
    Field("imdb_rating", "float", "IMDb users' mean, 0 to 10", 0, 10, aliases=("imdb_score",)),
    Field("imdb_votes", "int", "number of IMDb votes", 0, 10**13, aliases=("num_votes", "imdb_num_votes")),
    Field(
        "rt_score",
        "int",
        "Rotten Tomatoes critics, 0 to 100",
        0,
        100,
        aliases=("rotten_tomatoes_rating", "rotten_tomatoes", "tomatometer"),
    ),
    Field("metascore", "int", "Metacritic, 0 to 100", 0, 100, aliases=("meta_score",)),
    Field("popularity", "float", "TMDB's measure of attention of late", 0),
)

FIELD: Mapping[str, Field] = {f.name: f for f in TITLE_FIELDS}

ZERO_IS_UNKNOWN = ("budget", "revenue", "runtime", "imdb_rating")
"""Numbers whose 0 says that nobody knows them; a `tmdb_rating` of 0 says so where nobody has voted."""

_TEXTS_AND_LISTS = tuple(f.name for f in TITLE_FIELDS if f.type in ("text", "list"))


def only_known(row: dict[str, Any]) -> dict[str, Any]:
    """The row, with what says nothing set to None: what an import does with whole columns, for one title.

    >>> only_known({"budget": 0, "tmdb_rating": 0.0, "tmdb_votes": 3, "genre": [], "tagline": " "})
    {'budget': None, 'tmdb_rating': 0.0, 'tmdb_votes': 3, 'genre': None, 'tagline': None}
    """
    get = row.get
    for name in ZERO_IS_UNKNOWN:
        if get(name) == 0:
            row[name] = None
    if get("tmdb_rating") == 0 and not get("tmdb_votes"):
        row["tmdb_rating"] = None
    for name in _TEXTS_AND_LISTS:
        value = get(name)
        if value is not None and (not value or (value.__class__ is str and not value.strip())):
            row[name] = None
    return row


def crowd_rating(row: TitleRow) -> float | None:
    """The mean that people gave, 0 to 10: TMDB's where anybody voted, else IMDb's; None where nobody's word is known.

    >>> crowd_rating({"tmdb_rating": 8.5, "tmdb_votes": 900}), crowd_rating({"tmdb_rating": 0.0, "tmdb_votes": 0})
    (8.5, None)
    """
    for name, votes in (("tmdb_rating", "tmdb_votes"), ("imdb_rating", "imdb_votes")):
        rating = row.get(name)
        if isinstance(rating, int | float) and row.get(votes) != 0:
            return float(rating)
    return None


@dataclass(frozen=True, slots=True)
class Label:
    """A person's word on a title, with where it came from.

    Attributes:
        title_id: the store's number of the title.
        verdict: the word; None takes an earlier word back.
        source: where it came from: "cli", "starter", a file name, "atp".
        decided_by: who decided: "person", "model" (an earlier model's own outcome) or "invented" (the starter profile).
        is_reviewed: a person has confirmed it.
        is_anomalous: verified as an odd one out; kept out of training.
        labelled_at: when, in UTC.
    """

    title_id: int
    verdict: Verdict | None
    source: str
    decided_by: str = "person"
    is_reviewed: bool = False
    is_anomalous: bool = False
    labelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One person, or a household."""

    name: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """The predicted probability (watch) or rating of one title, with its 90 % interval.

    `is_extrapolated` marks what the model was not trained on, such as shows.
    """

    title_id: int
    score: float
    lower: float
    upper: float
    is_extrapolated: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a score: the phrase and its weight in log-odds, positive for and negative against."""

    phrase: str
    weight: float


@dataclass(frozen=True, slots=True)
class Pick:
    """A recommended title: its score, its place in the row and why it stands there.

    `predicted_rating` stands in where nobody's rating of the title is known.
    """

    title: TitleRow
    score: Score
    reasons_for: tuple[Reason, ...] = ()
    reasons_against: tuple[Reason, ...] = ()
    is_exploration: bool = False
    predicted_rating: float | None = None

    @property
    def rating(self) -> float | None:
        """What people gave it."""
        return crowd_rating(self.title)

    def plain(self) -> dict[str, Any]:
        """Everything but the title, as plain JSON."""
        return {
            "probability": self.score.score,
            "lower": self.score.lower,
            "upper": self.score.upper,
            "is_extrapolated": self.score.is_extrapolated,
            "is_exploration": self.is_exploration,
            "rating": self.rating,
            "predicted_rating": self.predicted_rating,
            "reasons_for": [asdict(r) for r in self.reasons_for],
            "reasons_against": [asdict(r) for r in self.reasons_against],
        }
