"""The project's own routes, under `/api/v1`: options, one verb, a plain answer. None of them is hot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from reel_driver.domain import TITLE_FIELDS, Verdict
from reel_driver.registry import Registry
from reel_driver.web import refusals
from reel_driver.web.aside import Aside
from reel_driver.web.items import row_of
from reel_driver.web.live import Models, Served

if TYPE_CHECKING:
    from reel_driver.operations.workspace import Workspace

TYPES: dict[str, Any] = {"text": str, "int": int, "float": float, "list": list[str], "date": date}

CATALOGUE_THREADS = 8
"""Questions to the database at once: when it hangs, no more threads than these hang with it."""
ONLY_PREDICTS = (
    "This installation only predicts: behind this route is the catalogue, which needs the whole of reel-driver."
)


def _title() -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for f in TITLE_FIELDS:
        top = None if f.maximum is None else (f.maximum * 10 if f.name == "imdb_rating" else f.maximum)
        limits: dict[str, Any] = {"ge": f.minimum, "le": top} if f.type in ("int", "float") else {}
        if f.type == "text":
            limits["max_length"] = f.max_length
        fields[f.name] = (TYPES[f.type] | None, Field(None, description=f.help, **limits))
    return create_model("Title", __config__=ConfigDict(extra="ignore", allow_inf_nan=False), **fields)


Title = _title()
"""A title as the catalogue knows it; nothing is required."""


class TitleOut(BaseModel):
    """A title of the catalogue."""

    model_config = ConfigDict(extra="allow")
    title_id: int


class Titles(BaseModel):
    """Titles to be judged."""

    items: list[Title] = Field(max_length=10_000)  # type: ignore[valid-type]


class Judged(BaseModel):
    """The word on a title, with its 90 % interval."""

    imdb_id: str | None = None
    title: str | None = None
    prediction: bool
    probability: float
    lower: float
    upper: float
    is_extrapolated: bool


class JudgedTitles(BaseModel):
    """The words on titles, in their order, and who says so."""

    results: list[Judged]
    model: str
    version: str
    threshold: float


class Why(BaseModel):
    """One part of a score, in log-odds."""

    phrase: str
    weight: float


class Explained(Judged):
    """The word on a title and why."""

    reasons_for: list[Why]
    reasons_against: list[Why]


class LabelIn(BaseModel):
    """A person's word on a title."""

    verdict: Verdict


class ModelOut(BaseModel):
    """Versions of one registered model."""

    name: str
    versions: list[str]
    aliases: dict[str, str]
    served: str | None


