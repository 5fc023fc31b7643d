"""A system that worked is clean; whatever is planted afterwards is named by its invariant and id."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from shared.kernel.ids import CLOCK_SET, COMPLAINT, sibling
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope, OutRecord
from shared.reconcile.audit import reconcile
from shared.reconcile.verdict import Fate, Verdict
from tests.e2e.outside import Outside
from tests.e2e.reconciled import Scene, order_of

CLOSED, WAITING = order_of("closed"), order_of("waiting")
WAITING_CLOCKS = sibling(WAITING, CLOCK_SET)


@pytest_asyncio.fixture(scope="module")
async def scene(
    stack: LocalStack, mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    """One order closed, one that nobody accepts in time, a dead letter and a parked command; everybody stopped."""
    scene = Scene(stack.endpoints.kafka, stack.endpoints.mongo, tmp_path_factory.mktemp("state"), mongo_client)
    async with scene.running():
        await scene.complain("closed")
        await scene.complain("waiting")
        await scene.complain("waiting")
        await scene.publish(OutRecord("complaints.inbox", b"k", b"{", [("ce_id", b"1")]))
        for order in (CLOSED, WAITING):
            await scene.until(order, lambda found: found.status == "assigned")
        await scene.close_order(CLOSED)
        await scene.settled()
        scene.pass_time(minutes=65)
        await scene.settled()
    yield scene
    await scene.publisher.stop()
    for name in mongo_client.list_database_names():
        if name.startswith(f"{scene.prefix}_"):
            mongo_client.drop_database(name)


def named(verdict: Verdict) -> set[tuple[str, str]]:
    return {(one.invariant, one.subject) for one in verdict.violations}


async def test_a_system_that_worked_is_clean_and_every_record_is_explained(scene: Scene) -> None:
    verdict = await scene.verdict()
    assert verdict.violations == set()
    assert verdict.fates["intake", "complaints.inbox", Fate.APPLIED] == 2
    assert verdict.fates["intake", "complaints.inbox", Fate.DUPLICATE] == 1
    assert verdict.dead_letters == {("intake", "envelope_invalid"): 1}
    assert verdict.fates["escalation", "workorders", Fate.APPLIED] > 5
    assert verdict.fates["notifier", "complaints", Fate.COPIED] == 2


async def test_a_complaint_that_lost_its_order_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "log") as log:
        log.delete_many({"_id": {"$regex": f"^{WAITING}:"}})
        found = named(await scene.verdict())
    assert ("I1", sibling(WAITING, COMPLAINT)) in found
    assert ("I2", f"{WAITING}:0000000001") in found  # on the topic, and nobody decided it
    assert ("I10", WAITING) in found


async def test_a_decision_that_was_never_published_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "log") as log:
        event = ["closedloop.workorder.escalated.v1", {"level": 1}]
        sequence = append(log, WAITING, [event])
        assert ("I2", f"{WAITING}:{sequence:010d}") in named(await scene.verdict())


async def test_a_hole_in_a_log_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "log") as log:
        log.delete_one({"_id": f"{CLOSED}:0000000002"})
        assert ("I4", CLOSED) in named(await scene.verdict())


async def test_an_illegal_transition_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "log") as log:
        append(log, CLOSED, [["closedloop.workorder.accepted.v1", {"assignee": "hanna"}]])
        assert ("I4", CLOSED) in named(await scene.verdict())


async def test_a_followed_sequence_that_was_left_out_is_named(scene: Scene) -> None:
    with scene.tampered("escalation", "log") as log:
        newest = newest_of(log, WAITING_CLOCKS, {"d.m": {"$exists": True}})
        newest["d"][-1]["m"][1] += 1
        log.replace_one({"_id": newest["_id"]}, newest)
        assert ("I5", WAITING_CLOCKS) in named(await scene.verdict())


async def test_a_rung_that_was_decided_twice_is_named(scene: Scene) -> None:
    with scene.tampered("escalation", "log") as log:
        fired = newest_of(log, WAITING_CLOCKS, {"d.e": {"$elemMatch": {"$elemMatch": {"$eq": RUNG_FIRED}}}})
        event = next(event for decision in fired["d"] for event in decision.get("e", ()) if event[0] == RUNG_FIRED)
        append(log, WAITING_CLOCKS, [event])
        assert ("I6", event[1]["rung"]["key"]) in named(await scene.verdict())


async def test_a_rung_that_was_missed_is_named(scene: Scene) -> None:
    found = named(await scene.verdict(now=scene.now + timedelta(hours=1)))
    assert {subject.rpartition("/")[2] for invariant, subject in found if invariant == "I6"} >= {
        "75%",
        "90%",
        "breach",
    }


async def test_only_what_is_still_so_at_the_second_look_is_a_violation(scene: Scene) -> None:
    late = scene.now + timedelta(hours=1)
    async with scene.access(late, scene.now) as access:
        assert (await reconcile(access, pause=0, young=timedelta(0))).clean
    async with scene.access(late, late) as access:
        assert not (await reconcile(access, pause=0, young=timedelta(0))).clean


async def test_a_projection_that_is_not_its_log_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "work_order_1") as orders:
        orders.update_one({"_id": WAITING}, {"$set": {"status": "closed"}})
        verdict = await scene.verdict()
    assert [(one.invariant, one.subject, one.detail) for one in verdict.violations] == [
        ("I10", WAITING, "its projection differs in status")
    ]


async def test_an_open_order_without_a_running_clock_is_named(scene: Scene) -> None:
    with scene.tampered("escalation", "log") as log:
        for document in log.find({"_id": {"$regex": f"^{WAITING_CLOCKS}:"}}):
            for decision in document["d"]:
                for name, data in decision.get("e", ()):
                    if name == "closedloop.clocks.changed.v1":
                        data["clocks"] = [{**clock, "state": "stopped"} for clock in data["clocks"]]
            log.replace_one({"_id": document["_id"]}, document)
        assert ("I11", WAITING) in named(await scene.verdict())


async def test_an_order_that_closed_with_its_loop_open_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "log") as log:
        for document in log.find({"_id": {"$regex": f"^{CLOSED}:"}}):
            for decision in document["d"]:
                for name, data in decision.get("e", ()):
                    if name == "closedloop.workorder.callback_completed.v1":
                        data["satisfied"] = False
            log.replace_one({"_id": document["_id"]}, document)
        verdict = await scene.verdict()
    assert ("I13", CLOSED) in named(verdict)
    assert "/change/satisfied differs from what was decided" in {one.detail for one in verdict.violations}


async def test_a_copy_that_is_missing_is_a_lost_record(scene: Scene) -> None:
    with scene.tampered("notifier", "contacts") as contacts:
        contacts.delete_one({"_id": sibling(CLOSED, COMPLAINT)})
        [violation] = (await scene.verdict()).violations
    assert (violation.invariant, violation.detail) == ("I8", "lost at notifier: was not copied to contacts")


async def test_a_notice_that_was_never_decided_is_a_lost_record(scene: Scene) -> None:
    with scene.tampered("notifier", "log") as log, scene.tampered("notifier", "notice_1") as notices:
        lost = notices.find_one({"work_order_id": WAITING, "audience": "handler", "template": "assignment"})
        notices.delete_one({"_id": lost["_id"]})
        log.delete_many({"_id": {"$regex": f"^{lost['_id']}:"}})
        verdict = await scene.verdict()
    details = [one.detail for one in verdict.violations if one.invariant == "I8"]
    assert f"lost at notifier: left no trace in {lost['_id']} (workorders>notice)" in details


async def test_records_that_were_consumed_without_a_trace_are_lost(scene: Scene) -> None:
    """Last, for a topic cannot be put back."""
    stray = Envelope("wo_x:0000000001", "/closedloop/workflow", "closedloop.workorder.closed.v1", "wo_x", scene.now)
    await scene.complain("never seen")
    await scene.publish(write("workorders", "wo_x", stray, b"{}"))
    before = await scene.verdict()
    assert before.fates["intake", "complaints.inbox", Fate.WAITING] == 1
    assert named(before) == {("I2", "wo_x:0000000001")}
    await scene.commit_everything("intake", "complaints.inbox")
    lost = [one for one in (await scene.verdict()).violations if one.invariant == "I8"]
    assert [one.detail.partition(" in ")[0] for one in lost] == ["lost at intake: left no trace"]
    assert lost[0].subject.startswith("complaints.inbox/")


async def test_the_installation_that_strangers_used_is_clean(outside: Outside) -> None:
    """Whatever the contract's tests have sent to it before, bad input included."""
    await outside.submit()
    code, output, talk = await outside.command("reconcile", "-o", "json")
    verdict = json.loads(output)
    assert (code, verdict["violations"]) == (0, []), talk
    assert verdict["checked"]["decisions"] > 1
    code, output, _ = await outside.command("reconcile", "--records")
    assert code == 0
    assert output.endswith("clean: every invariant holds\n")


RUNG_FIRED = "closedloop.rung.fired.v1"


def newest_of(log: Any, aggregate: str, where: dict[str, Any]) -> Any:
    return log.find_one({"_id": {"$regex": f"^{aggregate}:"}, **where}, sort=[("_id", -1)])


def append(log: Any, aggregate: str, events: list[Any]) -> int:
    """One more decision with these events, by nobody; returns the sequence of the first."""
    newest = newest_of(log, aggregate, {})
    last = newest["d"][-1]
    sequence: int = last["n"] + len(last.get("e", ()))
    decision = {**last, "v": newest["to"] + 1, "n": sequence, "c": {"s": "nobody", "i": "1"}, "e": events}
    decision.pop("m", None)
    log.insert_one({"_id": f"{aggregate}:{newest['to'] + 1:010d}", "to": newest["to"] + 1, "d": [decision]})
    return sequence + 1
