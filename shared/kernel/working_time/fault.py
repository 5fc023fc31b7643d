"""The one exception of the SLA arithmetic."""

from __future__ import annotations

from typing import Literal

FaultCode = Literal["request_invalid", "calendar_invalid", "calendar_not_covered"]


class SlaError(Exception):
    """A question that has no answer, with the reason as a code and the particulars as text."""

    def __init__(self, code: FaultCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
