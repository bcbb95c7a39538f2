"""Questions that come in the same turn of the event loop, answered in one step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

MOST = 64
"""Questions answered in one step: bounds the memory, and the time that the first has to wait for the last."""


class Together(Generic[Asked, Answer]):
    """Gathers what is asked in one turn of the event loop: a model answers many titles for little more than one.

    Nobody waits for others to come: the step is taken when everything that has arrived already has been read.
    """

    def __init__(self, answer: Callable[[list[Asked]], list[Answer]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []

    async def __call__(self, asked: Asked) -> Answer:
        """The answer to one question; raises what answering it alone raises."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._step)
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((asked, future))
        return await future

    def _step(self) -> None:
        now, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._step)
        self._settle(now)

    def _settle(self, waiting: list[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        try:
            answers = self._answer([asked for asked, _ in waiting])
        except Exception as error:
            if len(waiting) > 1:
                for one in waiting:  # one bad question must not spoil the others' answers
                    self._settle([one])
            elif not waiting[0][1].done():
                waiting[0][1].set_exception(error)
            return
        for (_, future), answer in zip(waiting, answers, strict=True):
            if not future.done():  # its client may have gone
                future.set_result(answer)
