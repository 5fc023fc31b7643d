"""What stories of the toy services need around them."""

import gc
import io
import logging
from collections.abc import Iterator

import pytest

from shared.events.catalogue import wire_type
from shared.messaging.contract import catalogue
from shared.runtime.logging import configure
from tests.properties.kernel.chain import KNOWN


@pytest.fixture
def stories(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy services' types are known; their many warnings, and rubbish until it is asked for, cost no time."""
    for kind in KNOWN:
        monkeypatch.setitem(catalogue(), wire_type(kind), kind)
    configure("tests", io.StringIO(), logging.CRITICAL)
    gc.freeze()  # else each cleaning would look at everything that was imported
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()
    configure("tests")
