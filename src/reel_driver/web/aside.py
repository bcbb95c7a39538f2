"""Blocking work beside the event loop, where work that hangs holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Aside:
    """A few threads for calls that may never come back, such as those to a database that hangs.

    Whoever waits for such a call may stop waiting; the thread stays with it. The pools of the standard library and of
    anyio would make the waiting uncancellable, or wait for the thread at the end of the process.

    Attributes:
        n_threads: most calls at once; further ones wait for their turn.
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self._n_started = 0
        self._waiting: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]]] = SimpleQueue()

    def __call__(self, function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
        """The function as one to be awaited."""

        @wraps(function)
        async def beside(*args: P.args, **more: P.kwargs) -> R:
            future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            self._waiting.put((partial(function, *args, **more), future))
            if self._n_started < self.n_threads:
                self._n_started += 1
                threading.Thread(target=self._work, name=f"aside {self._n_started}", daemon=True).start()
            return await future

        return beside

    def _work(self) -> None:
        while True:
            call, future = self._waiting.get()
            if future.cancelled():
                continue
            result, error = None, None
            try:
                result = call()
            except BaseException as raised:
                error = raised
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:  # the service has ended meanwhile
                return


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # nobody waits any more
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
