"""The collections beside the aggregates, and the indexes that lists need."""

from services.workflow.domain import WORK_ORDERS
from shared.persistence.projection import collection_name
from shared.runtime.context import Index

CLOCKS = "clocks"
"""The order's clocks as escalation last told them: `work_order`, `clock`, and the fields of `ClockView`."""

DIRECTORY = "directory"
"""Every version of every entry."""

_ORDERS = collection_name(WORK_ORDERS)

INDEXES: tuple[Index, ...] = (
    (_ORDERS, (("created_at", -1), ("_id", 1)), {}),
    (_ORDERS, (("status", 1), ("team", 1), ("created_at", -1)), {}),
    (_ORDERS, (("assignee", 1), ("status", 1)), {}),
    (CLOCKS, (("work_order", 1),), {}),
)
