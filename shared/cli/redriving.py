"""Dead letters and parked records as they lie on topics and in databases, and the way back for the former."""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.cli.databases import databases
from shared.cli.endpoints import Endpoints
from shared.cli.records import publish, read
from shared.events.topics import dead_letters_of
from shared.messaging.cloudevents import read_envelope
from shared.messaging.dead_letters import Letter, original, read_letter
from shared.messaging.publisher import PublishRefused
from shared.messaging.records import Rejected
from shared.persistence.driver import Document

COLLECTION = "redriven"
"""In the database of the service whose dead letters they are: `_id` is the place of the letter."""


@dataclass(frozen=True)
class Redriving:
    """What came of it; `refused`: place -> why Kafka will never take it."""

    refused: dict[str, str] = field(default_factory=dict)


async def all_letters(endpoints: Endpoints, services: Sequence[str]) -> list[Letter]:
    """The oldest first. Raises DependencyDown."""
    topics = [dead_letters_of(service) for service in services]
    found = [read_letter(record) async for record in read(endpoints, topics)]
    return sorted((letter for letter in found if letter), key=lambda letter: (letter.at, letter.record.offset))


async def redriven(endpoints: Endpoints, services: Sequence[str]) -> set[str]:
    """The places of the letters that were sent back before. Raises DependencyDown."""
    async with databases(endpoints) as database:
        return {raw["_id"] for service in services for raw in await database(service).collection(COLLECTION).find({})}


async def redrive(endpoints: Endpoints, letters: Sequence[Letter]) -> Redriving:
    """Sends the letters back, in their order. Raises DependencyDown; then any part may have been sent.

    They are noted down after they were acknowledged: who is stopped in between sends them once more, and their
    consumer knows them by their cause; the other way round they would be lost.
    """
    refused: dict[str, str] = {}
    try:
        await publish(endpoints, [original(letter, endpoints.topic_prefix) for letter in letters])
    except PublishRefused as error:
        refused = {letters[position].id: why for position, why in error.reasons.items()}
    now = datetime.now(UTC)
    async with databases(endpoints) as database:
        for letter in letters:
            if letter.id not in refused:
                noted = database(letter.service).collection(COLLECTION)
                await noted.update_one({"_id": letter.id}, {"$set": {"at": now}}, upsert=True)
    return Redriving(refused)


async def parked_rows(endpoints: Endpoints, services: Sequence[str], reason: str | None) -> list[dict[str, Any]]:
    """The records that wait, the longest first. Raises DependencyDown."""
    where = {} if reason is None else {"reason": reason}
    async with databases(endpoints) as database:
        found = [
            _parked_json(service, raw)
            for service in services
            for raw in await database(service).collection("parked").find(where)
        ]
    return sorted(found, key=lambda row: str(row["parked_at"]))


def letter_json(letter: Letter, done: Collection[str]) -> dict[str, Any]:
    """What is known about a letter, without its content."""
    envelope = read_envelope(letter.record)
    about = {} if isinstance(envelope, Rejected) else {"type": envelope.type, "source": envelope.source}
    return {
        "id": letter.id,
        "service": letter.service,
        "reason": letter.reason,
        "detail": letter.detail,
        "origin": letter.origin,
        "at": letter.at,
        "attempts": letter.attempts,
        "redriven": letter.id in done,
        **about,
    }


def letter_whole(letter: Letter) -> dict[str, Any]:
    """Its key, headers and value; what is not UTF-8 in base64 under another name."""
    record = letter.record
    return {
        **_readable("key", record.key),
        "headers": {
            name: None if value is None else value.decode(errors="replace") for name, value in record.headers
        },
        **_readable("value", record.value),
    }


def _readable(name: str, raw: bytes | None) -> dict[str, str | None]:
    if raw is None:
        return {name: None}
    try:
        return {name: raw.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(raw).decode()}


def _parked_json(service: str, raw: Document) -> dict[str, Any]:
    """Without key, headers and value, which may say anything."""
    hidden = ("_id", "key", "value", "headers", "lease_until", "timestamp")
    shown = {name: value for name, value in raw.items() if name not in hidden}
    source, cause = raw["_id"].split("|")[1:3] if raw["_id"].count("|") >= 2 else ("", "")
    return {"service": service, "cause": f"{source} {cause}".strip(), **shown}
