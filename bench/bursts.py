"""Bursts: does the service lose a request that it has accepted, and what do slow clients take from others?

    python bench/bursts.py [--seconds 120] [--connections 64] [--slow 200] [--json out.json]

wrk sends bursts of single predictions and of batches with pauses between them, and now and then more at once than the service
takes. At the end of a burst it stops sending and waits for what is still on its way, so that its count and that of
the service's own `/metrics` must be the same, to the request. Every second round some hundred slow clients are there as
well: they send their headers, or their body, a byte at a time, or never read their answers. The script ends with 1
when an answer is neither 200 nor a refusal with Retry-After, when one is missing, or when a slow client is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serve import ITEM, make_home, server

PATIENCE = 5
"""REEL_API_TIMEOUT of the service under test, in seconds."""
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = %s
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() begun, ok, told, other = os.time(), 0, 0, 0 end
function delay() if os.time() - begun >= %d then return 3600000 end return 0 end
function response(status, headers)
  if status == 200 then ok = ok + 1
  elseif (status == 503 or status == 429) and headers["retry-after"] then told = told + 1
  else other = other + 1 end
end
function done(summary, latency)
  local n = {0, 0, 0}
  for _, t in ipairs(threads) do
    n = {n[1] + t:get("ok"), n[2] + t:get("told"), n[3] + t:get("other")}
  end
  local e = summary.errors
  io.write(string.format("REEL %%d %%d %%d %%d %%f %%f\\n", n[1], n[2], n[3],
    e.read + e.write + e.connect + e.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass
class Answers:
    """What the client has seen of one or more bursts, and what the service has counted."""

    n_200: int = 0
    n_told: int = 0
    n_other: int = 0
    n_socket: int = 0
    n_served: int = 0
    seconds: float = 0.0
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Answers of any kind."""
        return self.n_200 + self.n_told + self.n_other

    @property
    def is_complete(self) -> bool:
        """Nothing lost, nothing but predictions and proper refusals."""
        return self.n == self.n_served > 0 and self.n_other == self.n_socket == 0

    def add(self, more: Answers) -> None:
        """Count further bursts as well."""
        for name in ("n_200", "n_told", "n_other", "n_socket", "n_served", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        self.p50_ms += more.p50_ms
        self.p99_ms += more.p99_ms


def counted(base: str, route: str) -> tuple[int, int]:
    """Requests of a route that the service has answered, and those being answered, this one aside."""
    text = urllib.request.urlopen(f"{base}/metrics", timeout=60).read().decode()
    rows = re.findall(r'^reel_requests_total\{method="POST",route="(.+)",status="\d+"\} (\d+)$', text, re.M)
    flying = re.search(r"^reel_requests_in_flight (\d+)$", text, re.M)
    assert flying is not None
    return sum(int(n) for path, n in rows if path == route), int(flying[1]) - 1


def burst(base: str, route: str, body: bytes, seconds: int, connections: int) -> Answers:
    """Send as fast as it goes for some seconds, then wait for every answer."""
    before, _ = counted(base, route)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(SCRIPT % (json.dumps(body.decode()), seconds))
        lua.flush()
        command = ["wrk", "-t1", f"-c{connections}", "-d600s", "--timeout", "60s", "-s", lua.name, base + route]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            started = time.monotonic()
            time.sleep(seconds)
            last = (-1, -1)
            while last != (now := counted(base, route)) or now[1] > 0:
                last = now
                time.sleep(0.3)
            # The last answer had come when the count was first seen.
            took = time.monotonic() - started - 0.3
        finally:
            wrk.send_signal(signal.SIGINT)
            out, _ = wrk.communicate(timeout=60)
    line = next(row for row in out.splitlines() if row.startswith("REEL"))
    ok, told, other, socket, p50, p99 = (float(x) for x in line.split()[1:])
    n_served = counted(base, route)[0] - before
    return Answers(int(ok), int(told), int(other), int(socket), n_served, took, [p50 / 1000], [p99 / 1000])


class SlowClients:
    """Clients that hold a connection each, as long as they are let."""

    def __init__(self, port: int, n: int) -> None:
        self.port, self.n = port, n
        self.held: dict[str, list[float]] = {
            "sending their headers": [],
            "sending a body": [],
            "not taking answers": [],
        }
        """Seconds until each was let go, by what it was slow with."""
        self._ending = False

    def __enter__(self) -> SlowClients:
        self._ending = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join(timeout=20 * PATIENCE)
        if self._thread.is_alive():
            sys.exit("a slow client is being kept")

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(i) for i in range(self.n)))

    async def _one(self, i: int) -> None:
        kind = list(self.held)[2 if i % 10 == 0 else i % 2]
        body = json.dumps({"items": [ITEM] * 50}).encode()
        head = b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\n"
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        await asyncio.sleep(i / self.n)
        while not self._ending:
            started = time.monotonic()
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                with contextlib.suppress(OSError):
                    if kind == "not taking answers":
                        await _never_read(writer, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
                    elif kind == "sending their headers":
                        await _dribble(reader, writer, head + b"X-Slow: " + b"x" * 10_000)
                    else:
                        await _dribble(reader, writer, body, head + length)
                writer.transport.abort()
            self.held[kind].append(time.monotonic() - started)


async def _dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes, first: bytes = b"") -> None:
    """Send a byte at a time, until there is an answer or an end."""
    writer.write(first)
    for start in range(len(text)):
        writer.write(text[start : start + 1])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.5)
            return


