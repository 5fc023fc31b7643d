"""A service dies (-9) behind every await between receiving and answering; nothing is lost and nothing done twice."""

import asyncio
import json
import os
import shutil
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deploy.local import sinks
from deploy.local.ports import PortBook
from deploy.local.stack import LocalStack
from shared.cli.installation import CHECKOUT, SERVICES
from shared.events.catalogue import wire_type
from shared.events.notifications import Uncertain
from shared.events.topics import dead_letters_of
from shared.messaging.publisher import Publisher
from shared.testing.crash_points import MODULES, crash_points
from tests.bench import story
from tests.bench.driver import Task, drive
from tests.bench.installation import Installation, installed
from tests.chaos.mortals import Mortals, mortal
from tests.chaos.outcome import check_versions, keep_clock, reconcile, statuses, unfinished
from tests.chaos.patient import Patient
from tests.integration.mechanism.servers import Servers, until_seen

EARLY, RATE = 20, 4.0
ROUNDS = ((120, 40), (40, 10), (40, 10), (40, 10))
"""Complaints from Kafka and by HTTP; a later round only while awaits are left behind which nobody died yet."""
DEATHS_SECONDS, SETTLED_SECONDS = 600.0, 90.0
OCCURRENCES = [int(number) for number in os.environ.get("CLOSEDLOOP_CRASH_OCCURRENCES", "1").split(",")]
"""1: behind an await when it is passed for the first time; 3, for example: in the middle of what is under way."""

ELSEWHERE = {
    "the process ends of itself, or never comes that far": (
        *("consumer.Consumer.stop#1", "publisher.Publisher.stop#1", "publisher.Publisher.stop#2"),
        *("commands.CommandQueue.drain#1", "sweepers.Sweepers.run#1", "courier.deliver#1"),
    ),
    "Kafka does not answer or refuses a record: tests/integration/test_publisher.py": (
        *("publisher.Publisher.publish#2", "publisher.Publisher.publish#3", "publisher.Publisher._send_singly#1"),
        *("publisher.Publisher._send_until_refused#1", "publisher.Publisher._own_producer#1"),
        *("publisher.Publisher._open#1", "publisher.Publisher._open#3", "publisher._end#1", "publisher._end#2"),
        "engine.Engine.publish#2",
    ),
    "MongoDB does not answer, or a batch fails: tests/integration/mechanism/test_redelivery.py, test_bugs.py": (
        *("engine.until_answered#2", "consumer.Consumer._handle#2", "consumer.Consumer._handle#3"),
        *("consumer.Consumer._again#1", "courier.Courier.run#3", "courier.Courier._record#2"),
    ),
    "a cause older than an aggregate remembers: tests/unit/kernel/test_runner.py": (
        *("runner._Batch._recall_older#1", "event_log.MongoLog.older_causes#1"),
    ),
    "a gap, which no death leaves: tests/integration/mechanism/test_following.py": (
        *("parking.ParkingLot.asked#1", "sweepers.Sweepers.ask_for_missing#2", "sweepers.Sweepers.ask_for_missing#3"),
        *("sweepers.Republisher.process#1", "engine.Engine.republish#1", "engine.Engine.republish#2"),
    ),
    "behind a record whose decision has a bug, or for a subject that never comes: mechanism/test_parking.py": (
        *("parking.ParkingLot.stands_behind#1", "sweepers.Sweepers._try#1", "sweepers.Sweepers._try#2"),
        *("pipeline.Pipeline.bury#1", "sweepers.Sweepers._try#6", "sweepers.Sweepers._try#7"),
    ),
    "reads alone, for readiness and for a clock that is moved while timers may not fire": (
        *("consumer.Consumer.trouble#1", "timers.TimerWorker.after_move#3"),
        *("timers.TimerWorker.after_move#4", "timers.TimerWorker.after_move#5"),
    ),
}
"""Awaits that this load need not reach: why not, and where else it is proven what happens there."""
ELSEWHERE_POINTS = {point for points in ELSEWHERE.values() for point in points}


def test_every_await_is_reached_or_accounted_for() -> None:
    """A new await needs no test of its own; one that is listed as out of reach must exist."""
    assert all_points() >= ELSEWHERE_POINTS


@pytest.mark.parametrize("occurrence", OCCURRENCES)
def test_death_behind_every_await_loses_and_doubles_nothing(
    stack: LocalStack, tmp_path: Path, mongo_client: Any, name: str, occurrence: int
) -> None:
    servers = Servers(stack.endpoints.kafka, stack.endpoints.mongo, f"{name}.", f"{name}_", tmp_path, mongo_client)
    with installed(stack, tmp_path, name, more=settings(tmp_path)) as installation:
        keep_clock(tmp_path)
        died_of = asyncio.run(under_load(servers, installation, name, occurrence))
        check_letters(servers)
        for service in SERVICES:
            check_versions(servers.documents("log", service))
        assert reconcile(servers) == "clean"
    if occurrence == 1:
        assert left_out(died_of) == set()


