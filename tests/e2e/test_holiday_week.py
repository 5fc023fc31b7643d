"""Over the Spring Festival of 2025 on real servers, with escalation killed in between: no rung early, none missing,
none twice, and every one at the second that somebody else reckoned."""

import asyncio
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
import yaml

from shared.cli.clock import keep
from shared.cli.condition import condition
from shared.cli.installation import CHECKOUT, Installation
from tests.e2e.callers import eventually, rfc3339
from tests.e2e.outside import Outside
from tests.e2e.running import up
from tests.e2e.seen import Seen
from tests.properties.sla.walked_time import WalkedTime

HOUR = 3600
MORNING, END = "2025-01-24T08:00:00+08:00", "2025-02-12T20:00:00+08:00"
POLICY = """
kind: policy
id: holiday-week
version: 1
effective_from: "2025-01-01T00:00:00+08:00"
rank: 10
match: { category: spring }
calendar: default
ladders:
  resolve:
    - { key: half, at_percent: 50, audience: [handler] }
    - { key: three-quarters, at_percent: 75, audience: [handler, leader] }
    - { key: hour-before, offset_seconds: -3600, offset_unit: business, audience: [leader] }
    - { key: due, at_percent: 100, audience: [department] }
    - key: still
      offset_seconds: 3600
      offset_unit: business
      audience: [company]
      repeat: { every: 2h, unit: business, times: 3 }
clocks:
  resolve: { budget: 8h, unit: business, ladder: resolve }
  suspension: { budget: 400h, unit: natural }
pauses:
  waiting_complainant: { clocks: [resolve] }
"""
PLANNED = [
    ("half", 1),
    ("three-quarters", 1),
    ("hour-before", 1),
    ("due", 1),
    ("still", 1),
    ("still", 2),
    ("still", 3),
]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@dataclass
class Story:
    """An order's stay: when it is received, suspended and resumed (epoch seconds), and what must happen to it."""

    received: int
    suspended: int | None = None
    resumed: int | None = None
    order: str = ""
    done: set[str] = field(default_factory=set)

    def rungs(self, walked: WalkedTime) -> Mapping[tuple[str, int], int]:
        """When each rung is due, walked minute by minute."""
        due = self._reaches(walked, 8 * HOUR)
        still = [walked.add(due, HOUR)]
        for _ in range(2):
            still.append(walked.add(still[-1], 2 * HOUR))
        before = walked.sub(due, HOUR)
        times = [self._reaches(walked, 4 * HOUR), self._reaches(walked, 6 * HOUR), before, due, *still]
        return dict(zip(PLANNED, times, strict=True))

    def _reaches(self, walked: WalkedTime, seconds: int) -> int:
        if self.suspended is None or self.resumed is None:
            return walked.add(self.received, seconds)
        used = walked.between(self.received, self.suspended)
        return walked.add(self.received, seconds) if seconds <= used else walked.add(self.resumed, seconds - used)


STORIES = [
    Story(at("2025-01-24T09:00:00+08:00")),
    Story(at("2025-01-24T17:00:00+08:00")),
    Story(at("2025-01-25T12:00:00+08:00")),  # a Saturday without work
    Story(at("2025-01-26T10:30:00+08:00")),  # a Sunday with it
    Story(at("2025-01-27T14:00:00+08:00"), at("2025-01-27T17:00:00+08:00"), at("2025-02-05T09:30:00+08:00")),
    Story(at("2025-01-27T17:59:00+08:00")),
    Story(at("2025-01-30T03:00:00+08:00")),  # in the night of a holiday
    Story(at("2025-02-07T16:00:00+08:00")),  # before a Saturday with work
]
KILLED_AT = [at("2025-01-26T10:00:00+08:00"), at("2025-02-01T12:00:00+08:00"), at("2025-02-06T14:20:00+08:00")]


