"""Between dataclasses and what MongoDB keeps. The one door for personal data on its way into log and projection.

What no query looks into, events and states, is kept as JSON text: it costs half of what BSON does.
"""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_encode = msgspec.json.Encoder().encode
_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def stored(value: Any) -> Any:
    """`value` as plain data: mappings, lists, strings, numbers, datetimes."""
    return msgspec.to_builtins(value, builtin_types=(datetime,))


def restored(raw: Any, kind: type[T]) -> T:
    """The dataclass that `stored` made `raw` from; unknown fields are ignored. Raises ValueError."""
    return msgspec.convert(raw, kind)


def written(value: Any) -> str:
    """`value` as JSON. Raises ValueError for a lone surrogate, TypeError for what JSON has no form for."""
    return _encode(value).decode()


def read(text: str, kind: type[T]) -> T:
    """The dataclass that `written` made `text` from; unknown fields are ignored. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"{kind.__name__} is not kept as JSON: another version of this program wrote it")
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    found: T = _DECODERS[kind].decode(text)
    return found
