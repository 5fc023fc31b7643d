"""A world of processes and servers in which chance, from a seed, decides what happens next and what goes wrong."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from aiokafka import TopicPartition

from shared.kernel.aggregate import Snapshot
from shared.kernel.ports import LogDocument
from shared.testing.stepped_loop import SteppedLoop
from shared.testing.wire import AnswerLost

T = TypeVar("T")
TIMEOUT = 20.0  # seconds after which a driver gives up an answer


@dataclass(slots=True)
class Host:
    """One run of one process. Dead, it never does anything again; paused, it goes on one day as if nothing was."""

    name: str
    state: str = "up"
    frozen: list["Step"] = field(default_factory=list)
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """A call under way: effects that the server still has to do, then an answer. Without a host nobody waits."""

    host: Host | None
    name: str
    subject: object
    effects: Sequence[Callable[[], Any]]
    answer: "asyncio.Future[list[Any]]"
    results: list[Any] = field(default_factory=list)


class World:
    """Everything that is under way anywhere."""

    def __init__(self, seed: int, losses: float = 0.0, tell: Callable[[str], None] | None = None) -> None:
        """`losses`: the share of effects around which the answer gets lost; `tell` gets one line for each step."""
        self.loop = SteppedLoop()  # type: ignore[abstract]  # what is missing needs I/O, which there is none of
        self.dice = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self.losses, self.tell = losses, tell
        self._chance = self.dice.random
        self._pending: list[Step] = []

    # For the programs

    def wire(self, host: Host) -> "HostWire":
        return HostWire(self, host)

    def start(self, host: Host, work: Coroutine[Any, Any, Any]) -> None:
        """What it raises ends the story: nobody else would ever see it."""
        task = self.loop.create_task(work)
        task.add_done_callback(asyncio.Task.result)
        host.tasks.append(task)

    def begin(self, step: Step) -> None:
        if step.host is not None and step.host.state != "up":
            step.host.frozen.append(step)  # for a dead one: for ever
        else:
            self._pending.append(step)

    # For whoever plays fate

    def one_of(self, things: Sequence[T]) -> T:
        return things[int(self._chance() * len(things))]

    def happens(self, share: float) -> bool:
        return self._chance() < share

    def step(self) -> bool:
        """Lets everybody do what can be done, then one thing happen; False when nothing is under way."""
        self.loop.run_ready()
        pending = self._pending
        if not pending:
            return False
        chosen = int(self._chance() * len(pending))
        pending[chosen], pending[-1] = pending[-1], pending[chosen]
        self._advance(pending.pop())
        return True

    def run(self, limit: int = 20_000) -> bool:
        """Until nothing happens any more without somebody from outside; False if that is not so after
        `limit` steps."""
        return any(not (self.step() or self.loop.fire_next()) for _ in range(limit))

    def busy(self) -> Host | None:
        """One of those who wait for an answer now; None if nobody does."""
        waiting = [step.host for step in self._pending if step.host is not None]
        return self.one_of(waiting) if waiting else None

    def kill(self, host: Host) -> None:
        """Its memory is gone; what it had sent may still be done, now or later."""
        host.state = "dead"
        self._note(host, "killed")
        mine, self._pending = self._take(host)
        for step in mine + host.frozen:
            step.host = None
            if len(step.results) < len(step.effects) and self.happens(0.5):
                self._pending.append(step)

    def pause(self, host: Host) -> None:
        host.state = "paused"
        self._note(host, "paused")
        host.frozen, self._pending = self._take(host)
        for step in host.frozen:
            if self.happens(0.5):
                step.results += [effect() for effect in step.effects[len(step.results) :]]

    def resume(self, host: Host) -> None:
        host.state = "up"
        self._note(host, "goes on")
        self._pending += host.frozen
        host.frozen = []

    def calm_down(self) -> None:
        """Nothing gets lost from now on, and what nobody waits for does not happen any more."""
        self.losses = 0.0
        self._pending = [step for step in self._pending if step.host is not None]

    def _take(self, host: Host) -> tuple[list[Step], list[Step]]:
        mine = [step for step in self._pending if step.host is host]
        return mine, [step for step in self._pending if step.host is not host]

    def _advance(self, step: Step) -> None:
        done = len(step.results)
        if done == len(step.effects):
            self._answer(step)
        elif step.host is not None and self.losses and self._chance() < self.losses:
            self._lose(step)
        else:
            step.results.append(step.effects[done]())
            if step.host is None:
                self._note(None, step.name, step.subject, "done although nobody waits")
            if done + 1 == len(step.effects) and (not self.losses or self._chance() < 0.8):
                self._answer(step)
            else:
                self._pending.append(step)

    def _answer(self, step: Step) -> None:
        if step.host is not None:
            self._note(step.host, step.name, step.subject, step.results)
            step.answer.set_result(step.results)

    def _lose(self, step: Step) -> None:
        """The next effect happens before the answer is given up, or later, or never; and so do those after it."""
        host, step.host = step.host, None
        if self.happens(0.3):
            step.results.append(step.effects[len(step.results)]())
        if len(step.results) < len(step.effects) and self.happens(0.5):
            self._pending.append(step)
        if self.happens(0.5):
            self.loop.pass_time(TIMEOUT)
        self._note(host, step.name, step.subject, f"answer lost after {len(step.results)} of {len(step.effects)}")
        step.answer.set_exception(AnswerLost())

    def _note(self, host: Host | None, *words: object) -> None:
        if self.tell is not None:
            name = host.name if host else "(nobody)"
            self.tell(f"{self.loop.time():7.1f} {name:12} " + " | ".join(map(shown, words)))

    def note(self, *words: object) -> None:
        """A line of the trace about what comes from outside."""
        self._note(None, *words)


class HostWire:
    """One process's connections."""

    __slots__ = ("_host", "_world", "time")

    def __init__(self, world: World, host: Host) -> None:
        self._world, self._host = world, host
        self.time = world.loop.time

    async def call(self, step: str, subject: object, effects: Sequence[Callable[[], T]]) -> list[T]:
        answer: asyncio.Future[list[Any]] = asyncio.Future(loop=self._world.loop)
        self._world.begin(Step(self._host, step, subject, effects, answer))
        return await answer


