"""Rating predictions as the movie_rating_guess clients ask for them: `/predict`, `/health`, `/models`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field

from reel_driver.registry import CHAMPION, PREVIOUS, SHIPPED_VERSION, Registry
from reel_driver.web import refusals
from reel_driver.web.documented import documented
from reel_driver.web.gate import Handler
from reel_driver.web.live import Models, Served
from reel_driver.web.together import Together


def read_date(text: str) -> date:
    """A date written as Y-M-D, leading zeros or not.

    Raises:
        ValueError: when it is none.
    """
    return datetime.strptime(text, "%Y-%m-%d").date()


def _checked_date(text: str) -> str:
    try:
        read_date(text)
    except ValueError:
        raise ValueError("release_date must be a date written as Y-M-D") from None
    return text


class RatingRequest(BaseModel):
    """A film to be rated; everything is needed."""

    release_date: Annotated[str, AfterValidator(_checked_date)] = Field(
        description="Y-M-D", examples=["1999-03-31"], max_length=10
    )
    title: str = Field(min_length=1, max_length=500)
    overview: str = Field(min_length=1, max_length=5000)
    genre: str = Field(description="names separated by commas", examples=["Action, Science Fiction"])
    original_language: str = Field(min_length=2, max_length=10)


class RatingPrediction(BaseModel):
    """The rating, with two decimals."""

    title: str
    predicted_rating: float = Field(ge=0, le=10)


class _Quick(msgspec.Struct):
    release_date: Annotated[str, msgspec.Meta(max_length=10)]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    overview: Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]
    genre: str
    original_language: Annotated[str, msgspec.Meta(min_length=2, max_length=10)]


_decode, _encode = msgspec.json.Decoder(_Quick).decode, msgspec.json.encode


class RatingRoutes:
    """The routes, and the hot one as a function of the body."""

    def __init__(self, models: Models, registry: Registry, known: tuple[str, ...]) -> None:
        self.models, self.registry, self.known = models, registry, known
        self._rated: Together[Mapping[str, Any], float] = Together(lambda films: ratings_of(self.served(), films))

    @property
    def hot(self) -> dict[tuple[str, str], Handler]:
        """What the gate answers itself."""
        return {("POST", "/predict"): self.predict}

    def served(self) -> Served:
        """The bundle being served.

        Raises:
            Refusal: 503 while there is none.
        """
        served = self.models.rating.served
        if served is None:
            raise refusals.detail(503, f"Model not loaded. {self.models.rating.problem}")
        return served

    async def predict(self, body: bytes) -> bytes:
        """A film -> the rating that a crowd would give it."""
        self.served()
        try:
            request = msgspec.structs.asdict(_decode(body))
            released = read_date(request["release_date"])
        except (msgspec.MsgspecError, RecursionError, ValueError):
            request = refusals.read_as(RatingRequest, body).model_dump()
            released = read_date(request["release_date"])
        rating = await self._rated(film_of(request, released))
        return _encode({"title": request["title"], "predicted_rating": round(rating, 2)})

    def router(self) -> APIRouter:
        """All routes of these clients, documented."""
        router = APIRouter(tags=["movie_rating_guess"])
        router.add_api_route("/health", self.health, methods=["GET"], summary="State of the rating model")
        router.add_api_route("/models", self.versions, methods=["GET"], summary="Versions of every model")
        documented(router, "/predict", self.predict, RatingRequest, RatingPrediction, unavailable="detail")
        return router

    async def health(self) -> dict[str, Any]:
        """Always 200, whatever state the model is in."""
        live = self.models.rating
        served = live.served
        return {
            "status": "healthy" if served else ("error" if live.problem else "loading"),
            "model_loaded": served is not None,
            "pipeline_version": served.version if served else None,
            "model_info": {
                "name": live.name,
                "pipeline": served.bundle.about.get("pipeline") if served else None,
                "trained_at": served.bundle.about.get("trained_at") if served else None,
                "problem": live.problem or None,
            },
        }

    def versions(self) -> dict[str, dict[str, list[dict[str, str]]]]:
        """Versions of every model; the stage is what its clients knew before there were aliases."""
        stages = {CHAMPION: "Production", PREVIOUS: "Archived"}
        listed = {}
        for name in self.known:
            stage_of = {v: stages[a] for a, v in self.registry.aliases(name).items() if a in stages}
            listed[name] = [
                {"version": v, "stage": stage_of.get(v, "None"), "status": "READY"}
                for v in self.registry.versions(name)
            ]
            if self.registry.is_shipped(name):
                listed[name] = [{"version": SHIPPED_VERSION, "stage": stages[CHAMPION], "status": "READY"}]
        return {"models": listed}


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
