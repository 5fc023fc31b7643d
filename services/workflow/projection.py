"""The collections beside the aggregates, and the indexes that lists need."""

from services.workflow.domain import WORK_ORDERS
from shared.persistence.projection import collection_name
from shared.runtime.context import Index

CLOCKS = "clocks"
"""The order's clocks as escalation last told them: `work_order`, `clock`, the fields of `ClockView`, and what reports
count by (`clock_facts`). `counted_at` is the due; without one, when the clock ended or else began."""

DIRECTORY = "directory"
"""Every version of every entry."""

_ORDERS = collection_name(WORK_ORDERS)

INDEXES: tuple[Index, ...] = (
    (_ORDERS, (("created_at", -1), ("_id", 1)), {}),
    (_ORDERS, (("status", 1), ("team", 1), ("created_at", -1)), {}),
    (_ORDERS, (("assignee", 1), ("status", 1)), {}),
    (_ORDERS, (("involved", 1), ("created_at", -1)), {}),
    (CLOCKS, (("work_order", 1),), {}),
    (CLOCKS, (("kind", 1), ("counted_at", 1)), {}),
    (CLOCKS, (("counted_at", 1),), {}),
)
