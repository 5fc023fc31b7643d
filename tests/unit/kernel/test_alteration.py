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


BOX = Box(owner="wang", seals=("1",))


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
