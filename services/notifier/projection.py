"""The indexes of the read side; the fields are those of the notice's index function."""

from services.notifier.domain import NOTICE
from shared.persistence.projection import collection_name
from shared.runtime.context import Index

NOTICES = collection_name(NOTICE)

INDEXES: tuple[Index, ...] = (
    (NOTICES, [("next_attempt", 1)], {"sparse": True}),
    (NOTICES, [("quiet_until", 1)], {"sparse": True}),
    (NOTICES, [("created_at", -1), ("_id", -1)], {}),
    (NOTICES, [("work_order_id", 1)], {}),
    (NOTICES, [("recipients", 1)], {}),
)
