"""Guarded writes of copied facts: a document only ever moves to what its producer said later."""

from collections.abc import Mapping
from typing import Any

from pymongo import UpdateOne


def copied(document_id: str, fields: Mapping[str, Any], order: int) -> UpdateOne:
    """Sets `fields` in the document unless something as new as `order` was set before."""
    literal = {"$literal": {**fields, "order": order}}  # else a name or text that begins with $ would be evaluated
    return UpdateOne(
        _older(document_id, order), [{"$replaceWith": {"$mergeObjects": ["$$ROOT", literal]}}], upsert=True
    )


def replaced(document_id: str, fields: Mapping[str, Any], order: int) -> UpdateOne:
    """The same, and nothing of what was there stays."""
    literal = {"$literal": {"_id": document_id, **fields, "order": order}}
    return UpdateOne(_older(document_id, order), [{"$replaceWith": literal}], upsert=True)


def _older(document_id: str, order: int) -> Mapping[str, Any]:
    return {"_id": document_id, "order": {"$not": {"$gte": order}}}
