"""Whatever people write is kept word for word: nothing in it is a name, a variable or a command to the database."""

import json
from dataclasses import replace
from typing import Any

from tests.ballot import BALLOT
from tests.integration.mechanism.polling import INBOX, OUT, PEOPLE, STATION, station
from tests.integration.mechanism.servers import Servers, until_seen, vote

TEXTS = ["$100", "$$ROOT", "$$NOW", "$votes", "a.b.c", "", "{$gt: 1}", "投诉 ‎😀", "\\u0000", " ", "x" * 20_000]
KEYS: dict[str, Any] = {
    "$set": 1,
    "$$NOW": "$$NOW",
    "a.b": {"$literal": 1, "": "$s"},
    "": "",
    ".": [{"$x": "$y"}],
    "_id": "other",
}


async def test_texts_survive_insert_and_merge(servers: Servers) -> None:
    """The first vote on a ballot is inserted into the projection, the others are merged."""
    async with servers.running(STATION):
        for number, text in enumerate(("first", *TEXTS), start=1):
            own = f"bal_i{number}"
            offsets = await servers.send(INBOX, vote(f"m{number}", text=text), vote(f"i{number}", own, text=text))
            await servers.until_committed("workflow", INBOX, offsets[-1])
            assert servers.ballot()["s"]["text"] == text or not text
            assert servers.ballot(own)["s"]["text"] == text
    documents = [document for document in servers.documents("log") if document["_id"].startswith("bal_1:")]
    logged = [json.loads(decision["e"][0][1])["text"] for document in documents for decision in document["d"]]
    assert logged == ["first", *TEXTS]
    sent = [json.loads(r.value)["change"]["text"] for r in await servers.on_topic(OUT) if r.key == b"bal_1"]
    assert sent == ["first", *TEXTS]


async def test_keys_survive_in_projection_replica_and_parked_records(servers: Servers) -> None:
    kind = replace(BALLOT, index=lambda snapshot: {"said": KEYS})
    people = [
        (b"p", json.dumps({"id": "p", "said": said}).encode(), vote(str(number), kind="closedloop.test.person.v1")[2])
        for number, said in enumerate(("first", KEYS))
    ]
    offsets = await servers.send(INBOX, vote("1"))
    async with servers.running(station(kind)):
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert servers.ballot()["said"] == KEYS, "inserted"
        offsets = await servers.send(INBOX, vote("2"))
        await servers.until_committed("workflow", INBOX, offsets[-1])
        assert (servers.ballot()["v"], servers.ballot()["said"]) == (2, KEYS), "merged"
        offsets = await servers.send(PEOPLE, *people)
        await servers.until_committed("workflow", PEOPLE, offsets[-1])
        (found,) = servers.documents("people")
        assert found["said"] == KEYS, "copied"
        strange = vote("odd", kind="closedloop.test.unheard.v1", **KEYS)
        await servers.send(INBOX, strange)
        (parked,) = await until_seen(lambda: servers.documents("parked"), bool)
    assert parked["value"] == strange[1]
