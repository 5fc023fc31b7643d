"""What a rung may command is what a work order understands."""

from typing import Any

import pytest

from services.escalation.domain.ladder import DUE_IN
from services.escalation.ladder_schemas import ACTIONS
from services.workflow.schemas import ARGUMENTS
from shared.kernel.aggregate import SYSTEM
from shared.messaging import contract

SAMPLES: dict[str, Any] = {
    "level": 2,
    "reason": "overdue",
    "priority": "P1",
    "team": "core",
    "assignee": "li",
    "demand": "answer",
    "participants": [{"team": "lab"}],
    "question": "why",
    "rule": "all",
    "k": 1,
    "approve": True,
    "text": "by rule",
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_carried_command_is_understood_with_what_it_needs_and_with_all_it_may_have(action: str) -> None:
    required, optional = ACTIONS[action]
    for names in (required, required | optional):
        arguments = {name: SAMPLES[name] for name in names if name != DUE_IN}
        if DUE_IN in names:
            arguments["due_at"] = "2026-03-02T09:00:00+00:00"
        if "k" in names:
            arguments["rule"] = "k"
        command = contract.model(ARGUMENTS[action])(arguments).command(SYSTEM)
        assert command.actor == SYSTEM
