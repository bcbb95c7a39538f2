"""The application: every client's routes put together behind one gate."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from reel_driver import __version__
from reel_driver.errors import ReelError
from reel_driver.operations.workspace import Workspace
from reel_driver.registry import CHAMPION
from reel_driver.web import refusals
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.documented import schemas_of
from reel_driver.web.gate import DESCRIBED, App, Gate, Limits
from reel_driver.web.genre import GenreRoutes
from reel_driver.web.items import PredictionBatch, PredictionItem
from reel_driver.web.live import Models, Puller
from reel_driver.web.measure import Measures
from reel_driver.web.native import native_router
from reel_driver.web.rating import RatingRequest, RatingRoutes
from reel_driver.web.refusals import Refusal
from reel_driver.web.watch import WatchRoutes


@dataclass(frozen=True)
class ServiceConfig:
    """How the service is run.

    Attributes:
        prefix: of the reel-driver routes.
        version: version or alias of the watch model.
        poll_seconds: how often the registry is looked at.
        token: asked of every client when it is not empty.
        cors: web origins that may ask; none by default.
        limits: of requests.
    """

    prefix: str = "/reel-driver"
    version: str = CHAMPION
    poll_seconds: float = 5.0
    token: str = ""
    cors: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


def create_app(
    work: Workspace,
    config: ServiceConfig | None = None,
    *,
    pull: Puller | None = None,
    access: AccessLog | None = None,
    models: Models | None = None,
) -> Gate:
    """The ASGI application of a workspace.

    Args:
        work: whose models and catalogue are served.
        config: how.
        pull: brings remote champions into the local registry, where a remote one is configured.
        access: where the access log goes.
        models: what is served, when it is not what the registry names.
    """
    config = config or ServiceConfig()
    registry = work.registry
    models = models or Models(registry, work.watch_name, config.version)
    measures, access = Measures(), access or AccessLog()
    watch = WatchRoutes(models, config.limits, config.prefix)
    rating = RatingRoutes(models, registry, tuple(live.name for live in models.all))
    genre = GenreRoutes(models)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        models.start(config.poll_seconds, pull)
        yield
        models.stop()
        access.flush()

    api = FastAPI(
        title="Reel Driver API",
        version=__version__,
        description="Learns what a person wants to watch, and says so to whoever asks.",
        lifespan=running,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    _translate(api)
    document = _openapi_of(api)
    for prefix in ("", config.prefix):
        _add_documents(api, prefix, document)

    @api.get("/metrics", tags=["operation"], response_class=PlainTextResponse, summary="Measurements, for Prometheus")
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(measures.text(models), media_type="text/plain; version=0.0.4")

    api.include_router(watch.router())
    api.include_router(native_router(models, registry, work))
    api.include_router(rating.router())
    api.include_router(genre.router())
    app: App = api
    if config.cors:
        from starlette.middleware.cors import CORSMiddleware

        app = CORSMiddleware(api, allow_origins=list(config.cors), allow_methods=["*"], allow_headers=["*"])
    return Gate(
        app,
        {} if config.cors else {**watch.hot, **rating.hot},  # CORS headers are the middleware's to add
        config.limits,
        measures,
        access,
        config.token,
        frozenset({f"{config.prefix}/health", "/health"}),
        frozenset(config.cors),
        None if config.cors else genre.described,
        frozenset({f"{config.prefix}/api/predict", "/predict", DESCRIBED}),
    )


def _translate(api: FastAPI) -> None:
    """Every refusal inside the application goes through `refusals`."""

    def refused(_: Request, error: Exception) -> Response:
        refusal = error if isinstance(error, Refusal) else refusals.translated(error)  # type: ignore[arg-type]
        return Response(refusal.content, refusal.status, refusal.headers, "application/json")

    def invalid(_: Request, error: Exception) -> Response:
        faults = [{k: v for k, v in f.items() if k != "ctx"} for f in error.errors()]  # type: ignore[attr-defined]
        refusal = refusals.detail(422, faults)
        return Response(refusal.content, refusal.status, media_type="application/json")

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:  # what FastAPI says of JSON that is nested too deeply
            return refused(request, refusals.not_json(0, str(error.detail)))
        return await http_exception_handler(request, error)

    def unexpected(request: Request, _: Exception) -> Response:
        return refused(request, refusals.message(500, refusals.UNEXPECTED))

    api.add_exception_handler(HTTPException, http)
    api.add_exception_handler(Exception, unexpected)
    api.add_exception_handler(Refusal, refused)
    api.add_exception_handler(ReelError, refused)
    api.add_exception_handler(RequestValidationError, invalid)


def _openapi_of(api: FastAPI) -> Callable[[], bytes]:
    @cache
    def document() -> bytes:
        found = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(schemas_of(PredictionItem, PredictionBatch, RatingRequest))
        return json.dumps(found).encode()

    return document


def _add_documents(api: FastAPI, prefix: str, document: Callable[[], bytes]) -> None:
    """The OpenAPI document and its two readers, at the root and under the prefix."""
    at = f"{prefix}/openapi.json"

    async def openapi() -> Response:
        return Response(document(), media_type="application/json")

    def docs(request: Request) -> Response:
        return get_swagger_ui_html(openapi_url=request.scope.get("root_path", "") + at, title=api.title)

    def redoc(request: Request) -> Response:
        return get_redoc_html(openapi_url=request.scope.get("root_path", "") + at, title=api.title)

    api.add_api_route(at, openapi, include_in_schema=False)
    api.add_api_route(f"{prefix}/docs", docs, include_in_schema=False)
    api.add_api_route(f"{prefix}/redoc", redoc, include_in_schema=False)
