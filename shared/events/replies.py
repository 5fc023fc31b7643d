"""What workflow answers to commands, on the topic workorders.replies (指令回执)."""

from dataclasses import dataclass

from shared.events.catalogue import event
from shared.kernel.aggregate import Event


@event("command.applied")
@dataclass(frozen=True, slots=True, kw_only=True)
class CommandApplied(Event):
    """已执行, or it held already; `version` is the order's after it."""

    command_id: str
    work_order_id: str
    version: int


@event("command.refused")
@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused(Event):
    """已拒绝: `code` says why; `version` is the order's when it was refused."""

    command_id: str
    work_order_id: str
    code: str
    detail: str
    version: int