class Week:
    """The installation, and its time, which stands still between two steps."""

    def __init__(self, outside: Outside, now: int) -> None:
        self.outside, self.now = outside, now

    async def move(self, to: int) -> None:
        self.now = to
        instant = datetime.fromtimestamp(to, UTC)
        keep(self.outside.installation.state_dir, instant.isoformat(), 0)
        await self.outside.until(instant)

    async def kill_escalation_while_time_passes(self, to: int) -> None:
        """It dies before the others have moved, and comes up again in the time to which they moved."""
        self.now = to
        instant = datetime.fromtimestamp(to, UTC)
        pid = condition(self.outside.installation)["services"]["escalation"]["pid"]
        keep(self.outside.installation.state_dir, instant.isoformat(), 0)
        os.kill(pid, signal.SIGKILL)

        async def again() -> bool | None:
            found = await asyncio.to_thread(condition, self.outside.installation)
            return True if found["state"] == "ready" and found["services"]["escalation"]["pid"] != pid else None

        await eventually(again, lambda: "escalation never came up again")
        await self.outside.until(instant)

    async def live(self, story: Story) -> None:
        """What people do to the order by now."""
        if self.now >= story.received and not story.order:
            complaint = {
                "category": "spring/lights",
                "received_at": rfc3339(datetime.fromtimestamp(story.received, UTC)),
            }
            _, story.order = await self.outside.submit(**complaint)
            await self.outside.handle(story.order, "accept")
            await self.outside.when(story.order, lambda found: any(c["kind"] == "resolve" for c in found["clocks"]))
        for instant, action in ((story.suspended, "suspend"), (story.resumed, "resume")):
            if instant is not None and self.now >= instant and action not in story.done:
                await self._suspension(story, action)
                story.done.add(action)

    async def _suspension(self, story: Story, action: str) -> None:
        wake_up_at = rfc3339(datetime.fromtimestamp((story.resumed or 0) + HOUR, UTC))
        body = {"reason_code": "waiting_complainant", "wake_up_at": wake_up_at} if action == "suspend" else {}
        who = self.outside.caller("handler", "leader", sub="dev-handler")
        answer = await who.act(story.order, action, body)
        assert answer.status_code == 200, answer.text
        wanted = "paused" if action == "suspend" else "running"
        await self.outside.when(
            story.order, lambda found: any(c["kind"] == "resolve" and c["state"] == wanted for c in found["clocks"])
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("holiday")
    shutil.copytree(CHECKOUT / "deploy" / "policies", folder / "policies")
    (folder / "policies" / "policy-holiday-week.yaml").write_text(POLICY)
    installation = Installation(folder / "state")
    installation.state_dir.mkdir()
    keep(installation.state_dir, datetime.fromisoformat(MORNING).isoformat(), 0)
    with up(installation, CLOSEDLOOP_ESCALATION__POLICIES=str(folder / "policies")):
        yield installation


@pytest_asyncio.fixture(scope="module")
async def week(installed: Installation) -> AsyncIterator[Week]:
    outside = Outside(installed, condition(installed))
    await outside.open()
    try:
        yield Week(outside, at(MORNING))
    finally:
        await outside.close()


async def test_no_rung_early_none_missing_none_twice(week: Week) -> None:
    walked = WalkedTime(_calendar(), at("2025-01-20T00:00:00+08:00"), at("2025-02-20T00:00:00+08:00"))
    expected = [story.rungs(walked) for story in STORIES]
    for instant in _stops(expected):
        if instant in KILLED_AT:
            await week.kill_escalation_while_time_passes(instant)
        else:
            await week.move(instant)
        for story in STORIES:
            await week.live(story)
    for story, rungs in zip(STORIES, expected, strict=True):
        told = await _told(week.outside, story.order, len(rungs))
        assert Counter((rung["name"], rung["occurrence"]) for rung, _ in told) == Counter(rungs.keys())
        for rung, decided_at in told:
            planned = rungs[rung["name"], rung["occurrence"]]
            assert at(rung["fire_at"]) == planned, (story, rung)
            assert decided_at >= planned, (story, rung)
        await _breach(week.outside, story.order, rungs["due", 1])
    _, verdict, talk = await week.outside.command("reconcile")
    assert "clean" in verdict + talk


def _calendar() -> Any:
    return yaml.load((CHECKOUT / "deploy/policies/calendar-default.yaml").read_text(), yaml.BaseLoader)


def _stops(expected: list[Mapping[tuple[str, int], int]]) -> list[int]:
    """Where time stops on its way: at what people do, on both sides of some rungs, and far apart otherwise."""
    chance = random.Random(20250129)
    stops = {at(END), *KILLED_AT}
    stops |= {moment for s in STORIES for moment in (s.received, s.suspended, s.resumed) if moment is not None}
    for planned in sorted({time for rungs in expected for time in rungs.values()}):
        stops |= chance.choice([set(), {planned}, {planned - 1, planned}])
    return sorted(stops)


async def _told(outside: Outside, order: str, number: int) -> list[tuple[dict[str, Any], float]]:
    """Every rung of the order's resolve clock that fired or collapsed, copies left out, with when it was decided."""

    def decided(seen: Seen) -> bool:
        ours = seen.key == order.encode() and seen.kind in ("rung.fired", "rung.collapsed")
        return ours and seen.data["clock"]["kind"] == "resolve"

    distinct = {seen.headers["ce_id"]: seen for seen in await outside.records("sla", decided, number)}
    return [
        (seen.data["rung"], datetime.fromisoformat(seen.headers["ce_time"]).timestamp()) for seen in distinct.values()
    ]


async def _breach(outside: Outside, order: str, due: int) -> None:
    breach = await outside.record(
        "sla",
        lambda s: s.key == order.encode() and s.kind == "clock.breached" and s.data["clock"]["kind"] == "resolve",
    )
    assert datetime.fromisoformat(breach.headers["ce_time"]).timestamp() >= due + 1
    assert at(breach.data["clock"]["due_at"]) == due
