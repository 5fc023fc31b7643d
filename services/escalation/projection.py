"""The indexes that timers and watches need."""

from services.escalation.domain import CLOCK_SETS
from shared.persistence.projection import collection_name
from shared.runtime.context import Index

_CLOCK_SETS = collection_name(CLOCK_SETS)

INDEXES: tuple[Index, ...] = (
    (_CLOCK_SETS, (("next_fire", 1),), {"sparse": True}),
    (_CLOCK_SETS, (("not_covered", 1),), {"sparse": True}),
    (_CLOCK_SETS, (("open", 1), ("_id", 1)), {"partialFilterExpression": {"open": True}}),
)
