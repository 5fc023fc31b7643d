"""`clock …`: shows and moves the time of a system in test mode, for all services together, and keeps it on disk."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import httpx

from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import CommandFailed, DependencyDown
from shared.cli.output import output_option, show_fields
from shared.cli.token import Lifetime
from shared.kernel.clock import to_milliseconds
from shared.messaging.cloudevents import rfc3339

ORDER = ("intake", "workflow", "notifier", "escalation")
"""Escalation last: what its timers do then meets services that are there already."""
LONGEST_ANSWER_SECONDS = 40.0  # escalation answers when its due timers have fired
CLOCK_FILE = "clock.json"


@dataclass(frozen=True)
class Course:
    """How time goes: `now` at the machine's `machine` (seconds since 1970), and from there `rate` times as fast."""

    now: datetime
    rate: float
    machine: float

    def at(self, machine: float) -> datetime:
        return to_milliseconds(self.now + timedelta(seconds=(machine - self.machine) * self.rate))

    def moved(self, payload: Mapping[str, Any]) -> "Course":
        """The course after one of `advance_seconds`, `set` (RFC 3339) and `rate`."""
        machine = time.time()
        now, rate = self.at(machine), self.rate
        match payload:
            case {"advance_seconds": seconds}:
                now += timedelta(seconds=seconds)
            case {"set": instant}:
                now = datetime.fromisoformat(instant)
            case {"rate": given}:
                rate = float(given)
            case _:
                raise ValueError("give one of advance_seconds, set and rate")
        return Course(to_milliseconds(now), rate, machine)


def move(urls: Mapping[str, str], state_dir: Path, payload: Mapping[str, Any]) -> list[str]:
    """Moves all services by one of `advance_seconds`, `set` (RFC 3339) and `rate`; where time stands still, all come
    to the same instant.

    Returns the orders whose timers may not fire yet. Repeating a `set` or `rate` that failed halfway is safe. Raises
    httpx.HTTPError when a service cannot be reached or is not in test mode.
    """
    waiting: list[str] = []
    with httpx.Client(trust_env=False, timeout=LONGEST_ANSWER_SECONDS) as http:
        course = _read(http, urls[ORDER[0]]).moved(payload)
        # Kept first, so that a service that starts in the middle of the move comes up on the same side as the others.
        keep(state_dir, course.now.isoformat(), course.rate)
        for service in ORDER:
            if _read(http, urls[service]).rate != course.rate:
                _post(http, urls[service], {"rate": course.rate})
            waiting = _post(http, urls[service], {"set": course.at(time.time()).isoformat()})["waiting"]
    return waiting


def present(urls: Mapping[str, str]) -> Course:
    """The course that intake follows, and so do the others. Raises httpx.HTTPError."""
    with httpx.Client(trust_env=False, timeout=LONGEST_ANSWER_SECONDS) as http:
        return _read(http, urls[ORDER[0]])


def keep(state_dir: Path, now: str, rate: float) -> None:
    """Writes down, for services that start later, that it is `now` at this moment and how fast it goes on."""
    draft = state_dir / f"{CLOCK_FILE}.new"
    draft.write_text(json.dumps({"now": now, "rate": rate, "machine": time.time()}))
    draft.replace(state_dir / CLOCK_FILE)


def expected_now(endpoints: Endpoints) -> datetime:
    """What time it is for the system, without asking it: it may be down."""
    file = endpoints.state_dir / CLOCK_FILE
    if not endpoints.test_mode or not file.exists():
        return to_milliseconds(datetime.now(UTC))
    kept = json.loads(file.read_text())
    return Course(datetime.fromisoformat(kept["now"]), kept["rate"], kept["machine"]).at(time.time())


def _read(http: httpx.Client, url: str) -> Course:
    shown = http.get(f"{url}/test/clock").raise_for_status().json()
    return Course(datetime.fromisoformat(shown["now"]), shown["rate"], time.time())


def _post(http: httpx.Client, url: str, payload: Mapping[str, Any]) -> Any:
    return http.post(f"{url}/test/clock", json=payload).raise_for_status().json()


@click.group()
def clock() -> None:
    """Show and move the system's time (test mode only), for all services together."""


@clock.command("show")
@output_option
def show_clock(output: str) -> None:
    """Tell what time it is for the system, and how fast it goes."""
    urls = find_endpoints().urls
    with answering():
        _show(present(urls), [], output)


@clock.command()
@click.argument("duration", type=Lifetime())
@output_option
def advance(duration: int, output: str) -> None:
    """Move time forward by DURATION: 90s, 15m, 72h or 3d. What falls due on the way fires."""
    _move({"advance_seconds": duration}, output)


@clock.command("set")
@click.argument("instant")
@output_option
def set_clock(instant: str, output: str) -> None:
    """Move time to INSTANT: RFC 3339 with an offset, such as 2026-03-02T09:00:00+08:00."""
    try:
        given = datetime.fromisoformat(instant)
    except ValueError:
        raise click.BadParameter("is no time in RFC 3339, such as 2026-03-02T09:00:00+08:00") from None
    if given.tzinfo is None:
        raise click.BadParameter("needs an offset, such as +08:00 or Z")
    _move({"set": given.isoformat()}, output)


@clock.command()
@click.argument("times", type=click.FloatRange(0, 100_000), metavar="X")
@output_option
def rate(times: float, output: str) -> None:
    """Let time go X times as fast as the machine's; 0 = stand still."""
    _move({"rate": times}, output)


def _move(payload: Mapping[str, Any], output: str) -> None:
    endpoints = find_endpoints()
    with answering():
        waiting = move(endpoints.urls, endpoints.state_dir, payload)
        _show(present(endpoints.urls), waiting, output)


def _show(course: Course, waiting: Sequence[str], output: str) -> None:
    shown = {"now": rfc3339(course.now), "rate": course.rate, "waiting": list(waiting)}
    show_fields(shown, {"now": "now", "rate": "rate", "waiting": "waiting"}, output)
    if waiting:
        click.echo("waiting: these orders have records under way; their timers fire when those are applied", err=True)


@contextmanager
def answering() -> Iterator[None]:
    """Raises CommandFailed instead of what the HTTP client raises."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        if error.response.status_code == httpx.codes.NOT_FOUND:
            advice = "Start it with CLOSEDLOOP_TEST_MODE=1, or take the demo: `./closedloop up --demo`."
            raise CommandFailed("time can be moved in test mode only, and this system is not in it", advice) from None
        raise CommandFailed(f"{error.request.url} answered {error.response.status_code}") from None
    except httpx.TransportError as error:
        advice = "`./closedloop status` tells how it is. Finish a move that was interrupted with `clock set`."
        raise DependencyDown(f"{error.request.url} does not answer: {type(error).__name__}", advice) from None
