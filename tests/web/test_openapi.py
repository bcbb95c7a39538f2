"""Whatever is sent to any documented route, the service does not fall over."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reel_driver.bundle import Bundle
from reel_driver.operations.data import load_starter
from reel_driver.operations.workspace import Workspace
from reel_driver.web.accesslog import AccessLog
from reel_driver.web.app import create_app

N_CASES = int(os.environ.get("REEL_FUZZ_CASES", "150"))
"""Cases over all routes together."""


def test_no_case_that_the_document_allows_is_a_500(bundle: Bundle, tmp_path: Path) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings
    from starlette.testclient import TestClient

    work = Workspace(tmp_path, "starter")
    load_starter(work)
    work.registry.add(work.watch_name, replace(bundle, threshold=0.5))
    app = create_app(work, access=AccessLog(io.StringIO()))
    n_tried, statuses = 0, set()
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) >= 20
        for operation in operations:

            @settings(
                max_examples=max(2, N_CASES // len(operations)), deadline=None, database=None, derandomize=True,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=operation.as_strategy())
            def ask(case: Any) -> None:
                nonlocal n_tried
                sent = case.as_transport_kwargs(base_url="http://localhost")
                sent = {
                    k: v
                    for k, v in sent.items()
                    if k in ("method", "url", "headers", "params", "json", "data", "cookies")
                }
                headers = {k: v for k, v in (sent.pop("headers", None) or {}).items() if k.lower() != "host"}
                sent.pop("cookies", None)
                data = sent.pop("data", None)
                answer = client.request(
                    **sent, content=data if isinstance(data, bytes | str) else None, headers=headers
                )
                n_tried += 1
                statuses.add(answer.status_code)
                assert answer.status_code != 500, (sent, answer.text)

            ask()
    assert n_tried >= N_CASES * 0.5
    assert 200 in statuses
    assert 500 not in statuses
