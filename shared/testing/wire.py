"""What lies between a process and the doubles of its servers: every call is a few effects, and then an answer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class AnswerLost(Exception):
    """Nobody knows how many of a call's effects happened, or will happen yet."""


class Wire(Protocol):
    async def call(self, step: str, subject: object, effects: Sequence[Callable[[], T]]) -> list[T]:
        """What each effect answered, in their order; other processes may act between any two.

        `step` and `subject` are for people who read a trace. Raises AnswerLost.
        """
        ...

    def time(self) -> float:
        """Seconds of machine time."""
        ...


class Quiet:
    """Nothing is ever lost or late; calls take turns as the loop has it."""

    async def call(self, step: str, subject: object, effects: Sequence[Callable[[], T]]) -> list[T]:
        answers = []
        for effect in effects:
            await asyncio.sleep(0)
            answers.append(effect())
        return answers

    def time(self) -> float:
        return asyncio.get_running_loop().time()
