"""A system that worked is clean; whatever is planted afterwards is named by its invariant and id."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from deploy.local.stack import LocalStack
from services.escalation.domain import CLOCK_SETS
from services.notifier.domain import NOTICE
from services.workflow.domain import WORK_ORDERS
from shared.events.notifications import Attempted
from shared.events.parts import ClockChange
from shared.events.sla import ClocksChanged, RungFired
from shared.events.workorders import Accepted, CallbackCompleted, Escalated, ReviewApproved
from shared.kernel.aggregate import Decision, Event
from shared.kernel.ids import CLOCK_SET, COMPLAINT, sibling
from shared.messaging.cloudevents import write
from shared.messaging.records import Envelope, OutRecord
from shared.reconcile.looking import reconcile
from shared.reconcile.verdict import Fate, Verdict
from tests.e2e.outside import Outside
from tests.e2e.planted import planted
from tests.e2e.reconciled import Scene, order_of

CLOSED, WAITING = order_of("closed"), order_of("waiting")
CLOSED_CLOCKS, WAITING_CLOCKS = sibling(CLOSED, CLOCK_SET), sibling(WAITING, CLOCK_SET)


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
    async with planted(scene, "workflow", WORK_ORDERS) as log:
        sequence = log.append(WAITING, Escalated(level=1))
        assert ("I2", f"{WAITING}:{sequence:010d}") in named(await scene.verdict())


async def test_a_notice_that_went_out_twice_is_named(scene: Scene) -> None:
    async with planted(scene, "notifier", NOTICE) as log:
        notice = scene.database("notifier")["notice_1"].find_one({"work_order_id": WAITING})
        assert notice is not None
        first = log.events(notice["_id"])[0].notification
        for attempt in (1, 2):
            begun = replace(first, status="attempting", attempts=attempt)
            log.append(notice["_id"], Attempted(notification=begun, lease_until=scene.now))
        assert ("I3", f"{notice['_id']}/{first.delivery}") in named(await scene.verdict())


async def test_a_hole_in_a_log_is_named(scene: Scene) -> None:
    with scene.tampered("workflow", "log") as log:
        log.delete_one({"_id": f"{CLOSED}:0000000002"})
        assert ("I4", CLOSED) in named(await scene.verdict())


async def test_an_illegal_transition_is_named(scene: Scene) -> None:
    async with planted(scene, "workflow", WORK_ORDERS) as log:
        log.append(CLOSED, Accepted(assignee="hanna"))
        assert ("I4", CLOSED) in named(await scene.verdict())


async def test_a_followed_sequence_that_was_left_out_is_named(scene: Scene) -> None:
    def skips(decision: Decision) -> Decision:
        mark = decision.mark
        return decision if mark is None or mark[1] < 2 else replace(decision, mark=(mark[0], mark[1] + 1))

    async with planted(scene, "escalation", CLOCK_SETS) as log:
        log.change(WAITING_CLOCKS, skips)
        assert ("I5", WAITING_CLOCKS) in named(await scene.verdict())


async def test_a_rung_that_was_decided_twice_is_named(scene: Scene) -> None:
    async with planted(scene, "escalation", CLOCK_SETS) as log:
        fired = log.events(WAITING_CLOCKS, RungFired)[0]
        log.append(WAITING_CLOCKS, fired)
        assert ("I6", fired.rung.key) in named(await scene.verdict())


async def test_a_rung_before_its_time_is_named(scene: Scene) -> None:
    def too_early(event: Event) -> Event:
        if not isinstance(event, RungFired):
            return event
        return replace(event, rung=replace(event.rung, fire_at=scene.now + timedelta(hours=1)))

    async with planted(scene, "escalation", CLOCK_SETS) as log:
        key = log.events(WAITING_CLOCKS, RungFired)[0].rung.key
        log.change_events(WAITING_CLOCKS, too_early)
        assert ("I7", key) in named(await scene.verdict())


async def test_a_rung_after_its_clock_stopped_is_named(scene: Scene) -> None:
    async with planted(scene, "escalation", CLOCK_SETS) as log:
        stopped = log.events(CLOSED_CLOCKS, ClocksChanged)[-1].clocks[0]
        fired = log.events(WAITING_CLOCKS, RungFired)[0]
        key = f"{stopped.id}/50%/0/1"
        late = replace(fired, clock=replace(fired.clock, id=stopped.id), rung=replace(fired.rung, key=key))
        log.append(CLOSED_CLOCKS, late)
        assert ("I7", key) in named(await scene.verdict())


async def test_a_rung_that_fired_too_late_is_named_where_that_is_asked(scene: Scene) -> None:
    """Time passed at one go, so the rungs on the way were late."""
    assert named(await scene.verdict(late_within=timedelta(hours=1))) == set()
    [(invariant, key)] = named(await scene.verdict(late_within=timedelta(minutes=1)))
    assert (invariant, key.partition("/")[0]) == ("I7", WAITING)


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
    def stopped(event: Event) -> Event:
        if not isinstance(event, ClocksChanged):
            return event
        return replace(event, clocks=tuple(replace(clock, state="stopped") for clock in event.clocks))

    async with planted(scene, "escalation", CLOCK_SETS) as log:
        log.change_events(WAITING_CLOCKS, stopped)
        assert ("I11", WAITING) in named(await scene.verdict())


async def test_a_statutory_clock_that_paused_is_named(scene: Scene) -> None:
    def paused(clock: ClockChange) -> ClockChange:
        return replace(clock, state="paused", change="paused") if clock.kind == "statutory" else clock

    async with planted(scene, "escalation", CLOCK_SETS) as log:
        changed = next(
            event for event in log.events(WAITING_CLOCKS, ClocksChanged) if any(map(is_statutory, event.clocks))
        )
        (clock,) = filter(is_statutory, changed.clocks)
        log.append(WAITING_CLOCKS, replace(changed, clocks=(paused(clock),)))
        assert ("I12", clock.id) in named(await scene.verdict())


def is_statutory(clock: ClockChange) -> bool:
    return clock.kind == "statutory"


async def test_an_order_that_closed_with_its_loop_open_is_named(scene: Scene) -> None:
    def dissatisfied(event: Event) -> Event:
        return replace(event, satisfied=False) if isinstance(event, CallbackCompleted) else event

    async with planted(scene, "workflow", WORK_ORDERS) as log:
        log.change_events(CLOSED, dissatisfied)
        verdict = await scene.verdict()
    assert ("I13", CLOSED) in named(verdict)
    assert "/change/satisfied differs from what was decided" in {one.detail for one in verdict.violations}


async def test_a_handler_who_reviewed_is_named(scene: Scene) -> None:
    def by_the_handler(event: Event) -> Event:
        return replace(event, reviewer="hanna") if isinstance(event, ReviewApproved) else event

    async with planted(scene, "workflow", WORK_ORDERS) as log:
        log.change_events(CLOSED, by_the_handler)
        assert ("I16", CLOSED) in named(await scene.verdict())


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


async def test_the_command_looks_at_a_system_that_is_stopped(scene: Scene) -> None:
    code, verdict = await scene.command("--offline", "-o", "json")
    assert (code, verdict["violations"], verdict["under_way"]) == (0, [], 0)
    later = (scene.now + timedelta(hours=1)).isoformat()
    code, verdict = await scene.command("--offline", "--as-of", later, "-o", "json")
    assert (code, {one["invariant"] for one in verdict["violations"]}) == (1, {"I6"})


async def test_records_that_were_consumed_without_a_trace_are_lost(scene: Scene) -> None:
    """Last, for a topic cannot be put back."""
    stray = Envelope("wo_x:0000000001", "/closedloop/workflow", "closedloop.workorder.closed.v1", "wo_x", scene.now)
    await scene.complain("never seen")
    await scene.publish(write("workorders", "wo_x", stray, b"{}"))
    before = await scene.verdict()
    assert before.fates["intake", "complaints.inbox", Fate.WAITING] == 1
    assert named(before) == {("I2", "wo_x:0000000001")}
    assert {one[0] for one in named(await scene.looked_at(stopped=True))} == {"I2"}, "what waits may wait"
    running = await scene.looked_at(stopped=False)
    assert ("I9", "intake") in {(one.invariant, one.detail.partition(" ")[0]) for one in running.violations}
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
    code, _, talk = await outside.command("reconcile", "--offline")
    assert code == 2, "a system that runs is not to be taken for one that is stopped"
    assert "intake answers at" in talk
