"""The aggregate of this service, as the runtime runs it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.escalation.domain.decide import decide
from services.escalation.domain.evolve import evolve
from services.escalation.domain.state import ClockSet
from services.escalation.domain.table import is_alarm
from shared.events.sla import ClockAtRisk, ClockBreached, ClocksChanged, RungCollapsed, RungFired
from shared.kernel.aggregate import AggregateType, Snapshot
from shared.kernel.ids import CLOCK_SET, COMPLAINT, WORK_ORDER, murmur2, sibling

SLOTS = 960


@lru_cache(maxsize=16_384)  # asked for at every change of a clock set, and in pure Python
def slot_of(order_id: str) -> int:
    """Slot modulo partitions is the partition of the order's records, as long as the partitions divide 960."""
    return (murmur2(order_id.encode()) & 0x7FFFFFFF) % SLOTS


def index_fields(snapshot: Snapshot[ClockSet]) -> Mapping[str, Any]:
    """What timers, the watch over coverage and migrations ask for; a set with nothing to do is in none of them."""
    if snapshot.state is None:
        return {}
    fields: dict[str, Any] = {"slot": slot_of(sibling(snapshot.id, WORK_ORDER))}
    next_fire, live = snapshot.state.next_fire, list(snapshot.state.live)
    if next_fire is not None:
        fields["next_fire"] = next_fire
    if any([clock.not_covered and clock.state == "running" for clock in live]):
        fields["not_covered"] = True
    if not all([is_alarm(clock.kind) for clock in live]):
        fields["open"] = True
    return fields


CLOCK_SETS = AggregateType(
    name="clock_set",
    prefix=CLOCK_SET,
    topic="sla",
    state=ClockSet,
    events=(ClocksChanged, ClockAtRisk, ClockBreached, RungFired, RungCollapsed),
    decide=decide,
    evolve=evolve,
    index=index_fields,
    key=lambda clock_set_id: sibling(clock_set_id, WORK_ORDER),
    correlation=lambda clock_set_id, _: sibling(clock_set_id, COMPLAINT),
    schema=2,  # the order's traits, and what pauses, retargets and repeats need
)
