"""Every shortcut past plain data reads of our own records what the long way reads."""

from collections.abc import Iterator

import msgspec
import pytest

from shared.messaging.bindings import On
from shared.messaging.contract import catalogue, shown_fields
from shared.testing.samples import sample
from tests.bench.floor_held import SERVICES


def shortcuts() -> Iterator[tuple[str, On]]:
    for service in SERVICES.values():
        for binding in service.bindings:
            yield from ((kind, on) for kind, on in binding.on.items() if on is not None and on.directly is not None)


@pytest.mark.parametrize(("kind", "on"), [pytest.param(*shortcut, id=shortcut[0]) for shortcut in shortcuts()])
@pytest.mark.parametrize("full", [True, False], ids=["full", "required only"])
def test_both_ways_lead_to_the_same(kind: str, on: On, full: bool) -> None:
    event = sample(catalogue()[kind], full=full)
    raw = msgspec.json.encode({name: getattr(event, name) for name in shown_fields(type(event))})
    assert on.directly is not None
    assert on.directly(raw) == on.decode(msgspec.json.decode(raw))
