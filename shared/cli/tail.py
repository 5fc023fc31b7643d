"""`tail`: follows the events on the topics, a line for each."""

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.output import FORMATS, plain, print_line
from shared.cli.records import read
from shared.events.catalogue import WireType
from shared.events.topics import OUT, TOPICS
from shared.messaging.cloudevents import read_data, read_envelope, rfc3339
from shared.messaging.records import InRecord, Rejected

DEFAULT_TOPICS = tuple(topic.name for topic in OUT)


@click.command()
@click.option(
    "--topic", "topics", multiple=True, type=click.Choice(list(TOPICS)), help="May be repeated. [default: all out]"
)
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest that is kept.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Go on as they come, until Ctrl-C.")
@click.option("-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True)
def tail(topics: tuple[str, ...], from_beginning: bool, follow: bool, output: str) -> None:
    """Follow the events on the topics, one line each; json and jsonl are the same here."""
    chosen = topics or DEFAULT_TOPICS
    endpoints = find_endpoints()
    if follow:
        click.echo(f"following {', '.join(chosen)}; Ctrl-C ends it", err=True)
    try:
        asyncio.run(_print(endpoints, chosen, from_beginning=from_beginning, follow=follow, whole=output != "table"))
    except KeyboardInterrupt:
        return  # how one ends it


async def _print(
    endpoints: Endpoints, topics: Sequence[str], *, from_beginning: bool, follow: bool, whole: bool
) -> None:
    async for record in read(endpoints, topics, from_beginning=from_beginning, follow=follow):
        if whole:
            print_line(record_json(record))
        else:
            click.echo(record_line(record))


def record_line(record: InRecord) -> str:
    """When, what, about whom, which of its sequence, on which topic; where it lies if it cannot be read."""
    envelope = read_envelope(record)
    if isinstance(envelope, Rejected):
        said = f"unreadable: {envelope.reason} {envelope.detail}"
        return f"{rfc3339(record.timestamp)}  {plain(said):<45}  {record.topic}/{record.partition}/{record.offset}"
    kind = WireType.parse(envelope.type)
    name = kind.name if kind and kind.version == 1 else envelope.type
    number = "-" if envelope.sequence is None else str(envelope.sequence)
    about = envelope.subject or (record.key or b"").decode(errors="replace")
    instant = envelope.time or record.timestamp
    return f"{rfc3339(instant)}  {plain(name):<32}  {plain(about):<36}  {number:>4}  {record.topic}"


def record_json(record: InRecord) -> dict[str, Any]:
    """Place, envelope and data; `error` where one of the latter cannot be read."""
    envelope, data = read_envelope(record), None if record.value is None else read_data(record)
    shown: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "timestamp": rfc3339(record.timestamp),
    }
    if isinstance(envelope, Rejected):
        return {**shown, "error": f"{envelope.reason}: {envelope.detail}"}
    shown |= {
        **{name: getattr(envelope, name) for name in ("id", "source", "type", "subject", "sequence")},
        "time": rfc3339(envelope.time) if envelope.time else None,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
    }
    return (
        {**shown, "error": f"{data.reason}: {data.detail}"} if isinstance(data, Rejected) else {**shown, "data": data}
    )
