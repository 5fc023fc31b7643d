"""Which action leads from which status to which (流转规则), as one table, and the one door that changes a status."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import OPEN, TERMINAL, Status
from shared.kernel.alteration import altered
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
        "report_progress": _stays(Status.IN_PROGRESS),
        "return": _moves([Status.ASSIGNED, Status.IN_PROGRESS], Status.DISPATCHING),
        "arbitrate": _moves([Status.DISPATCHING], Status.ASSIGNED),
        "suspend": _moves([Status.IN_PROGRESS], Status.SUSPENDED),
        "resume": _moves([Status.SUSPENDED], Status.IN_PROGRESS),
        "request_extension": _stays(Status.IN_PROGRESS, Status.SUSPENDED),
        "decide_extension": _stays(Status.IN_PROGRESS, Status.SUSPENDED),
        "urge": _stays(*OPEN),
        "change_priority": _stays(*OPEN),
        "reclassify": _stays(*OPEN),
        "supervise": _stays(*OPEN),
        "answer_supervision": _stays(*OPEN),
        "consult": _stays(Status.IN_PROGRESS),
        "countersign": _stays(Status.IN_PROGRESS),
        "answer_suborder": _stays(Status.IN_PROGRESS, Status.SUSPENDED),
        "reopen": _moves([Status.CLOSED], Status.DISPATCHING),
        "rate": _stays(Status.PENDING_CALLBACK, Status.CLOSED),
        "close_survey": _stays(Status.CLOSED),
        "attribute_liability": _stays(Status.PENDING_REVIEW, Status.PENDING_CALLBACK, Status.CLOSED),
        # The window runs on while the order is handled again.
        "appeal_liability": _stays(*OPEN, Status.CLOSED),
        "revise_liability": _stays(*OPEN, Status.CLOSED),
        "settle_liability": _stays(*OPEN, Status.CLOSED),
        "void": _moves([Status.DISPATCHING], Status.VOIDED),
        "archive": _moves([Status.CLOSED], Status.ARCHIVED),
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

NOT_YET_SUPPORTED = frozenset({"merge", "unmerge", "override", "correct"})
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
    return altered(order, status=target)


def allowed_here(order: WorkOrder, action: str) -> Refusal | None:
    """Whether `action` is possible at all in the order's status."""
    if order.status in TRANSITIONS[action]:
        return None
    if order.status in TERMINAL:
        return Refusal("terminal_status", f"the order is {order.status}", final=order.status in ABSORBING)
    if action == "accept" and order.status in (Status.IN_PROGRESS, Status.SUSPENDED):
        return Refusal("already_accepted", f"{order.assignee} has it")
    return Refusal("wrong_status", f"{action} is not possible while the order is {order.status}")
