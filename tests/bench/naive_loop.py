"""The same durable facts by the loop that one writes first: a record at a time, and every step waited for.

It reads the state of one aggregate, appends, updates, publishes, waits and commits, then asks for the next record.
"""

from datetime import UTC, datetime
from typing import Any

from tests.bench.floor_loop import Aggregate, Asked, Task, begin, clients, decided, decode, log_document, replacements
from tests.bench.floor_play import Program, copied_facts, hex_of, key_of


class NaiveLoop:
    """One service."""

    def __init__(self, task: Task) -> None:
        self._prefix = f"{task.name}."
        self._program = Program.read(task.script, task.service)
        self._consumer, self._producer, self._database = clients(task, self._program.topics)

    async def run(self) -> None:
        async with self._consumer, self._producer:
            async for record in self._consumer:
                await self._work(record)
                await self._consumer.commit()

    async def _work(self, record: Any) -> None:
        headers, topic = dict(record.headers), record.topic.removeprefix(self._prefix)
        data, h = decode(record.value), hex_of(topic, record.key.decode(), headers)
        key = key_of(topic, headers["ce_type"].decode(), data)
        sequence = int(headers.get("ce_sequence", 0))
        collection, copied = copied_facts(self._program, key, h, data, sequence) or ("", [])
        for write in replacements(copied):
            await self._database[collection].bulk_write([write])
        for effect in self._program.effects.get(key, ()):
            await self._decide(Asked(effect, topic, h, record, headers))

    async def _decide(self, asked: Asked) -> None:
        effect = asked.effect
        projection = self._database[effect.collection]
        if effect.lookup is not None:
            await self._database[effect.lookup].find_one({"_id": effect.looked_up(asked.hex)})
        aggregate = Aggregate(effect.aggregate(asked.hex))
        found = await projection.find_one({"_id": aggregate.id})
        if found is not None:
            aggregate.version, aggregate.sequence, aggregate.causes = found["v"], found["n"], found["causes"]
        out: list[tuple[str, bytes, bytes, Any]] = []
        decided(asked, aggregate, datetime.now(UTC), out)
        if not aggregate.entries:
            return
        await self._database["log"].insert_one(log_document(aggregate))
        await projection.replace_one({"_id": aggregate.id}, aggregate.document, upsert=True)
        for topic, key, value, headers in out:
            await self._producer.send_and_wait(self._prefix + topic, value, key, headers=headers)


if __name__ == "__main__":
    begin(NaiveLoop)
