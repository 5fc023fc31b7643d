"""I3: one effect per notification key: one notice for a cause, rung and audience; each delivery goes out once."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.events.notifications import (
    Attempted,
    Delivered,
    DeliveryEvent,
    Notification,
    RedeliveryRequested,
    Sent,
)
from shared.kernel import ids
from shared.reconcile.histories import History
from shared.reconcile.verdict import Violation

OPEN, ARRIVED = "attempting", frozenset({"sent", "delivered"})


@dataclass(slots=True)
class _Delivery:
    """How far one delivery is. `attempts`: how often its sending began."""

    status: str
    attempts: int


@dataclass(slots=True)
class Effects:
    """Follows notices, one whole history after the other."""

    violations: list[Violation] = field(default_factory=list)
    _notices: dict[int, str] = field(default_factory=dict)  # hash of cause, rung and audience -> notice

    def see(self, history: History) -> None:
        deliveries: dict[str, _Delivery] = {}
        reached: dict[tuple[str, str], str] = {}
        for each in history.steps:
            for event in each.decision.events:
                if not isinstance(event, DeliveryEvent):
                    return
                seen = event.notification
                if not deliveries:
                    self._check_key(history.id, seen)
                subject = f"{history.id}/{seen.delivery}"
                first = reached.setdefault((seen.channel, seen.recipient_ref), seen.delivery)
                if first != seen.delivery and seen.delivery not in deliveries:
                    self._fault(subject, f"reaches by {seen.channel} whom delivery {first} reaches")
                for fault in _faults(event, deliveries.get(seen.delivery)):
                    self._fault(subject, fault)
                deliveries[seen.delivery] = _Delivery(seen.status, seen.attempts)

    def _check_key(self, notice_id: str, seen: Notification) -> None:
        key = (seen.cause, seen.rung or "", seen.audience)
        other = self._notices.setdefault(hash(key), notice_id)
        if other != notice_id:
            self._fault(notice_id, f"tells the same audience of the same cause as {other}")
        elif ids.derived(ids.NOTICE, *key) != notice_id:
            self._fault(notice_id, "has not the id of its cause, rung and audience")

    def _fault(self, subject: str, detail: str) -> None:
        self.violations.append(Violation("I3", subject, detail))


def _faults(event: DeliveryEvent, before: _Delivery | None) -> Iterator[str]:
    if before is None:
        return
    match event:
        case Attempted() if before.status == OPEN:
            yield "was sent while an earlier attempt was open"
        case Attempted() | RedeliveryRequested() if before.status in ARRIVED:
            yield "was sent again although it had arrived"
        case Attempted() if event.notification.attempts != before.attempts + 1:
            yield f"attempt {event.notification.attempts} follows attempt {before.attempts}"
        case Sent() if before.status in ARRIVED:
            yield "was recorded as sent twice"
        case Delivered() if before.status == "delivered":
            yield "was recorded as delivered twice"
        case Sent() | Delivered() if before.attempts == 0:
            yield "arrived without an attempt"