async def _never_read(writer: asyncio.StreamWriter, requests: bytes) -> None:
    """Ask much and read nothing, until the connection is closed from the other side."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(requests)
    while not writer.transport.is_closing():
        await asyncio.sleep(0.1)
        writer.write(b"\r\n")


@contextmanager
def service(root: Path, port: int, **environment: str) -> Iterator[str]:
    """A running service of a home folder; yields its address."""
    base = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "reel"), "serve", "--port", str(port)]
    own = {"REEL_HOME": str(root), "REEL_API_TIMEOUT": str(PATIENCE), **environment}
    with server(command, f"{base}/reel-driver/health", own):
        yield base


def run(base: str, port: int, seconds: float, connections: int, n_slow: int, length: int) -> dict[str, Any]:
    one = json.dumps(ITEM).encode()
    batch = {
        n: json.dumps({"items": [{**ITEM, "imdb_id": f"tt{i:07}"} for i in range(n)]}).encode() for n in (50, 1000)
    }
    kinds = [
        ("one", "/reel-driver/api/predict", one, connections),
        ("batch of 50", "/reel-driver/api/predict_batch", batch[50], connections),
        ("batch of 1000", "/reel-driver/api/predict_batch", batch[1000], connections),
        ("batch of 1000, too many at once", "/reel-driver/api/predict_batch", batch[1000], 5 * connections),
    ]
    found: dict[str, dict[str, Answers]] = {"alone": {}, "beside slow clients": {}}
    slow = SlowClients(port, n_slow)
    end = time.monotonic() + seconds
    n_rounds = 0
    while time.monotonic() < end or n_rounds < 2:
        among = list(found)[n_rounds % 2]
        with slow if n_rounds % 2 else contextlib.nullcontext():
            for name, route, body, n in kinds:
                found[among].setdefault(name, Answers()).add(burst(base, route, body, length, n))
                time.sleep(0.5 + n_rounds % 3)
        n_rounds += 1
    return {"found": found, "slow": slow, "n_rounds": n_rounds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--burst", type=int, default=4, help="seconds of one burst")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--slow", type=int, default=200, help="slow clients")
    parser.add_argument("--port", type=int, default=8873)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        make_home(Path(folder), "taste", {})
        # As many at once as there are connections; the last kind of burst sends five times as many.
        limit = {"REEL_API_MAX_CONCURRENT": str(2 * options.connections)}
        with service(Path(folder), options.port, **limit) as base:
            burst(base, "/reel-driver/api/predict", json.dumps(ITEM).encode(), 1, 4)
            done = run(base, options.port, options.seconds, options.connections, options.slow, options.burst)
    slow = done["slow"]
    head = f"{'':54} {'answers':>8} {'200':>8} {'503/429':>8} {'other':>6} {'socket':>7} {'served':>8} {'a second':>9}"
    print(f"{head} {'p50 ms':>8} {'p99 ms':>8}")
    for among, kinds in done["found"].items():
        for name, a in kinds.items():
            print(
                f"{name + ', ' + among:54} {a.n:8} {a.n_200:8} {a.n_told:8} {a.n_other:6} {a.n_socket:7} {a.n_served:8}"
                f" {a.n / a.seconds:9.0f} {statistics.median(a.p50_ms):8.1f} {max(a.p99_ms):8.1f}"
            )
    for kind, held in slow.held.items():
        print(f"slow clients {kind}: {len(held)} let go, the longest after {max(held, default=0.0):.1f} s")
    every = [a for kinds in done["found"].values() for a in kinds.values()]
    is_good = all(a.is_complete for a in every) and (all(slow.held.values()) or not options.slow)
    print("nothing lost" if is_good else "SOMETHING WAS LOST")
    if options.json:
        named = {f"{n}, {among}": vars(a) for among, kinds in done["found"].items() for n, a in kinds.items()}
        options.json.write_text(json.dumps({"bursts": named, "slow": slow.held}, indent=1))
    sys.exit(not is_good)


if __name__ == "__main__":
    main()
