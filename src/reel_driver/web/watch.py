"""Watch predictions as the reel-driver clients ask for them, under the configured prefix."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter

from reel_driver import __version__
from reel_driver.web import refusals
from reel_driver.web.documented import Message, documented
from reel_driver.web.gate import Handler, Limits
from reel_driver.web.items import (
    NotQuick,
    Prediction,
    PredictionBatch,
    PredictionItem,
    PredictionResults,
    decode_item,
    decode_items,
    row_of,
)
from reel_driver.web.live import Models, Served
from reel_driver.web.together import Together

CHUNK = 250
"""Items scored before others get a turn."""

_encode = msgspec.json.encode


class WatchRoutes:
    """The routes, and the two hot ones as functions of the body."""

    def __init__(self, models: Models, limits: Limits, prefix: str) -> None:
        self.models, self.limits, self.prefix = models, limits, prefix
        self._predicted = Together(self._predict_rows)

    @property
    def hot(self) -> dict[tuple[str, str], Handler]:
        """What the gate answers itself."""
        return {
            ("POST", f"{self.prefix}/api/predict"): self.predict,
            ("POST", f"{self.prefix}/api/predict_batch"): self.predict_batch,
        }

    def served(self) -> Served:
        """The bundle being served.

        Raises:
            Refusal: 503 while there is none.
        """
        served = self.models.watch.served
        if served is None:
            raise refusals.message(503, refusals.NO_MODEL)
        return served

    async def predict(self, body: bytes) -> bytes:
        """One item -> its prediction."""
        self.served()
        try:
            row = decode_item(body)
        except NotQuick:
            row = row_of(refusals.read_as(PredictionItem, body))
        return _encode(await self._predicted(row))

    def _predict_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return _words_on(rows, self.served())

    async def predict_batch(self, body: bytes) -> bytes:
        """A batch -> its predictions, in its order, none left out."""
        served = self.served()
        try:
            rows = decode_items(body)
        except NotQuick:
            rows = [row_of(item) for item in refusals.read_as(PredictionBatch, body).items]
        if len(rows) > self.limits.batch:
            raise refusals.detail(413, f"A batch may have {self.limits.batch} items: send less at once.")
        results: list[dict[str, Any]] = []
        for start in range(0, len(rows), CHUNK):
            if start:
                await asyncio.sleep(0)
            results += _words_on(rows[start : start + CHUNK], served)
        return _encode({"results": results})

    def router(self) -> APIRouter:
        """All routes of these clients, documented."""
        router = APIRouter(prefix=self.prefix, tags=["reel-driver"])
        unavailable: dict[int | str, dict[str, Any]] = {503: {"description": "no model is loaded", "model": Message}}
        router.add_api_route("/", self.welcome, methods=["GET"], summary="What this is and where to go")
        if self.prefix:
            router.add_api_route("", self.welcome, methods=["GET"], include_in_schema=False)
        router.add_api_route(
            "/health", self.health, methods=["GET"], responses=unavailable, summary="Is a model served"
        )
        router.add_api_route(
            "/api/model", self.model, methods=["GET"], responses=unavailable, summary="The model served"
        )
        documented(router, "/api/predict", self.predict, PredictionItem, Prediction)
        documented(router, "/api/predict_batch", self.predict_batch, PredictionBatch, PredictionResults)
        return router

    async def welcome(self) -> dict[str, Any]:
        """Where everything is."""
        return {
            "message": "Welcome to Reel Driver API",
            "description": "Says whether a title would be watched, from what its person has labelled.",
            "version": __version__,
            "docs": f"{self.prefix}/docs",
            "health": f"{self.prefix}/health",
            "endpoints": {
                "single_prediction": f"{self.prefix}/api/predict",
                "batch_prediction": f"{self.prefix}/api/predict_batch",
            },
        }

    async def health(self) -> dict[str, Any]:
        """Healthy while a model is served, whatever state the registry is in."""
        served = self.served()
        return {
            "status": "healthy",
            "model_name": served.name,
            "model_version": served.version,
            "run_id": served.run_id,
            **served.counts,
            "registry": self.models.remote or "local",
            "problem": self.models.watch.problem,
        }

    def model(self) -> dict[str, Any]:
        """Name, version, run, features and metrics."""
        served = self.served()
        about = served.bundle.about
        return {
            "name": served.name,
            "version": served.version,
            "run_id": served.run_id,
            "trained_at": about.get("trained_at"),
            "features": list(served.bundle.spec.names),
            "metrics": {k: m["value"] for k, m in about.get("evaluation", {}).get("metrics", {}).items()},
            "threshold": served.bundle.threshold,
            "n_labels": about.get("n_labels"),
        }


def _words_on(rows: Sequence[Mapping[str, Any]], served: Served) -> list[dict[str, Any]]:
    """What one bundle says of titles, in their order."""
    threshold = served.bundle.threshold
    return [
        {"imdb_id": row["imdb_id"], "prediction": p >= threshold, "probability": p}
        for row, p in zip(rows, served.probabilities(rows), strict=True)
    ]
