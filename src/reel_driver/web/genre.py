"""Genre predictions as the tgplus clients ask for them: a description as the path. It must be the last router."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from reel_driver.web import refusals
from reel_driver.web.gate import DESCRIBED
from reel_driver.web.live import Models, Served
from reel_driver.web.together import Together

_encode = msgspec.json.encode


class Genre(BaseModel):
    """The one likeliest genre."""

    genre: str = Field(examples=["Documentary"])


class GenreScore(BaseModel):
    """A genre with its probability."""

    genre: str
    probability: float = Field(ge=0, le=1)


class Genres(BaseModel):
    """All genres, likeliest first."""

    genre: str
    genres: list[GenreScore]


class Received(BaseModel):
    """The echo of a ping."""

    received: str


class GenreRoutes:
    """The routes, and the hot one as a function of the description."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._told: Together[str, list[tuple[str, float]]] = Together(
            lambda texts: self.served().bundle.genres_of(texts)
        )

    def served(self) -> Served:
        """The bundle being served.

        Raises:
            Refusal: 503 while there is none.
        """
        live = self.models.genre
        if live.served is None:
            raise refusals.message(503, f"Model not loaded. {live.problem}")
        return live.served

    async def described(self, text: bytes) -> bytes:
        """A description -> its likeliest genre."""
        return _encode({"genre": (await self._told(text.decode()))[0][0]})

    def router(self) -> APIRouter:
        """The routes; `/{text}` takes any path of one part that nobody else took."""
        router = APIRouter(tags=["tgplus"])
        unavailable: dict[int | str, dict[str, Any]] = {503: {"description": "no model is loaded"}}

        @router.get("/ping/{message}", summary="Echo")
        async def ping(message: str) -> Received:
            return Received(received=message)

        @router.get("/genres", responses=unavailable, summary="Genres of a description")
        async def genres(text: Annotated[str, Query(min_length=1, max_length=20_000)]) -> Genres:
            found = await self._told(text)
            return Genres(genre=found[0][0], genres=[GenreScore(genre=g, probability=p) for g, p in found])

        @router.get(DESCRIBED, response_model=Genre, responses=unavailable, summary="Genre of a description")
        async def genre(text: str) -> Response:
            """A path is taken for a description only if there is white space in it, so that a mistyped route is 404."""
            if not text.strip() or not any(c.isspace() for c in text):
                raise HTTPException(404, "Not Found")
            return Response(await self.described(text.encode()), media_type="application/json")

        return router
