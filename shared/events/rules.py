"""What escalation says on the topic rules: policies 时限策略 and calendars 工作日历 as they are published."""

from dataclasses import dataclass
from datetime import datetime

from shared.events.catalogue import event
from shared.kernel.aggregate import Event


@event("rule.drafted")
@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDrafted(Event):
    """草稿: what the next version may become. `document` is JSON text, `by` the actor as `kind:id`."""

    kind: str  # policy or calendar
    id: str
    document: str
    by: str


@event("rule.discarded")
@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDiscarded(Event):
    """The draft was given up."""

    kind: str
    id: str
    by: str


@event("rule.published")
@dataclass(frozen=True, slots=True, kw_only=True)
class RulePublished(Event):
    """发布: a version, whole and for ever; clocks that start from `effective_at` on may be given by it."""

    kind: str
    id: str
    version: int
    effective_at: datetime
    document: str
    by: str
