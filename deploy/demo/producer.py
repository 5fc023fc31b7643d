"""Another company's systems: publishes one batch of `scenario.yaml` to Kafka, in a process of its own.

Knows nothing of Closedloop but its topics and the CloudEvents headers: `python producer.py BATCH BOOTSTRAP PREFIX`.
"""

import asyncio
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import yaml
from aiokafka import AIOKafkaProducer

SCENARIO = Path(__file__).with_name("scenario.yaml")


async def publish(batch: str, bootstrap: str, prefix: str) -> int:
    """Publishes each record, `copies` times; returns how many were acknowledged."""
    records = yaml.safe_load(SCENARIO.read_text(encoding="utf-8"))["kafka"][batch]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        sent = [record for record in records for _ in range(record.get("copies", 1))]
        for record in sent:
            value, key = body_of(record).encode(), record["key"].encode()
            await producer.send_and_wait(prefix + record["topic"], value, key=key, headers=headers_of(record))
    finally:
        await producer.stop()
    return len(sent)


def body_of(record: dict[str, Any]) -> str:
    return str(record["raw"]) if "raw" in record else json.dumps(record["data"], ensure_ascii=False)


def headers_of(record: dict[str, Any]) -> list[tuple[str, bytes]]:
    """CloudEvents 1.0, binary mode. The id is the same at every attempt: that makes sending again harmless."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": record["id"],
        "ce_source": record["source"],
        "ce_type": f"closedloop.{record['type']}.v1",
        "ce_time": record["time"],
        "content-type": "application/json",
    }
    return [(name, text.encode()) for name, text in headers.items()]


def end_with_parent() -> None:
    """Whoever started us holds the other end of stdin; when it closes, nobody waits for us any more."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    print(json.dumps({"published": asyncio.run(publish(*sys.argv[1:4]))}))  # noqa: T201 - read by whoever started it
