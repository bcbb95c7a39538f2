"""Hot routes in the OpenAPI: the gate answers them itself, the application documents them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from reel_driver.web.gate import Handler


class Message(BaseModel):
    """What 500 and 503 carry."""

    message: str


class Detail(BaseModel):
    """What most refusals carry."""

    detail: str


class Invalid(BaseModel):
    """What 422 carries: the place and kind of each fault."""

    detail: list[dict[str, Any]]


def documented(
    router: APIRouter,
    path: str,
    handler: Handler,
    request: type[BaseModel],
    answer: type[BaseModel],
    *,
    unavailable: str = "message",
) -> None:
    """Add a hot route to a router: the same handler, for the documentation and for whoever comes past the gate."""

    async def endpoint(request: Request) -> Response:
        return Response(await handler(await request.body()), media_type="application/json")

    words = str(handler.__doc__)
    endpoint.__doc__ = words
    router.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        name=f"{handler.__name__}{path.replace('/', '_')}",
        summary=words,
        response_model=answer,
        responses={
            413: {"description": "too much at once", "model": Detail},
            422: {"description": "not as it should be", "model": Invalid},
            503: {"description": "no model is loaded", "model": Message if unavailable == "message" else Detail},
        },
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _ref(request)}}}},
    )


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def schemas_of(*models: type[BaseModel]) -> dict[str, Any]:
    """The schemas that hot routes refer to, for the components of an OpenAPI document."""
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found
