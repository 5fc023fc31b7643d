"""A copy of a wide state in which a few fields differ, without going through the declarations of all the others."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["altered"]

if TYPE_CHECKING:
    from dataclasses import replace as altered  # to the type checker they are the same: it knows fields and types
else:

    def altered(state: Any, /, **changes: Any) -> Any:
        """As `dataclasses.replace`, for frozen dataclasses without `__post_init__`.

        It costs a third less for those with slots, and a fraction for those without, which take more memory and
        longer to be read: so that is for what is altered more often than it is looked at.
        Raises TypeError for a field that the state does not have.
        """
        kind = type(state)
        kept, values = _KEPT.get((kind, *changes)) or _kept(kind, changes)
        copy = object.__new__(kind)
        if kind.__dictoffset__:
            copy.__dict__.update(state.__dict__, **changes)
            return copy
        for name, value in zip(kept, values(state), strict=True):
            _set(copy, name, value)
        for name, value in changes.items():
            _set(copy, name, value)
        return copy


_set = object.__setattr__
_Kept = tuple[Sequence[str], Callable[[Any], Sequence[Any]]]
_KEPT: dict[tuple[type | str, ...], _Kept] = {}  # an entry for each way in which code alters a class


def _kept(kind: type[Any], changes: Mapping[str, Any]) -> _Kept:
    """The fields that stay as they are, and what takes them all at once."""
    if not changes.keys() <= kind.__dataclass_fields__.keys():
        raise TypeError(f"{kind.__name__} has no {changes.keys() - kind.__dataclass_fields__.keys()}")
    kept = tuple(name for name in kind.__dataclass_fields__ if name not in changes)
    # With fewer than two names attrgetter would not give a tuple.
    values = attrgetter(*kept) if len(kept) > 1 else lambda state: tuple(getattr(state, name) for name in kept)
    _KEPT[(kind, *changes)] = kept, values
    return kept, values
