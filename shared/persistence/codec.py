"""Between dataclasses and what MongoDB keeps. The one door for personal data on its way into log and projection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def stored(value: Any) -> Any:
    """`value` as plain data: mappings, lists, strings, numbers, datetimes."""
    return msgspec.to_builtins(value, builtin_types=(datetime,))


def restored(raw: Any, kind: type[T]) -> T:
    """The dataclass that `stored` made `raw` from; unknown fields are ignored. Raises ValueError."""
    return msgspec.convert(raw, kind)


def compact(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Without the fields that say nothing."""
    return {name: value for name, value in fields.items() if value is not None}