LONGEST = 160  # characters


def shown(thing: object) -> str:
    """What a trace says of a thing: ids and versions, never whole states."""
    text = _shown(thing)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _shown(thing: object) -> str:
    for describe in (_place, _document, _snapshot, _record, _stored):
        if (text := describe(thing)) is not None:
            return text
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{_shown(name)}: {_shown(value)}" for name, value in thing.items()) + "}"
    if isinstance(thing, list | tuple | set | frozenset):
        return "[" + ", ".join(map(_shown, thing)) + "]"
    return f"{thing:%H:%M:%S}" if isinstance(thing, datetime) else str(thing)


def _place(thing: Any) -> str | None:
    return f"{thing.topic}/{thing.partition}" if isinstance(thing, TopicPartition) else None


def _document(thing: Any) -> str | None:
    if not isinstance(thing, LogDocument):
        return None
    return f"{thing.aggregate_id}:" + ",".join(f"{one.version}<{one.cause.id}>" for one in thing.decisions)


def _snapshot(thing: Any) -> str | None:
    return f"{thing.id}@{thing.version}" if isinstance(thing, Snapshot) else None


def _record(thing: Any) -> str | None:
    if not hasattr(thing, "headers"):
        return None
    said = dict(thing.headers)
    place = f"/{thing.partition}/{thing.offset}" if hasattr(thing, "offset") else ""
    return f"{thing.topic}{place} {(said.get('ce_id') or b'?').decode()}"


def _stored(thing: Any) -> str | None:
    if not isinstance(thing, dict) or not isinstance(thing.get("_id"), str):
        return None
    return f"{thing['_id']} ({thing['reason']})" if "reason" in thing else thing["_id"]
