"""The register of event classes: their types on the wire, and how to find a class by its type."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from shared.kernel.aggregate import Event

NAMESPACE = "closedloop"
E = TypeVar("E", bound=type[Event])
CATALOGUE: dict[str, type[Event]] = {}


@dataclass(frozen=True, slots=True)
class WireType:
    """`closedloop.<name>.v<version>` taken apart."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"{NAMESPACE}.{self.name}.v{self.version}"

    @classmethod
    def parse(cls, text: str) -> "WireType | None":
        """None when `text` is no type of ours at all."""
        namespace, _, rest = text.partition(".")
        name, dot, version = rest.rpartition(".v")
        if namespace != NAMESPACE or not dot or not version.isascii() or not version.isdigit() or len(version) > 4:
            return None
        return cls(name, int(version))


def wire_type(kind: type[Event]) -> str:
    return str(WireType(kind.TYPE, kind.VERSION))


def event(name: str, version: int = 1) -> Callable[[E], E]:
    """Registers an event class under its words, for example `workorder.accepted`."""

    def register(kind: E) -> E:
        kind.TYPE, kind.VERSION = name, version
        if CATALOGUE.setdefault(wire_type(kind), kind) is not kind:
            raise ValueError(f"{wire_type(kind)} is registered twice")
        return kind

    return register


def by_type(kinds: Iterable[type[Event]]) -> dict[str, type[Event]]:
    return {wire_type(kind): kind for kind in kinds}
