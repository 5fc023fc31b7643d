"""Records as other systems write them, read by intake's own bindings."""

from datetime import timedelta
from typing import Any

import pytest

from services.intake.bindings import MIRRORS
from services.intake.domain.commands import Mirror, Receive, Withdraw
from services.intake.domain.reference import Reference
from shared.events import complaints, workorders
from shared.events.catalogue import wire_type
from shared.events.parts import Reason
from shared.kernel import ids
from shared.messaging.reading import Dead, Reading, Work
from shared.persistence.parking import Parked
from tests.unit.intake.complaints import CRM, NOON, a_source, a_submission, registered
from tests.unit.intake.reading import OPEN, read

COMPLAINT_ID = ids.complaint_id(CRM, "A-1")
ORDER_ID = ids.sibling(COMPLAINT_ID, ids.WORK_ORDER)


def submitted(data: object, **more: Any) -> Reading:
    return read("complaints.inbox", "complaint.submitted", data, **more)


def test_a_submission_becomes_the_receipt_of_its_own_complaint() -> None:
    work = submitted(a_submission())

    assert isinstance(work, Work)
    assert isinstance(work.command, Receive)
    assert work.aggregate_id == COMPLAINT_ID
    assert (work.command.actor.id, work.command.actor.org) == (CRM, CRM)
    assert work.command.occurred_at == NOON - timedelta(minutes=30)


def test_a_key_is_not_needed() -> None:
    assert isinstance(submitted(a_submission(), key=None), Work)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"external_id": None}, "/external_id"),
        ({"external_id": "x" * 65}, "/external_id"),
        ({"external_id": "a\nb"}, "/external_id"),
        ({"channel": "pigeon"}, "/channel"),
        ({"channel": None}, "/channel"),
        ({"customer": {"name": "张三"}}, "/customer/id"),
        ({"customer": {"id": "c-7", "tier": "royal"}}, "/customer/tier"),
        ({"customer": {"id": "c-7", "region": "a//b"}}, "/customer/region"),
        ({"customer": {"id": "c-7", "email": "nobody"}}, "/customer/email"),
        ({"subject": ""}, "/subject"),
        ({"subject": "长" * 201}, "/subject"),
        ({"subject": 7}, "/subject"),
        ({"description": "长" * 20_001}, "/description"),
        ({"category": "a/"}, "/category"),
        ({"category": "*"}, "/category"),
        ({"remedy_sought": "revenge"}, "/remedy_sought"),
        ({"object": {"kind": "line"}}, "/object/id"),
        ({"severity_flags": ["loud"]}, "/severity_flags/0"),
        ({"severity_flags": "media"}, "/severity_flags"),
        ({"channel": "regulator"}, "/regulator_case"),
        (
            {"channel": "regulator", "regulator_case": {"number": "R1", "body": "工信部"}},
            "/regulator_case/received_at",
        ),
        ({"received_at": None}, "/received_at"),
        ({"received_at": "2026-11-23T11:30:00"}, "/received_at"),
        ({"received_at": "2026-11-23"}, "/received_at"),
        ({"received_at": "1795408200"}, "/received_at"),
        ({"received_at": 1795408200}, "/received_at"),
        ({"received_at": "0001-01-01T00:00:00+14:00"}, "/received_at"),
        ({"received_at": "2026-02-30T00:00:00Z"}, "/received_at"),
        ({"acknowledged": "yes"}, "/acknowledged"),
        ({"attachments": [{"name": "a", "uri": "u", "media_type": "x/y", "size": -1}]}, "/attachments/0/size"),
        ({"attachments": [{"name": "a", "uri": "u", "media_type": "x/y", "size": 1}] * 21}, "/attachments"),
        ({"language": "chinese!"}, "/language"),
    ],
)
def test_a_submission_that_does_not_fit_is_dead_lettered_and_points_to_the_field(
    changes: dict[str, Any], pointer: str
) -> None:
    dead = submitted(a_submission(**changes))

    assert isinstance(dead, Dead)
    assert dead.reason == "data_invalid"
    assert dead.detail.startswith(f"{pointer}: ")
    assert "张三" not in dead.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"nobody_knows_this_field": {"a": 1}},
        {"subject": "长" * 200, "description": "长" * 20_000},
        {"category": "计费/流量/多收"},
        {"received_at": "2026-11-23T03:30:00.123456789Z"},
        {"customer": {"id": "c-7", "name": None}},
    ],
)
def test_what_the_contract_allows_comes_in(changes: dict[str, Any]) -> None:
    assert isinstance(submitted(a_submission(**changes)), Work)


def test_regulators_need_a_case_only_on_their_channel() -> None:
    case = {"number": "R1", "body": "工信部", "received_at": "2026-11-23T08:00:00+08:00"}

    assert isinstance(submitted(a_submission(channel="regulator", regulator_case=case)), Work)
    assert isinstance(submitted(a_submission(channel="media", regulator_case=case)), Work)


def test_a_source_that_nobody_registered_is_turned_away_unless_sources_are_open() -> None:
    closed = registered(a_source("app", "complaint.submitted"))

    assert isinstance(submitted(a_submission(), source="app", reference=closed), Work)
    assert isinstance(submitted(a_submission(), source="anyone", reference=OPEN), Work)
    dead = submitted(a_submission(), source="anyone", reference=closed)
    assert isinstance(dead, Dead)
    assert dead.reason == "unknown_source"


