"""The rulebook of this service: every version that was ever published, so that running clocks keep theirs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from services.escalation.domain.policies import CalendarVersion, Policy, Rulebook
from services.escalation.policy_files import InvalidPolicies, Written
from services.escalation.projection import RULES
from services.escalation.schemas import PolicyDocument, rule_document
from services.escalation.settings import escalation_settings
from shared.kernel.clock import to_milliseconds
from shared.persistence.driver import Database
from shared.runtime.context import Context

NOTICE = timedelta(minutes=1)
"""A new version takes effect that long after it was published, when every process has it."""


class Published(NamedTuple):
    """A document as stored. `effective_at` is never before it was published, but for a first installation."""

    id: str
    text: str
    effective_at: datetime


class RulebookSource:
    """Publishes what the folder holds once per database, then answers the rulebook from what is published."""

    def __init__(self) -> None:
        self._published: set[str] = set()

    async def load(self, context: Context) -> Rulebook:
        """Raises InvalidPolicies when a file differs from the version that was published under its name."""
        if context.database.name not in self._published:
            await publish(context.database, escalation_settings(context).written(), context.clock.now())
            self._published.add(context.database.name)
        return rulebook_of(tuple(await published(context.database)))


async def publish(database: Database, written: Sequence[Written], now: datetime) -> None:
    """Stores what is new; safe to repeat and beside another process. Raises InvalidPolicies."""
    known = {document["_id"]: document for document in await database.collection(RULES).find({})}
    fresh = all(document["published_at"] > now - NOTICE for document in known.values())
    for document in written:
        stored = known.get(document.id)
        if stored is not None and stored["text"] != document.text:
            raise InvalidPolicies(f"{document.id}: differs from what was published; give it the next version")
        if stored is None:
            effective = to_milliseconds(document.content.effective_from)
            fields = {
                "text": document.text,
                "published_at": now,
                "effective_at": effective if fresh else max(effective, now + NOTICE),
            }
            await database.collection(RULES).update_one({"_id": document.id}, {"$setOnInsert": fields}, upsert=True)


async def published(database: Database) -> list[Published]:
    found = await database.collection(RULES).find({}, sort=[("_id", 1)])
    return [Published(one["_id"], one["text"], one["effective_at"]) for one in found]


@lru_cache(maxsize=8)
def rulebook_of(documents: tuple[Published, ...]) -> Rulebook:
    policies: list[Policy] = []
    calendars: list[CalendarVersion] = []
    for document in documents:
        content = rule_document.validate_json(document.text)
        if isinstance(content, PolicyDocument):
            policies.append(replace(content.policy(), effective_from=document.effective_at))
        else:
            calendars.append(replace(content.calendar(), effective_from=document.effective_at))
    return Rulebook(
        policies={policy.ref: policy for policy in policies},
        calendars={calendar.ref: calendar for calendar in calendars},
    )


def shown(document: Published) -> dict[str, Any]:
    """A version as people read it."""
    content = rule_document.validate_json(document.text)
    fields = content.model_dump(mode="json", exclude_none=True, exclude={"kind", "effective_from"})
    return {**fields, "effective_at": document.effective_at}
