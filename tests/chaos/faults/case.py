"""What a fault is: where it happens, how it is brought about, and what is to come of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.faults.stages import SHARED, Scene, Stage

Inject = Callable[[Scene], Awaitable[str]]
"""Brings the fault about and heals it; answers what there is to remark, and fails when it did not happen."""


@dataclass(frozen=True)
class Fault:
    """One row of the table. `short`: tried in every run, not only in the long form.

    While it happens, `complaints` arrive at `rate` a second and are worked on, and `callers` bring one each by HTTP
    from beginning to end. `restarts`: how many services may have to be started again by the supervisor. `letters`:
    dead letters that it leaves, by service. `before_load`: it is over when the load begins.
    """

    id: str
    what: str
    how: str
    expected: str
    inject: Inject
    stage: Stage = SHARED
    short: bool = False
    complaints: int = 24
    rate: float = 8.0
    callers: int = 2
    restarts: int = 0
    before_load: bool = False
    letters: Mapping[str, int] = field(default_factory=dict)
