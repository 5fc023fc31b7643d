"""The reference data that a decision on a notice may use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from services.notifier.domain.commands import Value
from services.notifier.domain.directory import Directory
from services.notifier.domain.policies import RetryPolicy


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str


class Templates(Protocol):
    """The installation's texts. Rendering depends on nothing but its arguments."""

    def version(self, name: str) -> int:
        """The version of the template's texts in all languages."""
        ...

    def render(self, name: str, language: str, values: Mapping[str, Value]) -> Text:
        """`language` is zh or en."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`channels` are those that this installation can use for people, besides the in-app inbox."""

    templates: Templates
    directory: Directory = field(default_factory=Directory)
    channels: frozenset[str] = frozenset()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
