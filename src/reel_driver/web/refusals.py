"""The one place where a refusal becomes a status code and a body."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from reel_driver.errors import (
    BundleError,
    DiskError,
    ExtraMissing,
    InputError,
    LabelsError,
    NotFound,
    ReelError,
    StoreError,
)

Item = TypeVar("Item", bound=BaseModel)

STATUS: tuple[tuple[type[ReelError], int], ...] = (
    (NotFound, 404),
    (InputError, 422),
    (LabelsError, 409),
    (BundleError, 503),
    (StoreError, 503),
    (ExtraMissing, 503),
    (DiskError, 503),
)
"""The first class that fits gives the status; anything else is 500."""

NO_MODEL = (
    "Model not loaded - MLflow connection failed or model not found. Check MLflow server status and model registry."
)
UNEXPECTED = "Something went wrong inside the service; its log says what."
RETRY_AFTER: Mapping[int, str] = {429: "1", 503: "5"}
"""Seconds that a client is asked to wait, by status."""


class Refusal(Exception):
    """An answer that is not the one asked for: status and body, ready to send."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body

    @property
    def content(self) -> bytes:
        """The body as JSON that every reader takes: plain ASCII, no NaN, nothing infinite."""
        return json.dumps(_sendable(self.body), allow_nan=False).encode()

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, where waiting helps."""
        return {"retry-after": RETRY_AFTER[self.status]} if self.status in RETRY_AFTER else {}


def message(status: int, sentence: str) -> Refusal:
    """A refusal in the form of 500 and 503, and of the limits."""
    return Refusal(status, {"message": sentence})


def detail(status: int, value: Any) -> Refusal:
    """A refusal in FastAPI's own form."""
    return Refusal(status, {"detail": value})


def translated(error: ReelError) -> Refusal:
    """What a client is told of a refusal by the house."""
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    sentence = str(error)
    if status in (500, 503):
        return message(status, sentence)
    if status == 422:
        return detail(422, [{"type": "value_error", "loc": ["body"], "msg": sentence, "input": None}])
    return detail(status, sentence)


def invalid(error: ValidationError) -> Refusal:
    """422 with the place of every fault in the body."""
    found = error.errors(include_url=False, include_context=False)
    return detail(422, [{**fault, "loc": ["body", *fault["loc"]]} for fault in found])


def read_as(model: type[Item], body: bytes) -> Item:
    """The body as a pydantic model, which alone says what is wrong with one.

    Raises:
        Refusal: 422 when the body is no JSON or not what the model wants.
    """
    value = read_json(body)
    try:
        return model.model_validate(value, from_attributes=True)
    except ValidationError as error:
        raise invalid(error) from None


def read_json(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        Refusal: 422 when it is none, a literal NaN or Infinity included, or is nested too deeply.
    """
    if not body:
        raise detail(422, [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}])
    try:
        return json.loads(body, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place, why = error.pos, error.msg
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        place, why = 0, str(error)
    raise not_json(place, why)


def not_json(place: int, why: str) -> Refusal:
    """422 for a body that is no JSON from this place on."""
    fault = {"type": "json_invalid", "loc": ["body", place], "msg": "JSON decode error", "input": {}}
    return detail(422, [{**fault, "ctx": {"error": why}}])


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _sendable(value: Any) -> Any:
    """The value with what JSON cannot say turned into words."""
    if isinstance(value, Mapping):
        return {str(k): _sendable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_sendable(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
