"""What came in on the demo's day and where it went, read from the running system.

Times, attempts and offsets are left out: however often something was killed, the same is in it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from deploy.demo.eventually import eventually
from deploy.demo.office import Json, Office
from deploy.demo.scenario import Submission, scenario, submissions
from deploy.demo.stillness import System
from shared.events.topics import dead_letters_of

ALARM = "alarm."


async def read_ledger(office: Office, system: System) -> Json:
    """Plain JSON, always in the same order."""
    complaints = {one["id"]: one for one in await _of_demo(office)}
    orders = [one.order_id for one in submissions().values() if one.complaint_id in complaints]
    shown = [await office.find("workflow", f"/v1/work-orders/{order}") for order in orders]
    clocks = [await office.every("escalation", f"/v1/work-orders/{order}/clocks") for order in orders]
    buried = await read_dead_letters(system, "intake")
    return {
        "came_in": [_came_in(one, complaints, buried) for one in submissions().values()],
        "complaints": _counted((_outcome(one) for one in complaints.values()), "outcome", "complaints"),
        "orders": _counted((f"{one['status']}, cycle {one['cycle']}" for one in shown if one), "order", "orders"),
        "breaches": _counted((clock["kind"] for clock in _breached(clocks)), "clock", "times"),
        "mails": _mails(await office.arrived("mails")),
        "webhooks": _webhooks(await office.arrived("webhooks")),
    }


async def read_dead_letters(system: System, service: str) -> Mapping[tuple[str, str], str]:
    """Why which event was dead-lettered, by its source and id; waits for a broker that is away."""
    topic = system.topic_prefix + dead_letters_of(service)
    found: Mapping[tuple[str, str], str] = await eventually(
        f"{topic} to be readable", lambda: _dead_letters(system.kafka, topic), lambda read: isinstance(read, dict)
    )
    return found


async def _dead_letters(kafka: str, topic: str) -> dict[tuple[str, str], str] | KafkaError:
    partition = TopicPartition(topic, 0)
    reader = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest")
    found: dict[tuple[str, str], str] = {}
    try:
        await reader.start()
        reader.assign([partition])
        end = (await reader.end_offsets([partition]))[partition]
        while await reader.position(partition) < end:
            for record in (await reader.getmany(partition, timeout_ms=500)).get(partition, []):
                said = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
                found[said.get("ce_source", ""), said.get("ce_id", "")] = said["dl_reason"]
    except KafkaError as error:
        return error
    finally:
        await reader.stop()
    return found


async def _of_demo(office: Office) -> list[Json]:
    """Every complaint of the demo's sources, also one that should not be there."""
    sources = dict.fromkeys(one.source for one in submissions().values())
    found = await asyncio.gather(*(office.every("intake", "/v1/complaints", source=source) for source in sources))
    return [complaint for page in found for complaint in page]


def _came_in(one: Submission, complaints: Mapping[str, Json], buried: Mapping[tuple[str, str], str]) -> Json:
    found = complaints.get(one.complaint_id)
    if found is not None:
        became = _outcome(found)
    else:
        became = f"dead letter: {buried.get((one.source, _event_id(one)), 'none')}"
    return {
        "ref": one.ref,
        "source": one.source,
        "channel": one.channel,
        "via": one.via,
        "copies": one.copies,
        "became": became,
        "order": one.order_id if found is not None else None,
    }


def _event_id(one: Submission) -> str:
    return next((record["id"] for record in scenario()["kafka"]["morning"] if record["key"] == one.ref), "")


def _outcome(complaint: Json) -> str:
    outcome = complaint.get("outcome")
    return f"{complaint['status']}, {outcome}" if outcome else str(complaint["status"])


def _breached(clocks: Iterable[Sequence[Json]]) -> Iterable[Json]:
    return (
        clock for of_one in clocks for clock in of_one if clock["breached"] and not clock["kind"].startswith(ALARM)
    )


def _counted(things: Iterable[str], what: str, how_many: str) -> list[Json]:
    return [{what: name, how_many: number} for name, number in sorted(Counter(things).items())]


def _mails(arrived: Iterable[Json]) -> list[Json]:
    """One line for each address and template; a mail that arrived twice is one notice."""
    notices: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for mail in arrived:
        notices[", ".join(mail["to"]), mail["template"]][mail["notification"]] = mail["subject"]
    return [
        {"to": to, "template": template, "mails": len(subjects), "subjects": sorted(subjects.values())}
        for (to, template), subjects in sorted(notices.items())
    ]


def _webhooks(arrived: Iterable[Any]) -> list[Json]:
    calls = {(call["receiver"], call["content"]["type"], call["id"]) for call in arrived if call["verified"]}
    counted = Counter((receiver, what) for receiver, what, _ in calls)
    return [
        {"receiver": receiver, "event": what, "calls": number} for (receiver, what), number in sorted(counted.items())
    ]
