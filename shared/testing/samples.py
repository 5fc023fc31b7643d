"""Events filled with plausible values by their types alone, for suites that must cover every event."""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
INSTANT = datetime(2026, 3, 2, 1, 30, 0, 250_000, tzinfo=UTC)
ANY_KEY = "any key"  # of a map, which is open by itself
_PLAIN: dict[Any, Any] = {str: "text 文", int: 3, bool: True, float: 0.5, datetime: INSTANT}


def sample(kind: type[T], *, full: bool) -> T:
    """An instance of a dataclass: with every field filled, or only with those that have no default."""
    hints = get_type_hints(kind, include_extras=True)
    return kind(
        **{
            field.name: _value(hints[field.name], field.name, full)
            for field in fields(kind)  # type: ignore[arg-type]  # T is a dataclass; the bound cannot be spelt
            if full or (field.default is MISSING and field.default_factory is MISSING)
        }
    )


def _value(hint: Any, name: str, full: bool) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _value(inner[0], name, full)
    if origin in (types.UnionType, Union):
        return _value(inner[0], name, full) if full or type(None) not in inner else None
    if origin is tuple:
        return (_value(inner[0], name, full),) if full else ()
    if origin is frozenset:
        return frozenset({_value(inner[0], name, full)})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {ANY_KEY: _value(inner[1], name, full)}
    if is_dataclass(hint) and isinstance(hint, type):
        return sample(hint, full=full)
    return f"{name} 1" if hint is str else _PLAIN[hint]
