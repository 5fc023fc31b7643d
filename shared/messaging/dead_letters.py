"""Records that cannot be used, kept whole with where they came from and why; and their way back."""

from datetime import datetime

from shared.events.topics import dead_letters_of
from shared.messaging.cloudevents import rfc3339
from shared.messaging.records import Headers, InRecord, OutRecord

PREFIX = "dl_"
MAX_DETAIL = 500


def dead_letter(
    service: str, record: InRecord, reason: str, detail: str, at: datetime, attempts: int = 1
) -> OutRecord:
    """`record` as it came, for the dead letters of `service`.

    `detail` may point into the data and name types, but never quote it: headers are not encrypted.
    The headers of an earlier dead-lettering give way. A record without key and value gets an empty key, for the
    client can write none without both.
    """
    added = {
        "reason": reason,
        "detail": detail[:MAX_DETAIL],
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "at": rfc3339(at),
        "attempts": str(attempts),
    }
    headers = [*_own(record.headers), *((PREFIX + name, text.encode()) for name, text in added.items())]
    key = b"" if record.key is None and record.value is None else record.key
    return OutRecord(dead_letters_of(service), key, record.value, headers)


def original(record: InRecord) -> OutRecord:
    """The record that the dead letter `record` was made of, for the topic that it came from.

    Raises ValueError when `record` is no dead letter.
    """
    topic = next((value for name, value in record.headers if name == f"{PREFIX}topic" and value), None)
    if topic is None:
        raise ValueError(f"{record.topic}/{record.partition}/{record.offset} is no dead letter: no {PREFIX}topic")
    return OutRecord(topic.decode(), record.key, record.value, _own(record.headers))


def _own(headers: Headers) -> list[tuple[str, bytes | None]]:
    """What the record carried before it was dead-lettered."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]
