"""What `/metrics` says, in the text format of Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable

from reel_driver.drift import drift
from reel_driver.web.live import Models

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the latency histogram, in seconds."""


class Measures:
    """Counts of requests and their latencies, by route."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self.in_flight = 0
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._latency: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests[method, route, status] += 1
        counts = self._latency.get(route)
        if counts is None:
            counts = self._latency[route] = [0] * (len(BUCKETS) + 1)
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[route] += seconds

    def text(self, models: Models) -> str:
        """The whole page."""
        return "\n".join([*self._of_requests(), *_of_models(models), ""])

    def _of_requests(self) -> Iterable[str]:
        yield from _head("reel_requests_total", "counter", "Requests answered.")
        for (method, route, status), n in sorted(self._requests.items()):
            yield f'reel_requests_total{{method="{method}",route="{_quoted(route)}",status="{status}"}} {n}'
        yield from _head("reel_request_seconds", "histogram", "Time to answer.")
        for route, counts in sorted(self._latency.items()):
            label, below = f'route="{_quoted(route)}"', 0
            for end, n in zip((*BUCKETS, "+Inf"), counts, strict=True):
                below += n
                yield f'reel_request_seconds_bucket{{{label},le="{end}"}} {below}'
            yield f"reel_request_seconds_sum{{{label}}} {self._seconds[route]:.6f}"
            yield f"reel_request_seconds_count{{{label}}} {below}"
        yield from _head("reel_requests_in_flight", "gauge", "Requests being answered.")
        yield f"reel_requests_in_flight {self.in_flight}"
        yield from _head("reel_uptime_seconds", "gauge", "Time since the start.")
        yield f"reel_uptime_seconds {time.time() - self.started_at:.1f}"


def _of_models(models: Models) -> Iterable[str]:
    yield from _head("reel_model_loaded", "gauge", "1 when a model is served.")
    for live in models.all:
        yield f'reel_model_loaded{{model="{_quoted(live.name)}"}} {int(live.served is not None)}'
    serving = [live.served for live in models.all if live.served is not None]
    yield from _head("reel_model_info", "gauge", "The version served.")
    for served in serving:
        yield f'reel_model_info{{model="{_quoted(served.name)}",version="{_quoted(served.version)}"}} 1'
    yield from _head("reel_model_age_seconds", "gauge", "Time since the served version was trained.")
    for served in serving:
        if (trained := _seconds_of(str(served.bundle.about.get("trained_at", "")))) is not None:
            yield f'reel_model_age_seconds{{model="{_quoted(served.name)}"}} {time.time() - trained:.0f}'
    yield from _head("reel_input_mean_shift", "gauge", "Shift of an input's mean, in training standard deviations.")
    moved = [(s, drift(s.bundle.about.get("inputs", {}), s.bundle.spec.encode_rows(s.recent.rows()))) for s in serving]
    for served, columns in moved:
        for column, (shift, _) in columns.items():
            yield f'reel_input_mean_shift{{model="{_quoted(served.name)}",input="{_quoted(column)}"}} {shift}'
    yield from _head("reel_input_known_change", "gauge", "Change of the share of titles of which an input is known.")
    for served, columns in moved:
        for column, (_, change) in columns.items():
            yield f'reel_input_known_change{{model="{_quoted(served.name)}",input="{_quoted(column)}"}} {change}'


def _head(name: str, kind: str, words: str) -> tuple[str, str]:
    return f"# HELP {name} {words}", f"# TYPE {name} {kind}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _seconds_of(moment: str) -> float | None:
    from datetime import datetime

    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None