def native_router(models: Models, registry: Registry, work: Workspace) -> APIRouter:
    """The routes. Verbs that need the catalogue are imported when asked for: a service without it still predicts."""
    router = APIRouter(prefix="/api/v1", tags=["native"])
    refused: dict[int | str, dict[str, Any]] = {
        404: {"description": "nobody has heard of it"},
        503: {"description": "no model, or no catalogue"},
    }

    beside = Aside(CATALOGUE_THREADS)

    def served() -> Served:
        if models.watch.served is None:
            raise refusals.message(503, refusals.NO_MODEL)
        return models.watch.served

    @router.get("/titles/{ref}", responses=refused, summary="One title of the catalogue")
    @beside
    def title(ref: str) -> TitleOut:
        with catalogue():
            return TitleOut.model_validate(work.store.find_title(ref))

    @router.get("/titles", responses=refused, summary="Titles of the catalogue")
    @beside
    def titles(
        kind: Literal["movie", "show"] | None = None,
        after: Annotated[int, Query(ge=0, le=2**31, description="number of the last title of the page before")] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[TitleOut]:
        with catalogue():
            from reel_driver.operations.browse import page_of_titles

            return [TitleOut.model_validate(r) for r in page_of_titles(work, kind=kind, after=after, limit=limit)]

    @router.get("/labels", responses=refused, summary="Every label that counts")
    @beside
    def labels() -> list[dict[str, Any]]:
        with catalogue():
            from reel_driver.operations import correct

            return [_plain(row) for row in correct.list_labels(work)]

    @router.get("/labels/{ref}", responses=refused, summary="Every word ever said on a title")
    @beside
    def label_history(ref: str) -> list[dict[str, Any]]:
        with catalogue():
            from reel_driver.operations import correct

            return [_plain(row) for row in correct.label_history(work, ref)]

    @router.put("/labels/{ref}", responses=refused, summary="Say your word on a title")
    @beside
    def set_label(ref: str, label: LabelIn) -> TitleOut:
        with catalogue():
            from reel_driver.operations import correct

            return TitleOut.model_validate(correct.set_label(work, ref, label.verdict))

    @router.delete("/labels/{ref}", responses=refused, summary="Take your word on a title back")
    @beside
    def unset_label(ref: str) -> TitleOut:
        with catalogue():
            from reel_driver.operations import correct

            return TitleOut.model_validate(correct.unset_label(work, ref))

    @router.get("/tonight", responses=refused, summary="Tonight's row")
    @beside
    def tonight(
        n: Annotated[int, Query(ge=1, le=100)] = 10,
        minutes: Annotated[int | None, Query(ge=1, le=100_000)] = None,
        genre: str | None = None,
        language: str | None = None,
        kind: Literal["movie", "show"] | None = None,
    ) -> list[dict[str, Any]]:
        with catalogue():
            from reel_driver.operations import row

            rating = models.rating.served
            picks = row.tonight(
                work, n=n, minutes=minutes, genre=genre, language=language, kind=kind,
                rating=rating.bundle if rating else None,
            )  # fmt: skip
        return [{**_plain(dict(p.title)), **p.plain()} for p in picks]

    @router.post("/predict", responses=refused, summary="Would they watch these titles")
    def predict(titles: Titles) -> JudgedTitles:
        now = served()
        rows = [row_of(item) for item in titles.items]
        return JudgedTitles(
            results=[Judged(**j) for j in _judged(now, rows)],
            model=now.name,
            version=now.version,
            threshold=now.bundle.threshold,
        )

    @router.post("/explain", responses=refused, summary="Would they watch this title, and why")
    def explain(title: Title) -> Explained:  # type: ignore[valid-type]
        now, row = served(), row_of(title)
        pro, contra = now.bundle.reasons([row], n=5)[0]
        return Explained(
            **_judged(now, [row])[0],
            reasons_for=[Why(**asdict(r)) for r in pro],
            reasons_against=[Why(**asdict(r)) for r in contra],
        )

    @router.get("/recent", responses=refused, summary="Titles that were asked about lately, for `reel drift`")
    def recent() -> list[dict[str, Any]]:
        return [dict(row) for row in served().recent.rows()]

    @router.get("/evaluation", responses=refused, summary="How good the served model is, out of fold")
    def evaluation() -> dict[str, Any]:
        return dict(served().bundle.about.get("evaluation", {}))

    @router.get("/models", summary="Registered models, their versions and aliases")
    def listed() -> list[ModelOut]:
        return [
            ModelOut(
                name=live.name,
                versions=registry.versions(live.name),
                aliases=registry.aliases(live.name),
                served=live.served.version if live.served else None,
            )
            for live in models.all
        ]

    return router


@contextmanager
def catalogue() -> Iterator[None]:
    """A block that needs the database; a serving-only installation has none.

    Raises:
        Refusal: 503 when the packages for it are not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("polars", "sqlalchemy", "alembic", "psycopg"):
            raise
        raise refusals.message(503, ONLY_PREDICTS) from error


def _judged(served: Served, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    p, lower, upper = served.bundle.score_rows(rows)
    return [
        {
            "imdb_id": row.get("imdb_id"),
            "title": row.get("title"),
            "prediction": bool(p[i] >= served.bundle.threshold),
            "probability": float(p[i]),
            "lower": float(lower[i]),
            "upper": float(upper[i]),
            "is_extrapolated": row.get("kind") == "show",
        }
        for i, row in enumerate(rows)
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, date | datetime) else v for k, v in row.items()}
