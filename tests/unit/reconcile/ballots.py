"""Ballots with a history: decided by the real runner, read back as log documents."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.kernel.runner import Item, LogDocument, Runner
from shared.reconcile.histories import History, RawDocument, history_of
from shared.testing.memory import MemoryLog, MemoryProjection
from tests.ballot import BALLOT, FACTS


async def documents_of(*batches: Sequence[Item]) -> list[RawDocument]:
    """The log documents that the batches make, in the order of their ids."""
    log, projection = MemoryLog(), MemoryProjection()
    for batch in batches:
        _, _, changed = await Runner(BALLOT, log, projection).run(batch, FACTS)
        await projection.save(changed)
    return [raw_of(document) for document in log.documents]


def raw_of(document: LogDocument[Any]) -> RawDocument:
    return {"_id": f"{document.aggregate_id}:{document.first:010d}", "to": document.last, "document": document}


def restored(raw: RawDocument) -> LogDocument[Any]:
    document: LogDocument[Any] = raw["document"]
    return document


def changed(raw: RawDocument, **fields: Any) -> RawDocument:
    """The same log document with another first decision."""
    document = restored(raw)
    first, *others = document.decisions
    return {**raw, "document": replace(document, decisions=(replace(first, **fields), *others))}


async def a_history(*batches: Sequence[Item]) -> History:
    documents = await documents_of(*batches)
    return history_of(BALLOT, "bal_1", documents, restored)
