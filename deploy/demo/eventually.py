"""Waiting until something is seen, and telling what was seen instead when it is not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE_SECONDS = 120.0
"""As long as it takes until a mail whose sender was killed is sent again (a claim, and the wait after it)."""
LOOK_EVERY_SECONDS = 0.04


class NotSeen(Exception):
    """An expected effect did not come; the text says what was expected and what was there."""


async def eventually(expected: str, look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
    """What `look` answers as soon as it `holds`. Raises NotSeen."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while not holds(seen := await look()):
        if loop.time() > deadline:
            raise NotSeen(f"expected {expected} within {PATIENCE_SECONDS:.0f} s, but saw {_short(seen)}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return seen


def _short(seen: Any) -> str:
    text = json.dumps(seen, ensure_ascii=False, default=str)
    return text if len(text) <= 600 else text[:600] + "…"