def test_a_source_may_send_what_it_is_registered_for() -> None:
    reference = registered(a_source(CRM, "complaint.submitted"))

    dead = read("complaints.inbox", "complaint.withdrawn", {"external_id": "A-1"}, reference=reference)

    assert isinstance(dead, Dead)
    assert dead.reason == "type_not_registered"


def test_a_registration_counts_from_its_time_on_and_the_one_before_until_then() -> None:
    soon = NOON + timedelta(seconds=60)
    first = a_source(CRM, "complaint.submitted")
    ended = a_source(CRM, "complaint.submitted", version=2, effective_at=soon, removed=True)

    def known(reference: Reference, at: int) -> bool:
        return reference.registered_for(CRM, "complaint.submitted", NOON + timedelta(seconds=at))

    assert not known(registered(a_source(CRM, "complaint.submitted", effective_at=soon)), 0)
    assert known(registered(first, ended), 59)
    assert not known(registered(first, ended), 60)
    assert known(registered(a_source(CRM, "*")), 0)


def test_a_withdrawal_names_the_complaint_by_either_number() -> None:
    ours = read("complaints.inbox", "complaint.withdrawn", {"complaint_id": COMPLAINT_ID, "text": "算了"})
    theirs = read("complaints.inbox", "complaint.withdrawn", {"external_id": "A-1", "by": "regulator"})

    assert isinstance(ours, Work)
    assert isinstance(theirs, Work)
    assert ours.aggregate_id == theirs.aggregate_id == COMPLAINT_ID
    assert isinstance(theirs.command, Withdraw)
    assert theirs.command.by == "regulator"


@pytest.mark.parametrize("data", [{}, {"complaint_id": "wo_1"}, {"external_id": "A-1", "by": "the cat"}])
def test_a_withdrawal_of_nothing_is_dead_lettered(data: dict[str, Any]) -> None:
    assert isinstance(read("complaints.inbox", "complaint.withdrawn", data), Dead)


@pytest.mark.parametrize("kind", ["complaint.supplemented", "complaint.urged", "feedback.submitted"])
def test_what_the_contract_has_and_we_do_not_do_yet_waits(kind: str) -> None:
    parked = read("complaints.inbox", kind, {"external_id": "A-1"})

    assert isinstance(parked, Parked)
    assert parked.reason == "not_yet_supported"


REASON = {"reason": {"code": "other"}}


def order_event(kind: type[Any], change: dict[str, Any], sequence: int = 3, **beside: Any) -> Reading:
    order = {
        "id": ORDER_ID, "complaint_id": COMPLAINT_ID, "version": 3, "status": "in_progress", "cycle": 2,
        "category": "other", "priority": "P3", "tier": "standard", "region": "js", "team": "t", "assignee": "li",
        "channel": "web", "received_at": "2026-11-23T03:30:00Z", "customer_id": "c-7",
    }  # fmt: skip
    data = {"work_order": order, "change": change, "occurred_at": "2026-11-23T03:59:00Z", **beside}
    wire = wire_type(kind).removeprefix("closedloop.").removesuffix(".v1")
    return read("workorders", wire, data, subject=ORDER_ID, sequence=f"{sequence:010}", source="/closedloop/workflow")


@pytest.mark.parametrize(
    ("kind", "change", "beside", "says"),
    [
        (workorders.Acknowledged, {"by": "system"}, {}, complaints.Acknowledged()),
        (workorders.Accepted, {"assignee": "li"}, {}, complaints.HandlingStarted(cycle=2)),
        (workorders.DecisionCommunicated, {"by": "system"}, {}, complaints.Answered()),
        (workorders.Redispatched, {"cycle": 2}, {}, complaints.Reopened(cycle=2)),
        (workorders.Closed, {"outcome": "satisfied"}, {}, complaints.Closed(outcome="satisfied")),
        (
            workorders.Cancelled,
            {},
            {"reason": {"code": "withdrawn", "text": "算了"}},
            complaints.Withdrawn(reason=Reason("withdrawn", "算了")),
        ),
        (workorders.Reopened, {"cycle": 2, "by": "regulator"}, REASON, complaints.Reopened(cycle=2)),
        (workorders.Voided, {"approved_by": "li"}, REASON, complaints.Voided(reason=Reason("other"))),
    ],
)
def test_what_the_order_does_the_complaint_says(
    kind: type[Any], change: dict[str, Any], beside: dict[str, Any], says: Any
) -> None:
    work = order_event(kind, change, **beside)

    assert isinstance(work, Work)
    assert work.aggregate_id == COMPLAINT_ID
    assert isinstance(work.command, Mirror)
    assert work.command.event == says
    assert work.command.occurred_at == NOON - timedelta(minutes=1)


def test_what_does_not_concern_the_complaint_still_advances_it() -> None:
    work = order_event(workorders.Escalated, {"level": 1})

    assert isinstance(work, Work)
    assert (work.aggregate_id, work.command) == (COMPLAINT_ID, None)


def test_no_mirror_asks_the_order_for_anything() -> None:
    requests = {complaints.Received, complaints.WithdrawalRequested}  # all that orders act upon

    says = {type(case.command.event) for case in map(_mirror_of, MIRRORS) if isinstance(case.command, Mirror)}

    assert len(says) == len(set(MIRRORS.values()))
    assert not says & requests


def _mirror_of(kind: type[Any]) -> Work:
    change = {"by": "system", "assignee": "li", "cycle": 2, "outcome": "forced", "approved_by": "li"}
    work = order_event(kind, change, reason={"code": "withdrawn"})
    assert isinstance(work, Work)
    return work