def all_points() -> set[str]:
    return {point for module in MODULES for point in crash_points(module)}


def left_out(died_of: list[str]) -> set[str]:
    return all_points() - set(died_of) - ELSEWHERE_POINTS


def settings(folder: Path) -> dict[str, str]:
    """Rungs that fire at once, an alarm soon behind each closing, so that there are timers, and a mail server."""
    policies = folder / "policies"
    shutil.copytree(CHECKOUT / "deploy" / "policies", policies)
    default = policies / "policy-default.yaml"
    quick = default.read_text().replace('key: "50%", at_percent: 50,', 'key: "50%", at_percent: 0.001,')
    default.write_text(quick.replace("alarm.survey_close: { budget: 72h,", "alarm.survey_close: { budget: 5s,"))
    return {
        "CLOSEDLOOP_ESCALATION__POLICIES": str(policies),
        "CLOSEDLOOP_NOTIFIER__EMAIL__HOST": "127.0.0.1",
        "CLOSEDLOOP_NOTIFIER__EMAIL__PORT": str(PortBook(folder / "mail-port.json").port("mail")),
        "CLOSEDLOOP_NOTIFIER__LEASE_SECONDS": "30",
    }


async def under_load(servers: Servers, installation: Installation, run: str, occurrence: int) -> list[str]:
    """Plays all complaints to their end while the services die; answers what they died of."""
    folder = servers.state_dir
    async with (
        Patient(installation.urls, folder) as patient,
        sinks.running(folder / "sinks", PortBook(folder / "mail-port.json").port("mail")),
    ):
        with mortal(installation, folder, occurrence) as mortals:
            for number, (from_kafka, by_http) in enumerate(ROUNDS, 1):
                await one_round(servers, patient, f"{run}-{number}", from_kafka, by_http)
                await settled(servers, mortals, rounds=number)
                if occurrence > 1 or not left_out(mortals.dead):
                    break
            died_of = mortals.dead
    return died_of


async def one_round(servers: Servers, patient: Patient, run: str, from_kafka: int, by_http: int) -> None:
    task = Task(servers.kafka, servers.topic_prefix, run, from_kafka, 0, RATE, DEATHS_SECONDS)
    await too_early(servers, [f"{run}-{number}" for number in range(from_kafka - EARLY, from_kafka)])
    async with asyncio.TaskGroup() as load:
        load.create_task(drive(task))
        for number in range(by_http):
            load.create_task(patient.live(f"http-{run}-{number}"))
    await patient.move("escalation")


async def too_early(servers: Servers, external_ids: list[str]) -> None:
    """Some orders are accepted before anybody has heard of them; these commands wait until the orders are known."""
    publisher = Publisher(servers.kafka, servers.topic_prefix)
    await publisher.start()
    orders = [story.order_of(external_id) for external_id in external_ids]
    step = story.Step("accept", "handler-1", {"note": "early"})
    await publisher.publish([story.command(order, step, datetime.now(UTC), "early") for order in orders])
    await publisher.stop()


async def settled(servers: Servers, mortals: Mortals, rounds: int) -> None:
    """Everything is closed everywhere, nothing waits, and nobody dies any more."""
    from_kafka, by_http = map(sum, zip(*ROUNDS[:rounds], strict=True))
    closed = Counter({"closed": from_kafka + by_http})
    await until_seen(partial(statuses, servers, "intake", "complaint_1"), closed.__eq__, SETTLED_SECONDS)
    await until_seen(lambda: (mortals.quiet, unfinished(servers)), (True, []).__eq__, DEATHS_SECONDS)
    await until_seen(partial(letters, servers), lambda sent: len(set(sent)) == 2 * by_http, SETTLED_SECONDS)
    for service in SERVICES:
        assert await servers.on_topic(dead_letters_of(service)) == []


def letters(servers: Servers) -> list[tuple[str, str]]:
    """(complainant, template) of every mail that arrived."""
    return [(mail["to"][0], mail["template"]) for mail in sinks.Shelf(servers.state_dir / "sinks").read("mails")]


def check_letters(servers: Servers) -> None:
    """A mail came twice only where the notifier could not know whether the first one had left, and says so."""
    mails = sinks.Shelf(servers.state_dir / "sinks").read("mails")
    twice = {mail for mail, times in Counter(one["notification"] for one in mails).items() if times > 1}
    doubted = {
        json.loads(text)["notification"]["id"]
        for document in servers.documents("log", "notifier")
        for decision in document["d"]
        for kind, text in decision.get("e", ())
        if kind == wire_type(Uncertain)
    }
    assert twice <= doubted
