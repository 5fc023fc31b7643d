"""What can be wanted of a complaint."""

from dataclasses import dataclass

from services.intake.domain.submission import Submission
from shared.kernel.aggregate import Command, Event
from shared.kernel.personal import Personal


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the customer replica knows; it fills in what a source left out."""

    name: Personal | None = None
    phone: Personal | None = None
    email: Personal | None = None
    tier: str | None = None
    region: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive(Command):
    """受理. The source's number is the complaint's identity; `profile` is looked up right before the decision."""

    source: str
    external_id: str
    submission: Submission
    profile: Profile = Profile()


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Command):
    """撤诉: the complainant wants to; the work order decides. `by`: complainant, agent, regulator."""

    text: Personal | None = None
    by: str = "complainant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(Command):
    """The work order has moved, so the complaint says `event` (工单动态)."""

    event: Event
