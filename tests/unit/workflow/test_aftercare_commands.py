"""Demands, help, liability and the last words, as they come by the inbox and with a rung."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from services.workflow.aftercare_schemas import AFTERCARE
from services.workflow.domain import aftercare_commands as a
from services.workflow.domain import commands as c
from shared.events.parts import CarriedCommand, Reason
from shared.kernel.aggregate import SYSTEM
from tests.unit.workflow.builders import NOW
from tests.unit.workflow.test_bindings import command, dead, fired, worked

LATER = NOW.isoformat().replace("+00:00", "Z")
ASKED: Mapping[str, Any] = {
    "participants": [{"team": "billing", "assignee": "bill"}],
    "question": "?",
    "rule": "k",
    "k": 1,
}
WANTED: Mapping[str, Any] = {
    "participants": (a.Participant(team="billing", assignee="bill"),),
    "question": "?",
    "rule": "k",
    "k": 1,
}
BLAME: Mapping[str, Any] = {"valid": True, "unit": "billing", "degree": "primary", "text": "theirs"}
PATHS: Mapping[str, tuple[Mapping[str, Any], c.WorkOrderCommand]] = {
    "supervise": ({"demand": "now", "due_at": LATER}, a.Supervise(demand="now", due_at=NOW)),
    "answer_supervision": ({"text": "yes"}, a.AnswerSupervision(text="yes")),
    "consult": ({**ASKED, "due_at": LATER}, a.Consult(**WANTED, due_at=NOW)),
    "countersign": (ASKED, a.Countersign(**WANTED)),
    "answer_suborder": (
        {"suborder_id": "1", "text": "yes", "opinion": "agree"},
        a.AnswerSubOrder(suborder_id="1", text="yes", opinion="agree"),
    ),
    "reopen": (
        {"reason_code": "not_mended", "text": "again", "by": "regulator"},
        a.Reopen(reason=Reason("not_mended", "again"), by="regulator"),
    ),
    "rate": (
        {"satisfied": False, "scores": {"speed": 1}, "comment": "slow"},
        a.Rate(satisfied=False, scores={"speed": 1}, comment="slow"),
    ),
    "close_survey": ({}, a.CloseSurvey()),
    "attribute_liability": (BLAME, a.AttributeLiability(**BLAME)),
    "appeal_liability": ({"text": "not ours"}, a.AppealLiability(text="not ours")),
    "revise_liability": (BLAME, a.ReviseLiability(**BLAME)),
    "settle_liability": ({}, a.SettleLiability()),
    "void": (
        {"reason": "a test", "approved_by": "lars"},
        a.Void(reason=Reason("other", "a test"), approved_by="lars"),
    ),
    "archive": ({}, a.Archive()),
}


@pytest.mark.parametrize("action", AFTERCARE)
def test_the_action_comes_by_the_inbox_and_with_a_rung(action: str) -> None:
    arguments, wanted = PATHS[action]
    by_inbox = worked(command(action, **arguments)).command
    assert isinstance(by_inbox, c.WorkOrderCommand)
    assert type(by_inbox) is type(wanted)
    assert replace(by_inbox, actor=SYSTEM) == wanted
    if isinstance(wanted, a.CloseSurvey | a.SettleLiability | a.Archive):
        wanted = replace(wanted, clock_started_at=NOW)
    carried = CarriedCommand(command_id="k", action=action, arguments=arguments)
    assert worked(fired(carried)).command == wanted


@pytest.mark.parametrize(
    ("action", "arguments", "pointer"),
    [
        ("supervise", {"demand": "now", "due_at": "tomorrow"}, "/due_at"),
        ("consult", {**ASKED, "participants": []}, "/participants"),
        ("consult", {**ASKED, "participants": [{"team": "x"}] * 21}, "/participants"),
        ("consult", {**ASKED, "participants": [{"team": ""}]}, "/participants/0/team"),
        ("countersign", {**ASKED, "rule": "most"}, "/rule"),
        ("countersign", {**ASKED, "k": 0}, "/k"),
        ("answer_suborder", {"suborder_id": "1", "text": "x", "opinion": "maybe"}, "/opinion"),
        ("reopen", {"reason_code": "x", "text": "y", "by": "leader"}, "/by"),
        ("rate", {"satisfied": "yes"}, "/satisfied"),
        ("attribute_liability", {**BLAME, "degree": "tertiary"}, "/degree"),
        ("void", {"reason": "a test"}, "/approved_by"),
    ],
)
def test_arguments_that_make_no_sense_are_named(action: str, arguments: dict[str, Any], pointer: str) -> None:
    reason, detail = dead(command(action, **arguments))
    assert reason == "data_invalid"
    assert detail.startswith(f"{pointer}:")
