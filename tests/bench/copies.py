"""Copies of documents under other ids: bulk that a database holds beside what is measured."""

import uuid
from collections.abc import Iterator
from itertools import islice
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

AT_ONCE = 1_000


def copy(collection: Collection[Any], document: dict[str, Any], hex_: str, number: int) -> None:
    """Inserts `document` so often, each time with another in place of `hex_`, wherever it stands."""
    encoded, old = bson.encode(document), hex_.encode()  # an id is as long as any other, so no length changes
    copies: Iterator[RawBSONDocument] = (
        RawBSONDocument(encoded.replace(old, uuid.uuid4().hex.encode())) for _ in range(number)
    )
    while some := list(islice(copies, AT_ONCE)):
        collection.insert_many(some, ordered=False)
