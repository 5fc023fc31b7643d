"""Records that cannot be used, kept whole with where they came from and why; and their way back."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.topics import dead_letters_of
from shared.messaging.cloudevents import rfc3339
from shared.messaging.records import Headers, InRecord, OutRecord

PREFIX = "dl_"
MAX_DETAIL = 500


ATTEMPTS = f"{PREFIX}attempts"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it lies on its topic: why it is there, and the place that it came from."""

    record: InRecord
    reason: str
    detail: str
    topic: str
    partition: str
    offset: str
    at: str
    attempts: int

    @property
    def service(self) -> str:
        return self.record.topic.partition(".")[0]

    @property
    def id(self) -> str:
        """Its own place, which no other dead letter has."""
        return f"{self.record.topic}/{self.record.partition}/{self.record.offset}"

    @property
    def origin(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def dead_letter(
    service: str, record: InRecord, reason: str, detail: str, at: datetime, attempts: int = 1
) -> OutRecord:
    """`record` as it came, for the dead letters of `service`.

    `record.topic` is to be the whole name, so that anybody finds the place that the record came from.
    `detail` may point into the data and name types, but never quote it: headers are not encrypted.
    `attempts` made this time are added to those that a redriven record brings along.
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
        "attempts": str(_attempts(record.headers) + attempts),
    }
    headers = [*_own(record.headers), *((PREFIX + name, text.encode()) for name, text in added.items())]
    key = b"" if record.key is None and record.value is None else record.key
    return OutRecord(dead_letters_of(service), key, record.value, headers)


def read_letter(record: InRecord) -> Letter | None:
    """None when `record` does not say where it came from: then it is no dead letter."""
    said = {
        name.removeprefix(PREFIX): value.decode(errors="replace")
        for name, value in record.headers
        if value and name.startswith(PREFIX)
    }
    if not said.get("topic"):
        return None
    texts = {name: said.get(name, "") for name in ("reason", "detail", "topic", "partition", "offset", "at")}
    return Letter(record=record, attempts=_attempts(record.headers), **texts)


def original(letter: Letter, prefix: str) -> OutRecord:
    """The record that the dead letter was made of, for the topic (by its short name) that it came from.

    It keeps the number of attempts: so the next dead letter, if it comes to that, counts on.
    """
    record = letter.record
    headers = [*_own(record.headers), (ATTEMPTS, str(letter.attempts).encode())]
    return OutRecord(letter.topic.removeprefix(prefix), record.key, record.value, headers)


def _own(headers: Headers) -> list[tuple[str, bytes | None]]:
    """What the record carried before it was dead-lettered."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]


def _attempts(headers: Headers) -> int:
    """How often the record was tried before; anybody may write this header, so nothing hangs on it."""
    said = next((value for name, value in headers if name == ATTEMPTS and value), b"")
    return int(said) if said.isdigit() and len(said) <= 6 else 0
