"""What a watch prediction is asked with: one table of fields, compiled into two readers of the same contract.

`PredictionItem` is the authority: lax coercion, exact messages, the documented schema. `decode_item` and `decode_items`
are quick readers that take only what the authority would take with the same meaning and give up on everything else,
so that an ordinary request never touches pydantic. A property test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Required, TypedDict, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, create_model

from reel_driver.domain import FIELD, only_known

IMDB_ID = r"^tt[0-9]{7,8}$"
LARGEST = 2**53
"""Largest count or sum of money: up to here every whole number is exact in JSON."""

WHOLE: Mapping[str, tuple[int, int]] = {
    "release_year": (1850, 2100),
    "budget": (0, LARGEST),
    "revenue": (0, LARGEST),
    "runtime": (0, LARGEST),
    "tmdb_votes": (0, LARGEST),
    "imdb_votes": (0, LARGEST),
    "rt_score": (0, 100),
    "metascore": (0, 100),
}
"""Whole numbers with their bounds; 1994.0 and "1994" count as whole."""

RATINGS: Mapping[str, tuple[int, int]] = {"tmdb_rating": (10, 3), "imdb_rating": (100, 1)}
"""Ratings with their maximum and the most decimals."""

TEXTS: Mapping[str, tuple[int, int | None]] = {
    "production_status": (0, 25),
    "original_language": (2, 2),
    "tagline": (0, 255),
    "overview": (0, None),
}
"""Texts with their shortest and longest length in characters."""

LISTS: Mapping[str, tuple[int, int | None]] = {
    "origin_country": (2, 2),
    "production_companies": (0, None),
    "production_countries": (2, 2),
    "spoken_languages": (2, 2),
    "genre": (0, 20),
}
"""Lists of texts with the shortest and longest length of an element."""


def _lengths(bounds: tuple[int, int | None]) -> dict[str, Any]:
    return {"min_length": bounds[0] or None, "max_length": bounds[1]}


def _authority() -> type[BaseModel]:
    """The pydantic model of one item."""
    fields: dict[str, Any] = {
        "imdb_id": (str, Field(pattern=IMDB_ID, description=FIELD["imdb_id"].help, examples=["tt0111161"]))
    }
    for name, (low, high) in WHOLE.items():
        fields[name] = (int | None, Field(None, ge=low, le=high, description=FIELD[name].help))
    for name, (high, places) in RATINGS.items():
        note = "IMDb users' mean times 10, 0 to 100; up to 10 it is read as the plain mean" * (name == "imdb_rating")
        fields[name] = (
            Decimal | None,
            Field(None, ge=0, le=high, decimal_places=places, description=note or FIELD[name].help),
        )
    for name, bounds in TEXTS.items():
        fields[name] = (str | None, Field(None, **_lengths(bounds), description=FIELD[name].help))
    for name, bounds in LISTS.items():
        element = Annotated[str, Field(**_lengths(bounds))]
        fields[name] = (list[element] | None, Field(None, description=FIELD[name].help))
    return create_model(
        "PredictionItem",
        __config__=ConfigDict(extra="ignore"),
        __doc__="A title to be judged. Only `imdb_id` is needed; null means unknown; further fields are ignored.",
        **fields,
    )


PredictionItem = _authority()


class PredictionBatch(BaseModel):
    """Titles to be judged together."""

    items: list[PredictionItem]  # type: ignore[valid-type]


class Prediction(BaseModel):
    """The word on one title."""

    imdb_id: str
    prediction: bool = Field(description="whether the probability reaches the model's threshold")
    probability: float = Field(ge=0, le=1)


class PredictionResults(BaseModel):
    """The words on a batch, in its order."""

    results: list[Prediction]


def _quick() -> Any:
    """The same table as a typed dictionary for msgspec; numbers are taken as floats and checked for wholeness after."""
    # msgspec searches with Python's re, where "$" also stands before a last line feed: "\Z" does not.
    annotations: dict[str, Any] = {
        "imdb_id": Required[Annotated[str, msgspec.Meta(pattern=IMDB_ID.replace("$", r"\Z"))]]
    }
    for name, (low, high) in WHOLE.items():
        annotations[name] = Annotated[float, msgspec.Meta(ge=low, le=high)] | None
    for name, (high, _) in RATINGS.items():
        annotations[name] = Annotated[float, msgspec.Meta(ge=0, le=high)] | None
    for name, bounds in TEXTS.items():
        annotations[name] = Annotated[str, msgspec.Meta(**_lengths(bounds))] | None
    for name, bounds in LISTS.items():
        annotations[name] = list[Annotated[str, msgspec.Meta(**_lengths(bounds))]] | None
    return cast(Any, TypedDict)("QuickItem", annotations, total=False)


_QuickItem = _quick()


class _QuickBatch(msgspec.Struct):
    items: list[_QuickItem]  # type: ignore[valid-type]


_decode_item = msgspec.json.Decoder(_QuickItem).decode
_decode_batch = msgspec.json.Decoder(_QuickBatch).decode


class NotQuick(Exception):
    """The quick reader gives up: the authority has to look at it."""


def decode_item(body: bytes) -> dict[str, Any]:
    """One item as a title row.

    Raises:
        NotQuick: when only the authority can say whether it is right.
    """
    _refuse_surrogates(body)
    try:
        return _settled(_decode_item(body))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise NotQuick from error


def decode_items(body: bytes) -> list[dict[str, Any]]:
    """A batch as title rows; raises as `decode_item`."""
    _refuse_surrogates(body)
    try:
        return [_settled(item) for item in _decode_batch(body).items]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise NotQuick from error


def _refuse_surrogates(body: bytes) -> None:
    """Half a character written as an escape is taken by msgspec and by nobody else."""
    if b"\\ud" in body or b"\\uD" in body:
        raise NotQuick


def _settled(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its numbers checked beyond what the types say, and its IMDb rating on the scale 0 to 10."""
    get = row.get
    for name in WHOLE:
        value = get(name)
        if value is not None and value % 1:
            raise NotQuick
    if (rating := get("tmdb_rating")) is not None and round(rating, 3) != rating:
        raise NotQuick
    if (rating := get("imdb_rating")) is not None:
        if round(rating, 1) != rating:
            raise NotQuick
        if rating > 10:
            row["imdb_rating"] = rating / 10
    return only_known(row)


def row_of(item: BaseModel) -> dict[str, Any]:
    """A title that a pydantic model has read, as a title row with its IMDb rating on the scale 0 to 10."""
    row = {name: float(v) if isinstance(v, Decimal) else v for name, v in item if v is not None}
    if row.get("imdb_rating", 0) > 10:
        row["imdb_rating"] /= 10
    return only_known(row)
