"""What a source says when it submits a complaint (来件), before anything is filled in."""

import hashlib
import json
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from typing import Any

from shared.events.complaints import Attachment
from shared.events.parts import ComplaintObject, RegulatorCase
from shared.kernel.personal import Personal

PATH = r"^[^/\s*\x00-\x1f\x7f-\x9f]+(/[^/\s*\x00-\x1f\x7f-\x9f]+)*$"
"""Categories and regions: `a/b/c`, in any script."""
MAX_PATH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedCustomer:
    """The customer as the source knows them; only the id is sure to be there."""

    id: str
    name: Personal | None = None
    phone: Personal | None = None
    email: Personal | None = None
    tier: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Normal form: times in UTC milliseconds, flags sorted, `acknowledged` decided. None: the source did not say."""

    channel: str
    customer: SubmittedCustomer
    subject: Personal
    description: Personal
    category: str | None = None
    remedy_sought: str = "unknown"
    object: ComplaintObject | None = None
    severity_flags: tuple[str, ...] = ()
    regulator_case: RegulatorCase | None = None
    received_at: datetime
    acknowledged: bool
    promised_reply_at: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    language: str | None = None

    def digest(self) -> str:
        """Tells submissions of one number apart.

        What was not said does not count, so that a later version with more optional fields finds old ones the same.
        """
        text = json.dumps(_said(self), sort_keys=True, default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()


def _said(part: Any) -> dict[str, Any]:
    return {
        name: _said(value) if is_dataclass(value) else value
        for name in type(part).__dataclass_fields__
        if (value := getattr(part, name)) is not None and value != ()
    }


def _plain(value: Any) -> Any:
    """What JSON has no word for: instants, and attachments with all their fields."""
    return value.isoformat() if isinstance(value, datetime) else asdict(value)
