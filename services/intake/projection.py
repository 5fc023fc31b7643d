"""Indexes of what lists are asked by."""

from services.intake.domain import COMPLAINT
from shared.persistence.projection import collection_name
from shared.runtime.context import Index

_COMPLAINTS = collection_name(COMPLAINT)

INDEXES: tuple[Index, ...] = (
    (_COMPLAINTS, (("received_at", -1), ("_id", -1)), {}),
    (_COMPLAINTS, (("status", 1), ("received_at", -1)), {}),
    (_COMPLAINTS, (("customer_id", 1), ("received_at", -1)), {}),
    (_COMPLAINTS, (("number", 1),), {}),
)
