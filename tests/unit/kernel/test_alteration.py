"""Copies of a wide state: as `dataclasses.replace` makes them, whatever the state was made from."""

from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import msgspec
import pytest

from shared.kernel.alteration import altered


@dataclass(frozen=True, kw_only=True)
class Box:
    owner: str
    seals: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    lid: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    text: str
    colour: str = "white"
    size: int = 1


BOX = Box(owner="wang", seals=("1",))
LABEL = Label("fragile")


def test_a_copy_differs_in_what_was_given_and_in_nothing_else() -> None:
    assert altered(BOX, lid="oak", seals=()) == replace(BOX, lid="oak", seals=()) == Box(owner="wang", lid="oak")
    assert Box(owner="wang", seals=("1",)) == BOX


def test_a_copy_is_as_frozen_as_its_original() -> None:
    copy: Any = altered(BOX, lid="oak")
    with pytest.raises(FrozenInstanceError):
        copy.lid = "elm"


def test_a_field_that_there_is_not_is_refused() -> None:
    unknown: dict[str, Any] = {"colour": "red"}
    with pytest.raises(TypeError, match="Box has no"):
        altered(BOX, **unknown)


def test_a_state_kept_before_a_field_was_added_has_its_default() -> None:
    old = msgspec.json.decode(b'{"owner":"wang"}', type=Box)
    assert altered(old, owner="li") == Box(owner="li")
    assert altered(old, lid="oak") == Box(owner="wang", lid="oak")


def test_a_state_with_slots_is_copied_alike() -> None:
    assert altered(LABEL, size=2) == Label("fragile", "white", 2)
    assert altered(LABEL, colour="red", size=2) == altered(LABEL, size=2, colour="red") == Label("fragile", "red", 2)
    assert altered(LABEL) == altered(LABEL, text="fragile", colour="white", size=1) == LABEL == Label("fragile")
    copy: Any = altered(LABEL, size=2)
    with pytest.raises(FrozenInstanceError):
        copy.size = 3


def test_a_slot_that_there_is_not_is_refused() -> None:
    unknown: dict[str, Any] = {"owner": "wang"}
    with pytest.raises(TypeError, match="Label has no"):
        altered(LABEL, **unknown)
