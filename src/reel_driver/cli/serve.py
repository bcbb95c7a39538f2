"""Command of the service: serve."""

from __future__ import annotations

import os

import click


@click.command()
@click.option(
    "--host", default=None, metavar="ADDRESS", help="Address to bind. [default: 127.0.0.1, or REEL_DRIVER_API_HOST]"
)
@click.option(
    "--port", default=None, type=click.IntRange(1, 65535), help="Port. [default: 8000, or REEL_DRIVER_API_PORT]"
)
@click.pass_context
def serve(context: click.Context, host: str | None, port: int | None) -> None:
    """Serve predictions over HTTP.

    On any address but this machine's own a token is asked of every client; it is made on first use.
    """
    # The service answers in one thread: others would not help its small products, only wait for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from reel_driver import config
    from reel_driver.operations.workspace import Workspace
    from reel_driver.web import server

    address = host or config.setting("REEL_DRIVER_API_HOST")
    with Workspace.default(context.obj) as work:
        where = port or int(server.number("REEL_DRIVER_API_PORT", 1))
        click.echo(f"Serving on http://{address}:{where}", err=True)
        if address not in server.LOOPBACK:
            server.token_of(work.home)
            click.echo(f"Every client needs the token: REEL_API_TOKEN, or {work.home / 'token'}.", err=True)
        server.serve(work, address, where)


COMMANDS = (serve,)
