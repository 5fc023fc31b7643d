"""Server-sent events (实时推送): what happens to the orders in the caller's scope, read from the topic itself.

An event's id is the place in every partition, so any process can go on where another one stopped.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from fastapi import APIRouter, Header
from starlette.responses import StreamingResponse

from services.workflow.domain.scope import may_see
from services.workflow.settings import workflow_settings
from shared.kernel.aggregate import Actor
from shared.messaging.cloudevents import read_data, read_envelope
from shared.messaging.records import InRecord, Rejected
from shared.runtime.context import Context, Unavailable
from shared.runtime.http.auth import Caller
from shared.runtime.http.problems import ProblemError

TOPIC = "workorders"
HEARTBEAT_SECONDS = 15.0
POLL_MS = 1_000
_VECTOR = re.compile(r"\d{1,4}:\d{1,18}(,\d{1,4}:\d{1,18}){0,999}")
Vector = dict[int, int]
"""Partition -> offset of the next record to look at."""


def routes(context: Context) -> APIRouter:
    router = APIRouter()
    open_streams: set[object] = set()

    @router.get("/v1/stream", response_class=StreamingResponse)
    async def stream(caller: Caller, last_event_id: Annotated[str | None, Header()] = None) -> StreamingResponse:
        if len(open_streams) >= workflow_settings(context).streams:
            raise ProblemError("rate_limited", "this process serves as many streams as it may")
        events = _events(context, caller, parse_vector(last_event_id), open_streams)
        first = await anext(events)  # while an error can still be answered as one
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_all(first, events), headers=headers, media_type="text/event-stream")

    return router


def parse_vector(text: str | None) -> Vector:
    """Raises ProblemError malformed."""
    if not text:
        return {}
    if not _VECTOR.fullmatch(text):
        raise ProblemError("malformed", "Last-Event-ID must be an id that this stream gave out")
    return {
        int(partition): int(offset) for partition, _, offset in (place.partition(":") for place in text.split(","))
    }


def vector_text(vector: Vector) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(vector.items()))


async def _all(first: bytes, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for event in events:
        yield event


async def _events(context: Context, caller: Actor, after: Vector, open_streams: set[object]) -> AsyncIterator[bytes]:
    token = object()
    open_streams.add(token)
    try:
        async with _consumer(context) as consumer:
            vector = await _start(consumer, after)
            yield f"id: {vector_text(vector)}\n\n".encode()  # without data: only the place to come back to
            async for event in _read(context, consumer, caller, vector):
                yield event
    except KafkaError as error:
        raise Unavailable(type(error).__name__) from error
    finally:
        open_streams.discard(token)


async def _read(context: Context, consumer: AIOKafkaConsumer, caller: Actor, vector: Vector) -> AsyncIterator[bytes]:
    ends = time.monotonic() + workflow_settings(context).stream_seconds
    quiet_since = time.monotonic()
    while time.monotonic() < ends:
        batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=500)
        for raw in (record for records in batches.values() for record in records):
            vector[raw.partition] = raw.offset + 1
            shown = shown_to(caller, _in_record(raw))
            if shown is not None:
                quiet_since = time.monotonic()
                yield frame(vector, *shown)
        if time.monotonic() - quiet_since > HEARTBEAT_SECONDS:
            quiet_since = time.monotonic()
            yield f"id: {vector_text(vector)}\n: still here\n\n".encode()
        await asyncio.sleep(0)


@asynccontextmanager
async def _consumer(context: Context) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        context.settings.topic_prefix + TOPIC,
        bootstrap_servers=context.settings.kafka_servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # for a place that is no longer kept
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _start(consumer: AIOKafkaConsumer, after: Vector) -> Vector:
    """Goes to the given place; in partitions without one, to the end."""
    partitions: list[TopicPartition] = sorted(consumer.assignment())
    ends = await consumer.end_offsets(partitions)
    vector = {tp.partition: after.get(tp.partition, ends[tp]) for tp in partitions}
    for tp in partitions:
        consumer.seek(tp, vector[tp.partition])
    return vector


def shown_to(caller: Actor, record: InRecord) -> tuple[str, dict[str, Any]] | None:
    """Type and content of the record, if it is one of ours about an order that the caller may see."""
    envelope = read_envelope(record)
    data = read_data(record)
    if isinstance(envelope, Rejected) or isinstance(data, Rejected):
        return None
    order = data.get("work_order")
    if not isinstance(order, dict) or not may_see(caller, order["region"], order["team"]):
        return None
    shown = {"id": envelope.id, "type": envelope.type, "time": envelope.time, "data": data}
    return envelope.type, shown


def frame(vector: Vector, kind: str, shown: dict[str, Any]) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (
        vector_text(vector).encode(),
        kind.encode(),
        msgspec.json.encode(shown),
    )


def _in_record(raw: Any) -> InRecord:
    return InRecord(TOPIC, raw.partition, raw.offset, raw.key, raw.value, raw.headers, raw.timestamp)
