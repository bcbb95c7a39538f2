"""What a request costs on FastAPI and pydantic when nothing is predicted: the body of a prediction, read and answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, Field

Code = Annotated[str, Field(min_length=2, max_length=2)]


class Item(BaseModel):
    """The fields of a prediction, with their bounds."""

    imdb_id: str = Field(pattern=r"^tt[0-9]{7,8}$")
    release_year: int | None = Field(None, ge=1850, le=2100)
    budget: int | None = Field(None, ge=0)
    revenue: int | None = Field(None, ge=0)
    runtime: int | None = Field(None, ge=0)
    origin_country: list[Code] | None = None
    production_countries: list[Code] | None = None
    production_status: str | None = Field(None, max_length=25)
    original_language: Code | None = None
    spoken_languages: list[Code] | None = None
    genre: list[Annotated[str, Field(max_length=20)]] | None = None
    tagline: str | None = Field(None, max_length=255)
    overview: str | None = None
    tmdb_rating: float | None = Field(None, ge=0, le=10)
    tmdb_votes: int | None = Field(None, ge=0)
    rt_score: int | None = Field(None, ge=0, le=100)
    metascore: int | None = Field(None, ge=0, le=100)
    imdb_rating: float | None = Field(None, ge=0, le=100)
    imdb_votes: int | None = Field(None, ge=0)


class Answer(BaseModel):
    """The form of a prediction."""

    imdb_id: str
    prediction: bool
    probability: float


app = FastAPI()


@app.post("/echo")
async def echo(item: Item) -> Answer:
    """The same word on everything."""
    return Answer(imdb_id=item.imdb_id, prediction=True, probability=0.5)
