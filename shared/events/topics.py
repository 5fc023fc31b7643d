"""Every topic, declared once: created by a command, never by accident."""

from dataclasses import dataclass

DAY_MS = 24 * 60 * 60 * 1000
SERVICES = ("intake", "workflow", "escalation", "notifier")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic by its short name (without prefix).

    `retention_ms` is None for compacted topics, which keep the newest record of each key for ever.
    """

    name: str
    retention_ms: int | None
    partitions: int | None = None  # None: the installation's default

    @property
    def compacted(self) -> bool:
        return self.retention_ms is None


QUIET = 3  # partitions of topics with few records: each one more is carried by every fetch of every service

INBOXES = (
    *(Topic(name, 7 * DAY_MS) for name in ("complaints.inbox", "workorders.inbox")),
    Topic("republish.inbox", 7 * DAY_MS, QUIET),
)
OUT = (
    *(
        Topic(name, 14 * DAY_MS)
        for name in ("complaints", "workorders", "workorders.replies", "sla", "notifications")
    ),
    Topic("rules", 14 * DAY_MS, QUIET),
)
COMPACTED = (Topic("customers.inbox", None), Topic("directory", None, QUIET), Topic("customer.keys", None))
DEAD_LETTERS = tuple(Topic(f"{service}.dead-letters", 14 * DAY_MS, partitions=1) for service in SERVICES)
TOPICS = {topic.name: topic for topic in (*INBOXES, *OUT, *COMPACTED, *DEAD_LETTERS)}
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
DEFAULT_PARTITIONS = 24


def dead_letters_of(service: str) -> str:
    return f"{service}.dead-letters"
