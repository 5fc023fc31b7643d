"""The read side of complaints: one complaint as a caller may see it, and lists."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.intake.domain import COMPLAINT, Complaint
from services.intake.domain.scope import READS_ALL, SEES_PERSONAL_DATA, may_read
from shared.events.complaints import Customer
from shared.kernel.aggregate import Actor, Snapshot
from shared.kernel.personal import PersonalData
from shared.runtime.context import Context
from shared.runtime.http.answers import page
from shared.runtime.http.problems import ProblemError, invalid
from shared.runtime.http.requests import encode_cursor

Condition = Mapping[str, Any]
PERSONAL = ("name", "phone", "email")
MASK = PersonalData().mask
SAID = (
    "source", "external_id", "number", "channel", "subject", "description", "category", "category_given", "priority",
    "remedy_sought", "object", "severity_flags", "regulator_case", "received_at", "promised_reply_at", "attachments",
    "language", "work_order_id",
)  # fmt: skip
KEPT = ("status", "acknowledged", "cycle", "outcome", "created_at", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is asked by; the tuples mean any of theirs, a category or region all that lies below it."""

    status: Sequence[str] = ()
    source: Sequence[str] = ()
    channel: Sequence[str] = ()
    customer_id: str | None = None
    number: str | None = None
    category: str | None = None
    region: str | None = None
    received_after: datetime | None = None
    received_before: datetime | None = None


async def readable(context: Context, complaint_id: str, caller: Actor) -> Snapshot[Complaint]:
    """Raises ProblemError not_found, also for a complaint out of the caller's scope."""
    found = await context.get(COMPLAINT, complaint_id)
    if found is None or found.state is None or not may_read(found.state, caller):
        raise ProblemError("not_found")
    return found


async def listed(
    context: Context, caller: Actor, filters: Filters, after: tuple[Any, ...] | None, limit: int
) -> dict[str, Any]:
    """The newest receipt first. `after` is (received_at, id) of the last complaint seen."""
    conditions = [*_asked(filters), *_scope(caller), *_beyond(after)]
    where = {"$and": conditions} if conditions else {}
    found = await context.find(COMPLAINT, where, (("received_at", -1), ("_id", -1)), limit + 1)
    shown = found[:limit]
    last = shown[-1] if len(found) > limit else None
    cursor = None if last is None or last.state is None else encode_cursor((last.state.received.received_at, last.id))
    return page([complaint_json(snapshot, caller) for snapshot in shown], cursor)


def complaint_json(snapshot: Snapshot[Complaint], caller: Actor) -> dict[str, Any]:
    """The complaint with as much personal data as `caller` may see."""
    complaint = snapshot.state
    assert complaint is not None  # noqa: S101 - a complaint that was received has a state
    received = complaint.received
    return {
        "id": snapshot.id,
        "version": snapshot.version,
        **{name: getattr(complaint, name) for name in KEPT},
        **{name: getattr(received, name) for name in SAID},
        "customer_id": received.customer.id,
        "customer": _customer_json(received.customer, caller),
        "region": complaint.region,
        "tier": received.customer.tier,
        "withdrawal": complaint.withdrawal,
    }


def masked(fields: Mapping[str, Any], caller: Actor) -> dict[str, Any]:
    """`fields` of a customer; name, phone and email only for those whose work needs them."""
    if caller.roles & SEES_PERSONAL_DATA:
        return dict(fields)
    return {name: MASK if name in PERSONAL and value is not None else value for name, value in fields.items()}


def _customer_json(customer: Customer, caller: Actor) -> dict[str, Any]:
    return masked(asdict(customer), caller)


def _asked(filters: Filters) -> list[Condition]:
    given = {"status": filters.status, "source": filters.source, "channel": filters.channel}
    conditions: list[Condition] = [{name: {"$in": list(values)}} for name, values in given.items() if values]
    exact = {"customer_id": filters.customer_id, "number": filters.number}
    conditions += [{name: value} for name, value in exact.items() if value is not None]
    paths = {"category": filters.category, "region": filters.region}
    conditions += [below(name, path) for name, path in paths.items() if path is not None]
    if filters.received_after is not None:
        conditions.append({"received_at": {"$gte": filters.received_after}})
    if filters.received_before is not None:
        conditions.append({"received_at": {"$lt": filters.received_before}})
    return conditions


def _scope(caller: Actor) -> list[Condition]:
    """The same as `may_read`, as conditions."""
    if caller.roles & READS_ALL:
        return []
    conditions: list[Condition] = []
    if not caller.roles:
        conditions.append({"source": caller.id})
    if "*" not in caller.regions:
        served = [below("region", region) for region in sorted(caller.regions)]
        conditions.append({"$or": served} if served else {"_id": None})
    return conditions


def _beyond(after: tuple[Any, ...] | None) -> list[Condition]:
    match after:
        case None:
            return []
        case (datetime() as received_at, str(complaint_id)):
            same = {"received_at": received_at, "_id": {"$lt": complaint_id}}
            return [{"$or": [{"received_at": {"$lt": received_at}}, same]}]
    raise invalid("/cursor", "this cursor belongs to another list")


def below(name: str, path: str) -> Condition:
    """`path` itself and all that lies below it; "0" is the character after "/"."""
    return {"$or": [{name: path}, {name: {"$gte": f"{path}/", "$lt": f"{path}0"}}]}
