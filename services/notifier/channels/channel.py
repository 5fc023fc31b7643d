"""What every channel is given and answers."""

from dataclasses import dataclass
from typing import Protocol

from services.notifier.domain.commands import Outcome
from shared.events.notifications import Message


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery on its way. `delivery_id` is the idempotency key: the same for every attempt."""

    notice_id: str
    delivery_id: str
    template: str
    recipient_ref: str
    language: str
    message: Message


class Channel(Protocol):
    async def send(self, parcel: Parcel) -> Outcome:
        """Sends once. Never raises for what the other side does; a raise is a bug of ours."""
        ...
