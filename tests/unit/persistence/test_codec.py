"""Every event comes back from its text in the log as it was, with times that are aware and in UTC."""

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.events.sla import ClocksChanged
from shared.events.workorders import Escalated
from shared.kernel.aggregate import Event
from shared.messaging.contract import catalogue
from shared.persistence.codec import read, written
from shared.testing.samples import sample


@pytest.mark.parametrize("full", [True, False], ids=["full", "least"])
@pytest.mark.parametrize("kind", catalogue().values(), ids=catalogue())
def test_an_event_is_what_its_text_says(kind: type[Event], full: bool) -> None:
    event = sample(kind, full=full)
    assert read(written(event), kind) == event
    assert written(read(written(event), kind)) == written(event), "however often it is written"


def test_times_come_back_aware_and_in_utc() -> None:
    event = sample(ClocksChanged, full=True)
    times = list(times_in(read(written(event), type(event))))
    assert times
    assert {time.tzinfo for time in times} == {UTC}


def times_in(value: Any) -> Any:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from times_in(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from times_in(getattr(value, field.name))


def test_a_field_that_is_not_known_is_passed_over() -> None:
    assert read('{"level":2,"of_a_later_version":[1]}', Escalated) == Escalated(level=2)


@pytest.mark.parametrize("text", ["", "{", '{"level":"two"}', {"level": 2}])
def test_a_text_that_is_none_is_a_value_error(text: Any) -> None:
    with pytest.raises(ValueError):
        read(text, Escalated)
