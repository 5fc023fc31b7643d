"""One story from one seed: what comes in, who dies or sleeps and when, and afterwards peace until nothing waits."""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from shared.kernel.aggregate import Cause, Command
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope, OutRecord
from shared.testing.memory import START, instant
from shared.testing.memory_topics import MemoryBroker
from shared.testing.world import World
from tests.ballot import Seal, Vote
from tests.properties.kernel.chain import ASKED, INBOX, NEWSPAPER, STATION, Reopen, Service
from tests.properties.kernel.processes import Call, Kept, Parts, Process

SOURCE, HTTP = "/test", "/http"
ASKS: Sequence[dict[str, object]] = (
    *(dict[str, object](asks="vote") for _ in range(5)),
    {"asks": "vote", "votes": 2},
    {"asks": "vote", "votes": 0},
    {"asks": "vote", "broken": True},
    {"asks": "vote", "opens": False},
    {"asks": "seal"},
    {"asks": "reopen"},
)
COMMANDS: Sequence[Command] = (
    Vote(),
    Vote(),
    Vote(votes=2),
    Vote(opens=False),
    Vote(opens=False),
    Seal(),
    Seal(),
    Reopen(),
)
LOSSES = (0.0, 0.0, 0.03, 0.1)
JUMPS = (1.0, 11.0, 31.0, 61.0)
BETWEEN = 0.12  # share of steps before which something comes from outside
PEACE = (31.0, 31.0, 31.0, 31.0, 61.0, 61.0, 700.0, 31.0, 31.0, 61.0, 61.0, 61.0)
"""Seconds of machine time between sweeps until everything must have come to its end."""


class Restless(Exception):
    """The processes keep each other busy for ever."""


