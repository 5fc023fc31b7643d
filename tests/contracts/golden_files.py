"""The golden files: every event as it went over the wire once. Run as a script it writes those that are missing.

A golden file is never changed or removed: logs and topics hold records of its shape for ever.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))

from shared.kernel.aggregate import Actor, AggregateType, Cause, Decision, Event  # noqa: E402 - as a script it finds the packages only now
from shared.messaging.asyncapi import VIEWS  # noqa: E402 - run as a script, it has to find them first
from shared.messaging.contract import catalogue, record_of, topic_of  # noqa: E402 - run as a script, it has to find them first
from shared.messaging.records import InRecord, OutRecord  # noqa: E402 - run as a script, it has to find them first
from shared.testing.samples import INSTANT, sample  # noqa: E402 - run as a script, it has to find them first

FOLDER = Path(__file__).parent / "golden"
AGGREGATE_ID = "wo_0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class NoState:
    """Views of golden records are samples; there is no aggregate behind them."""


def golden_record(event: Event) -> OutRecord:
    name, view = VIEWS.get(topic_of(type(event)), (None, None))
    kind: AggregateType[Any] = AggregateType(
        name="golden",
        prefix="wo_",
        topic=topic_of(type(event)),
        state=NoState,
        events=(type(event),),
        decide=lambda *_: (),
        evolve=lambda *_: NoState(),
        view_name=name,
        view=None if view is None else lambda *_: sample(view, full=True),
    )
    decision = Decision(
        version=2,
        sequence=4,
        at=INSTANT,
        occurred_at=INSTANT,
        actor=Actor("agent", "u1", "branch"),
        cause=Cause("http:u1", "key-1"),
        events=(event,),
        trace="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    return record_of(kind, decision, 0, NoState(), AGGREGATE_ID, "golden")


def as_json(record: OutRecord) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "key": (record.key or b"").decode(),
        "headers": {name: (value or b"").decode() for name, value in record.headers},
        "value": json.loads(record.value or b"null"),
    }


def as_received(golden: dict[str, Any]) -> InRecord:
    headers = [(name, text.encode()) for name, text in golden["headers"].items()]
    value = json.dumps(golden["value"], ensure_ascii=False).encode()
    return InRecord(golden["topic"], 0, 0, golden["key"].encode(), value, headers, INSTANT)


def path_of(wire: str) -> Path:
    return FOLDER / f"{wire}.json"


def write_missing() -> list[Path]:
    missing = {path_of(wire): kind for wire, kind in catalogue().items() if not path_of(wire).exists()}
    for path, kind in missing.items():
        record = golden_record(sample(kind, full=True))
        path.write_text(json.dumps(as_json(record), ensure_ascii=False, indent=2) + "\n")
    return list(missing)


if __name__ == "__main__":
    print(*write_missing(), sep="\n")
