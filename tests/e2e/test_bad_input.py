"""A whole corpus of bad records in one batch: each has its fate once, and every neighbour is processed."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from services.intake.main import SERVICE as INTAKE
from shared.kernel.ids import WORK_ORDER, complaint_id, sibling
from shared.persistence.projection import collection_name
from shared.runtime.service import RunningService
from tests.e2e.bad_records import COMMANDS, COMPLAINTS, Bad, complaint
from tests.e2e.two_services import TwoServices, accept, bad, good
from tests.integration.mechanism.crash_points import failing
from tests.integration.mechanism.servers import Sending

RECEIVED = ("ce_type", b"closedloop.complaint.received.v1")
ORIGIN = {"dl_reason", "dl_detail", "dl_topic", "dl_partition", "dl_offset", "dl_at", "dl_attempts"}


@pytest.fixture
async def services(
    kafka_bootstrap: str,
    mongo_uri: str,
    mongo_client: Any,
    topic_prefix: str,
    database_prefix: str,
    tmp_path: Path,
) -> TwoServices:
    found = TwoServices(kafka_bootstrap, mongo_uri, topic_prefix, database_prefix, tmp_path, mongo_client)
    await found.prepare()
    return found


async def check_fates(
    services: TwoServices, service: str, topic: str, corpus: Sequence[Bad], offsets: Sequence[int]
) -> None:
    """Exactly the corpus was dead-lettered or parked, each record once, as it came and with its reason."""
    letters = {letter.key: letter for letter in await services.on_topic(f"{service}.dead-letters")}
    parked = {record["key"]: record for record in services.documents("parked", service)}
    dead, waiting = [one for one in corpus if not one.parked], [one for one in corpus if one.parked]
    assert sorted(letters) == sorted(one.key for one in dead)
    assert len(await services.on_topic(f"{service}.dead-letters")) == len(dead), "each once"
    assert {key: record["reason"] for key, record in parked.items()} == {one.key: one.reason for one in waiting}
    wrong = {}
    for one, offset in zip(corpus, offsets, strict=True):
        if one.parked:
            assert (parked[one.key]["value"], parked[one.key]["offset"]) == (one.value, offset)
            continue
        letter = letters[one.key]
        headers = dict(letter.headers)
        assert headers.keys() >= ORIGIN
        place = (services.topic_prefix + topic, "0", str(offset), "1")
        assert tuple(headers[f"dl_{name}"].decode() for name in ("topic", "partition", "offset", "attempts")) == place
        assert letter.value == one.value
        assert [header for header in letter.headers if header[0] not in ORIGIN] == one.headers
        found = headers["dl_reason"].decode(), headers["dl_detail"].decode()
        if found[0] != one.reason or not found[1].startswith(one.detail):
            wrong[one.name] = found
    assert wrong == {}


async def test_bad_complaints_end_as_they_should_and_their_neighbours_are_received(services: TwoServices) -> None:
    records: list[Sending] = [good("n-0")]
    places = []
    for number, one in enumerate(COMPLAINTS, start=1):
        places.append(len(records))
        records += [bad(one), good(f"n-{number}")]
    strange = good("strange")
    tolerated = [(None, *good("keyless")[1:]), (*strange[:2], [*strange[2], ("note", None), ("other", b"\xff")])]
    async with services.both():
        offsets = await services.send("complaints.inbox", *records, *tolerated)
        await services.until_committed("intake", "complaints.inbox", offsets[-1])
        received = [json.loads(r.value) for r in await services.on_topic("complaints") if RECEIVED in r.headers]
        numbers = {record["complaint"]["external_id"] for record in received}
        assert len(received) == len(numbers)
        assert numbers == {*(f"n-{number}" for number in range(len(COMPLAINTS) + 1)), "keyless", "strange"}
        corpus_offsets = [offsets[place] for place in places]
        await check_fates(services, "intake", "complaints.inbox", COMPLAINTS, corpus_offsets)


async def test_bad_commands_end_as_they_should_and_their_neighbours_are_answered(services: TwoServices) -> None:
    order = sibling(complaint_id("crm", "n-0"), WORK_ORDER)
    async with services.both():
        await services.send("complaints.inbox", good("n-0"))
        await services.until_committed("workflow", "complaints", 0)
        records = [raw for one in COMMANDS for raw in (bad(one), accept(f"after-{one.name}", order))]
        offsets = await services.send("workorders.inbox", *records)
        await services.until_committed("workflow", "workorders.inbox", offsets[-1])
        await check_fates(services, "workflow", "workorders.inbox", COMMANDS, offsets[::2])
        replies = {reply.key.decode(): dict(reply.headers) for reply in await services.on_topic("workorders.replies")}
    assert set(replies) == {f"after-{one.name}" for one in COMMANDS}
    kinds = [headers["ce_type"] for headers in replies.values()]
    assert kinds[0] == b"closedloop.command.applied.v1"
    assert set(kinds[1:]) == {b"closedloop.command.refused.v1"}, "accepted once, and each was answered"


PROFILE = "closedloop.customer.profile_changed.v1"


def profile(name: str, plain: dict[str, str]) -> bytes:
    return json.dumps({"id": name, **plain}).encode()


async def test_bad_profiles_are_dead_lettered_and_a_key_alone_forgets(services: TwoServices) -> None:
    plain = {"name": "Zhang", "phone": "1", "tier": "gold", "region": "js", "language": "zh"}
    corpus = [
        Bad("no-tier", b'{"id": "no-tier"}', "data_invalid", "/", kind=PROFILE),
        Bad("not-json", b"{", "not_json", kind=PROFILE),
        Bad("stranger", profile("stranger", plain), "unknown_source", "", {"ce_source": b"nobody"}, kind=PROFILE),
    ]
    ends = [Bad(name, profile(name, plain), "", kind=PROFILE) for name in ("first", "last")]
    forgetting: Sending = (b"first", None, [])
    sent = [bad(ends[0]), *(bad(one) for one in corpus), forgetting, bad(ends[1])]
    async with services.both():
        offsets = await services.send("customers.inbox", *sent)
        await services.until_committed("intake", "customers.inbox", offsets[-1])
    await check_fates(services, "intake", "customers.inbox", corpus, offsets[1:4])
    kept = {document["_id"]: document for document in services.documents("customers", "intake")}
    assert kept.keys() == {"first", "last"}
    assert kept["first"]["forgotten"]
    assert "name" not in kept["first"]


Request = tuple[str, str, dict[str, Any]]
JSON = {"Content-Type": "application/json"}
ORDER = "/v1/work-orders/{order}"
ACT = ORDER + "/actions/accept"
KEY = {"Idempotency-Key": "key-1"}

TO_INTAKE: dict[str, tuple[int, str, Request]] = {
    "no credentials": (401, "unauthenticated", ("POST", "/v1/complaints", {"role": None, "json": {}})),
    "a made-up token": (
        401,
        "unauthenticated",
        ("GET", "/v1/complaints", {"role": None, "headers": {"Authorization": "Bearer a.b.c"}}),
    ),
    "not JSON": (400, "malformed", ("POST", "/v1/complaints", {"content": b"{", "headers": JSON})),
    "not UTF-8": (400, "malformed", ("POST", "/v1/complaints", {"content": b'{"a": "\xff"}', "headers": JSON})),
    "too deep": (400, "malformed", ("POST", "/v1/complaints", {"content": b"[" * 99 + b"]" * 99, "headers": JSON})),
    "beyond 64 bits": (400, "malformed", ("POST", "/v1/complaints", {"json": {"n": 2**63}})),
    "a lone surrogate": (
        400,
        "malformed",
        ("POST", "/v1/complaints", {"content": b'{"subject": "\\ud800"}', "headers": JSON}),
    ),
    "a NUL": (400, "malformed", ("POST", "/v1/complaints", {"json": {"subject": "a\0b"}})),
    "too large": (413, "too_large", ("POST", "/v1/complaints", {"json": {"description": "x" * 950_000}})),
    "not as JSON": (415, "unsupported_media_type", ("POST", "/v1/complaints", {"content": b"a=b"})),
    "no such complaint": (404, "not_found", ("GET", "/v1/complaints/cmp_1", {})),
    "no such path": (404, "not_found", ("GET", "/v1/nothing", {})),
    "no such method": (405, "method_not_allowed", ("PATCH", "/v1/complaints", {})),
    "not for handlers": (
        403,
        "forbidden",
        ("POST", "/v1/complaints", {"role": "handler", "json": complaint("x"), "headers": KEY}),
    ),
    "a missing field": (422, "request_invalid", ("POST", "/v1/complaints", {"json": {}, "headers": KEY})),
    "other content": (
        409,
        "conflicting_duplicate",
        ("POST", "/v1/complaints", {"json": complaint("h-1", subject="Other")}),
    ),
    "another body": (
        422,
        "idempotency_key_reused",
        ("POST", "/v1/complaints", {"json": complaint("h-2"), "headers": {"Idempotency-Key": "first"}}),
    ),
}
TO_WORKFLOW: dict[str, tuple[int, str, Request]] = {
    "no such order": (404, "not_found", ("POST", "/v1/work-orders/wo_1/actions/accept", {"role": "handler"})),
    "no such action": (404, "not_found", ("POST", ORDER + "/actions/applaud", {"role": "handler"})),
    "not for reviewers": (403, "forbidden", ("POST", ACT, {"role": "reviewer"})),
    "a stale version": (412, "stale_version", ("POST", ACT, {"role": "handler", "headers": {"If-Match": '"99"'}})),
    "no entity tag": (400, "malformed", ("POST", ACT, {"role": "handler", "headers": {"If-Match": "newest"}})),
    "the wrong status": (422, "wrong_status", ("POST", ORDER + "/actions/approve", {"role": "reviewer"})),
    "an argument": (
        422,
        "request_invalid",
        ("POST", ORDER + "/actions/transfer", {"role": "leader", "json": {"team": 7}}),
    ),
    "a change without a version": (
        428,
        "precondition_required",
        ("PUT", "/v1/admin/sources/crm", {"role": "admin", "json": {"types": [], "actions": []}}),
    ),
}


async def problem(services: TwoServices, service: RunningService, asked: Request, order: str) -> tuple[int, str]:
    """Status and code of the answer, which is checked to be a whole problem that tells nothing of our inside."""
    method, path, rest = asked
    answer = await services.ask(service, method, path.replace("{order}", order), **rest)
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    told = answer.json()
    assert told.keys() >= {"type", "title", "status", "detail", "instance", "code", "errors", "trace_id"}
    assert told["status"] == answer.status_code
    assert not {"Traceback", ".py", "shared.", "Error:"} & set(answer.text.split()), answer.text
    return answer.status_code, told["code"]


async def test_bad_requests_are_told_what_is_wrong(services: TwoServices) -> None:
    async with services.both() as (intake, workflow):
        made = await services.ask(
            intake, "POST", "/v1/complaints", json=complaint("h-1"), headers={"Idempotency-Key": "first"}
        )
        assert made.status_code == 201, made.text
        order = made.json()["work_order_id"]
        await services.until_committed("workflow", "complaints", 0)
        for service, cases in ((intake, TO_INTAKE), (workflow, TO_WORKFLOW)):
            found = {name: await problem(services, service, asked, order) for name, (_, _, asked) in cases.items()}
            assert found == {name: (status, code) for name, (status, code, _) in cases.items()}


async def test_what_cannot_be_done_now_is_to_be_tried_again(services: TwoServices) -> None:
    """Before it has started, and while the database hangs up, a service says 503 and when to come back."""
    starting = services.service(INTAKE)
    answer = await services.ask(starting, "POST", "/v1/complaints", json=complaint("early"))
    await starting.publisher.stop()
    await starting.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    async with services.both() as (intake, _):
        made = await services.ask(intake, "POST", "/v1/complaints", json=complaint("h-1"))
        path = made.headers["Location"]
        (kind,) = intake.definition.aggregates
        namespace = f"{intake.database.name}.{collection_name(kind)}"
        fault = {"failCommands": ["find"], "closeConnection": True, "namespace": namespace}
        with failing(services.client, fault, times=1_000):  # others read too, and the driver repeats a read
            answer = await services.ask(intake, "GET", path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert (await services.ask(intake, "GET", path)).status_code == 200
