"""Running the service: settings, the token, the server."""

from __future__ import annotations

import logging
import math
import os
import secrets
import signal
import socket
from pathlib import Path

from reel_driver.config import setting
from reel_driver.errors import DiskError, ExtraMissing, ValueRefused
from reel_driver.operations.workspace import Workspace

LEVELS = ("debug", "info", "warning", "error", "critical")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def token_of(home: Path) -> str:
    """The token of this installation: the setting, or a file of the home folder that is made on first use.

    Raises:
        DiskError: when it has to be made and cannot be written.
    """
    if configured := setting("REEL_API_TOKEN"):
        return configured
    path = home / "token"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    made = secrets.token_urlsafe(32)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(made + "\n")
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise DiskError(path, error.strerror or str(error)) from error
    return made


def number(name: str, at_least: float) -> float:
    """A setting that is a number.

    Raises:
        ValueRefused: when it is none, or too small.
    """
    text = setting(name)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value >= at_least:
        raise ValueRefused(name, text, f"it must be a number of at least {at_least:g}.")
    return value


def serve(work: Workspace, host: str, port: int) -> None:
    """Serve until told to stop; a stop lets the requests that have come in be answered.

    Raises:
        ExtraMissing: without the serving extra.
    """
    try:
        import uvicorn

        from reel_driver.web.app import ServiceConfig, create_app
        from reel_driver.web.gate import Limits
        from reel_driver.web.patience import patient
    except ImportError as error:
        raise ExtraMissing("serve", "The service") from error
    from reel_driver import tracking
    from reel_driver.operations.models import puller

    level = setting("REEL_DRIVER_API_LOG_LEVEL")
    if level.lower() not in LEVELS:
        raise ValueRefused("REEL_DRIVER_API_LOG_LEVEL", level, f"choose one of {', '.join(LEVELS)}.")
    logging.basicConfig(level=level.upper(), format="%(levelname)s %(name)s: %(message)s")
    prefix = "/" + setting("REEL_DRIVER_API_PREFIX").strip("/")
    config = ServiceConfig(
        prefix="" if prefix == "/" else prefix,
        version=setting("REEL_DRIVER_API_MODEL_VERSION"),
        poll_seconds=number("REEL_API_POLL", 0.1),
        token="" if host in LOOPBACK and not setting("REEL_API_TOKEN") else token_of(work.home),
        cors=tuple(o.strip() for o in setting("REEL_API_CORS").split(",") if o.strip()),
        limits=Limits(
            body=int(number("REEL_API_MAX_BODY", 1)),
            batch=int(number("REEL_API_MAX_BATCH", 1)),
            concurrent=int(number("REEL_API_MAX_CONCURRENT", 1)),
            seconds=number("REEL_API_TIMEOUT", 0.1),
            rate=number("REEL_API_RATE", 0),
        ),
    )
    app = create_app(work, config, pull=puller(work) if tracking.is_configured() else None)
    for stop in (signal.SIGTERM, signal.SIGINT):
        # The server puts its own handler in this one's place, and raises the signal again when it has drained: a stop
        # that was asked for is no failure.
        signal.signal(stop, lambda *_: None)
    _refuse_taken(host, port)
    _allow_connections()
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=patient(config.limits.seconds, app.note),
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=int(number("REEL_API_KEEP_ALIVE", 1)),
        timeout_graceful_shutdown=math.ceil(config.limits.seconds),
        backlog=2048,
        lifespan="on",
    )


def _refuse_taken(host: str, port: int) -> None:
    """See that the address can be bound before anything is loaded.

    Raises:
        ValueRefused: when it is taken, or not one of this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ValueRefused("--host and --port", f"{host}:{port}", f"{why}: choose another.") from error


def _allow_connections() -> None:
    """Take as many open connections as the system gives; what it gives unasked is often 1024."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