class Town:
    """Two processes of each of two services, their servers, and callers."""

    def __init__(self, seed: int, parts: Parts | None = None, tell: Callable[[str], None] | None = None) -> None:
        self.world = world = World(seed, tell=tell)
        self._parts = parts or Parts()
        self.broker = MemoryBroker(partitions=1 + world.happens(0.4), deal=lambda members, _: world.one_of(members))
        self.kept = {service.name: Kept() for service in (STATION, NEWSPAPER)}
        self.processes: list[Process] = []
        self.sent: list[str] = []
        self.calls: list[Call] = []
        self.faults: list[str] = []
        self.quiet = False  # no copies and no mishaps: then nothing may come twice

    # The story

    def live(self) -> None:
        world = self.world
        ballots = ["bal_1", "bal_2"][: 1 + world.happens(0.4)]
        agenda = self._arrivals(ballots)
        mishaps = self._mishaps(int(world.dice.random() * 6))
        self.quiet = not mishaps
        world.losses = world.one_of(LOSSES) if mishaps else 0.0
        agenda += mishaps
        world.dice.shuffle(agenda)
        for service in (STATION, NEWSPAPER):
            for number in "ab":
                self._start(service, f"{service.name}-{number}")
        if self.quiet:
            self._rest()  # nobody joins in the middle of a batch
        while agenda:
            if world.happens(BETWEEN) or not (world.step() or world.loop.fire_next()):
                agenda.pop()()
        try:
            self._make_peace()
        except Restless:
            self.faults.append("I9: the processes never come to rest")

    def _arrivals(self, ballots: Sequence[str]) -> list[Callable[[], None]]:
        one_of, random = self.world.one_of, self.world.dice.random
        arrivals: list[Callable[[], None]] = []
        for number in range(1 + int(random() * 2.4)):
            record = _record(str(number), {"ballot": one_of(ballots), **one_of(ASKS)})
            copies = 1 + self.world.happens(0.2)
            arrivals += [partial(self._send, record)] * copies
        for number in range(int(random() * 3.4)):
            command, cause = one_of(COMMANDS), Cause(HTTP, str(number))
            call = Call(one_of(ballots), command, cause, self.world.happens(0.4), self.world.happens(0.3))
            self.calls.append(call)
            arrivals.append(self._ask)
        return arrivals

    def _mishaps(self, number: int) -> list[Callable[[], None]]:
        often = (self._kill, self._pause, self._sweep)
        chosen = [self.world.one_of((*often, *often, self._deal_again, self._let_time_pass)) for _ in range(number)]
        return chosen + [self._resume] * chosen.count(self._pause)

    def _send(self, record: OutRecord) -> None:
        self.world.note("arrives", record)
        self.broker.append(record, instant(self.world.loop.time()))

    def _ask(self) -> None:
        """The first call that nobody is working on, or whose process does not answer."""
        waiting = [call for call in self.calls if _waits(call)]
        if waiting:
            process, call = self.world.one_of(self._able(STATION)), waiting[0]
            self.world.note("asks", process.host.name, call.aggregate_id, type(call.command).__name__, call.cause.id)
            process.ask(call)

    def _kill(self) -> None:
        """And starts it again, under its old name."""
        victim = self._somebody()
        self.processes.remove(victim)
        self.world.kill(victim.host)
        self.broker.leave(victim.client)
        self.faults += victim.faults
        self._start(victim.service, victim.host.name)
        self._ask_at_once()

    def _pause(self) -> None:
        """Mostly for so long that the group goes on without it."""
        sleeper = self._somebody()
        if sleeper.host.state == "up" and len(self._able(sleeper.service)) > 1:
            self.world.pause(sleeper.host)
            if self.world.happens(0.8):
                self.world.loop.pass_time(self.world.one_of(JUMPS))
                self.broker.leave(sleeper.client)
            self._ask_at_once()

    def _ask_at_once(self) -> None:
        """Somebody else is asked about what may be half done."""
        if self.world.happens(0.7):
            self._ask()

    def _somebody(self) -> Process:
        """Mostly in the middle of something."""
        busy = self.world.busy() if self.world.happens(0.8) else None
        return next((p for p in self.processes if p.host is busy), None) or self.world.one_of(self.processes)

    def _resume(self) -> None:
        for process in self.processes:
            if process.host.state == "paused":
                self.world.resume(process.host)
                return

    def _deal_again(self) -> None:
        service = self.world.one_of((STATION, NEWSPAPER))
        self.world.note("rebalance", service.name)
        for process in self.processes:
            if process.host.state == "paused":
                self.broker.leave(process.client)
        if service.name in self.broker.groups:
            self.broker.rebalance(service.name)

    def _let_time_pass(self) -> None:
        self.world.loop.pass_time(self.world.one_of(JUMPS))

    def _sweep(self) -> None:
        process = self.world.one_of(self.processes)
        self.world.note("sweeps", process.host.name)
        process.sweep()

    def _start(self, service: Service, name: str) -> None:
        process = Process(self.world, service, name, self.kept[service.name], self.broker, self._parts)
        process.mended = self.world.happens(0.3)
        self.processes.append(process)
        process.start()

    def _able(self, service: Service) -> list[Process]:
        return [p for p in self.processes if p.service is service and p.host.state == "up"]

    # Peace

    def _make_peace(self) -> None:
        self.world.note("peace: nothing goes wrong any more, bugs are mended")
        self.world.calm_down()
        for process in self.processes:
            process.mended = True
            if process.host.state == "paused":
                self.world.resume(process.host)
        self._rest()
        for seconds in PEACE:
            while any(_waits(call) for call in self.calls):
                self._ask()
                self._rest()
            if self._settled():
                break
            for name in self.broker.groups if self.broker.lag() else ():
                self.broker.rebalance(name)  # a late commit of an earlier owner may have gone back
            self.world.loop.pass_time(seconds)
            for service in (STATION, NEWSPAPER):
                self.world.one_of(self._able(service)).sweep()
            self._rest()
        self.faults += [fault for process in self.processes for fault in process.faults]

    def _rest(self) -> None:
        if not self.world.run():
            raise Restless

    def _settled(self) -> bool:
        return not self.broker.lag() and not any(
            kept.log.unpublished or kept.collections.documents.get("parked") for kept in self.kept.values()
        )


def _waits(call: Call) -> bool:
    """For an answer, while no process is about to give one."""
    asked = call.asked_of
    return call.answer is None and (asked is None or (asked.host.state != "up" and not call.gives_up))


def _record(cause: str, body: dict[str, object]) -> OutRecord:
    return write(INBOX, str(body["ballot"]), Envelope(cause, SOURCE, ASKED, None, START), msgspec.json.encode(body))
