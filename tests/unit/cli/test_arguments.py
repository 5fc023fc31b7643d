"""`name=value` becomes JSON by the schema of the action."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.workflow.schemas import ARGUMENTS
from shared.cli.arguments import arguments_of, read_json
from shared.cli.failure import WrongUsage


def read(action: str, *given: str) -> dict[str, Any]:
    return arguments_of(given, ARGUMENTS[action].model_json_schema())


@pytest.mark.parametrize(
    ("action", "given", "made"),
    [
        ("accept", "expected_version=3", {"expected_version": 3}),
        ("close", "notice=yes", {"notice": True}),
        ("close", "notice=false", {"notice": False}),
        ("cancel", "reason=5", {"reason": "5"}),
        ("respond", "text=a=b, c", {"text": "a=b, c"}),
        ("submit_resolution", "remedy.amount_cents=500", {"remedy": {"amount_cents": 500}}),
        ("submit_resolution", 'remedy={"kind": "refund"}', {"remedy": {"kind": "refund"}}),
        ("record_callback", "scores.speed=5", {"scores": {"speed": 5}}),
    ],
)
def test_a_value_is_read_as_the_schema_says(action: str, given: str, made: dict[str, Any]) -> None:
    assert read(action, given) == made


def test_parts_of_one_object_come_together() -> None:
    assert read("submit_resolution", "remedy.kind=refund", "remedy.amount_cents=1") == {
        "remedy": {"kind": "refund", "amount_cents": 1}
    }


def test_an_action_without_a_schema_takes_any_text() -> None:
    assert arguments_of(["reason_code=x"], {"additionalProperties": True}) == {"reason_code": "x"}


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("respond", "texts=x", "Did you mean text"),
        ("accept", "colour=red", "There are: occurred_at"),
        ("close", "notice=perhaps", "must be true or false"),
        ("escalate", "level=high", "level must be integer"),
        ("respond", "hello", "is not name=value"),
        ("submit_resolution", "remedy.colour=red", "no argument remedy.colour"),
        ("respond", "text.part=x", "no argument text.part"),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(action: str, given: str, says: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        read(action, given)
    assert says in f"{caught.value} {caught.value.advice}"


def test_a_whole_and_its_part_do_not_go_together() -> None:
    with pytest.raises(WrongUsage, match="both as a whole and in parts"):
        read("cancel", "reason=x", "reason.code=y")


def test_json_comes_from_a_file(tmp_path: Path) -> None:
    place = tmp_path / "body.json"
    place.write_text(json.dumps({"text": "早"}))
    assert read_json(str(place)) == {"text": "早"}
    assert read_json(None) == {}


@pytest.mark.parametrize("content", [b"[1]", b"{", b"\xff"])
def test_json_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "body.json"
    place.write_bytes(content)
    with pytest.raises(WrongUsage):
        read_json(str(place))
    with pytest.raises(WrongUsage, match="cannot be read"):
        read_json(str(tmp_path / "nothing"))
