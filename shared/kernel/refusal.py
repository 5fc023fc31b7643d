"""The two ways in which an aggregate declines a command: it refuses it, or it finds nothing to change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that the domain declines, as a value: answered with 4xx, a reply or a dead letter, never retried.

    `code` is stable, lower snake case and has an HTTP status and a text in zh and en.
    `pointer` is a JSON pointer to the argument at fault, if one is.
    `final` says that no later state can turn this refusal into an acceptance (a terminal status, a contradiction
    with what is recorded for ever); only then may a refused record leave no trace in the log. Any other refusal is
    recorded, also of what does not exist yet: it would be accepted by a process that slept, after the dead letter.
    """

    code: str
    detail: str = ""
    pointer: str | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The command holds already: nothing to record, and the caller is answered as if it had just been done."""


UNCHANGED = Unchanged()
