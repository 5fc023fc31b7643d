"""Which action leads from which status to which (流转规则), as one table, and the one door that changes a status."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import OPEN, Status
from shared.kernel.refusal import Refusal

Moves = Mapping[Status, frozenset[Status]]


def _stays(*statuses: Status) -> Moves:
    return {status: frozenset({status}) for status in statuses}


def _moves(sources: Iterable[Status], target: Status) -> Moves:
    return {status: frozenset({target}) for status in sources}


TRANSITIONS: Mapping[str, Moves] = MappingProxyType(
    {
        "acknowledge": _stays(*OPEN),
        "dispatch": _moves([Status.DISPATCHING], Status.ASSIGNED),
        "accept": _moves([Status.ASSIGNED], Status.IN_PROGRESS),
        "recall": _moves([Status.ASSIGNED], Status.DISPATCHING),
        "transfer": _moves([Status.ASSIGNED, Status.IN_PROGRESS], Status.ASSIGNED),
        "respond": _stays(Status.IN_PROGRESS),
        "submit_resolution": _moves([Status.IN_PROGRESS], Status.PENDING_REVIEW),
        "approve": _moves([Status.PENDING_REVIEW], Status.PENDING_CALLBACK),
        "reject": _moves([Status.PENDING_REVIEW], Status.IN_PROGRESS),
        "communicate_decision": _stays(Status.PENDING_CALLBACK),
        "record_callback": _stays(Status.PENDING_CALLBACK),
        "prompt_callback": _stays(Status.PENDING_CALLBACK),
        "redispatch": _moves([Status.PENDING_CALLBACK], Status.DISPATCHING),
        "close": _moves([Status.PENDING_CALLBACK], Status.CLOSED),
        "cancel": _moves(OPEN, Status.CANCELLED),
        "escalate": _stays(*OPEN),
        "mark_unreached": _stays(*OPEN),
    }
)

NOT_YET_SUPPORTED = frozenset(
    {
        *("return", "arbitrate", "report_progress", "consult", "countersign", "answer_suborder", "suspend", "resume"),
        *("urge", "supervise", "answer_supervision", "request_extension", "decide_extension", "reopen", "rate"),
        *("attribute_liability", "appeal_liability", "revise_liability", "merge", "unmerge", "void", "archive"),
        *("override", "correct", "reclassify", "change_priority"),
    }
)
ACTIONS = frozenset(TRANSITIONS) | NOT_YET_SUPPORTED

ABSORBING = frozenset(
    status for status in Status if all(moves.get(status, frozenset()) <= {status} for moves in TRANSITIONS.values())
)
"""No action leads out of these: what is refused there stays refused."""


class IllegalTransition(Exception):
    """An event would move an order where the table does not lead: a bug, never a caller's mistake."""


def move(order: WorkOrder, action: str, target: Status) -> WorkOrder:
    """The only way to another status. Raises IllegalTransition."""
    if target not in TRANSITIONS[action].get(order.status, frozenset()):
        raise IllegalTransition(f"{action}: {order.status} -> {target}")
    return replace(order, status=target)


def allowed_here(order: WorkOrder, action: str) -> Refusal | None:
    """Whether `action` is possible at all in the order's status."""
    if order.status in TRANSITIONS[action]:
        return None
    if order.status in ABSORBING:
        return Refusal("terminal_status", f"the order is {order.status}", final=True)
    if action == "accept" and order.status in (Status.IN_PROGRESS, Status.SUSPENDED):
        return Refusal("already_accepted", f"{order.assignee} has it")
    return Refusal("wrong_status", f"{action} is not possible while the order is {order.status}")
