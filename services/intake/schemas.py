"""What callers and other systems may say to intake, checked to the last field; unknown fields are ignored."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from services.intake.domain.submission import MAX_PATH, PATH, Submission, SubmittedCustomer
from shared.events.complaints import Attachment
from shared.events.parts import ComplaintObject, RegulatorCase
from shared.kernel.clock import to_milliseconds
from shared.runtime.http.values import WHOLE

Tier = Literal["platinum", "gold", "silver", "standard"]
Channel = Literal["phone", "web", "app", "email", "im", "counter", "regulator", "media", "internal"]
SPOKEN = frozenset({"phone", "counter"})  # the agent tells number and promised time while talking
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NUMBER_LENGTH = 64
PRINTABLE = r"^[^\x00-\x1f\x7f]+$"
_Zoned = Annotated[datetime, msgspec.Meta(tz=True)]


def _instant(value: object) -> datetime:
    """RFC 3339 with an offset, nothing else; as UTC in milliseconds."""
    if not isinstance(value, str) or len(value) > 64:
        raise ValueError("must be a time in RFC 3339 with an offset")
    try:
        instant = to_milliseconds(msgspec.convert(value, _Zoned))
    except (msgspec.ValidationError, OverflowError):
        raise ValueError("must be a time in RFC 3339 with an offset") from None
    if not EARLIEST <= instant < LATEST:
        raise ValueError("is no plausible time")
    return instant


_Written = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Instant = Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=_Written)]
Id = Annotated[str, Field(min_length=1, max_length=NUMBER_LENGTH, pattern=PRINTABLE)]
Path = Annotated[str, Field(max_length=MAX_PATH, pattern=PATH)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Phone = Annotated[str, Field(min_length=1, max_length=40)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x7f-\x9f]+@[^@\s\x7f-\x9f]+$")]
Language = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Text = Annotated[str, Field(max_length=20_000)]


REGULATORS_HAVE_A_CASE: dict[str, Any] = {
    "if": {"properties": {"channel": {"const": "regulator"}}},
    "then": {"required": ["regulator_case"], "properties": {"regulator_case": {"type": "object"}}},
}


class Model(BaseModel):
    model_config = ConfigDict(strict=True)


class CustomerIn(Model):
    id: Id
    name: Name | None = None
    phone: Phone | None = None
    email: Email | None = None
    tier: Tier | None = None
    region: Path | None = None


class ObjectIn(Model):
    kind: Id
    id: Annotated[str, Field(min_length=1, max_length=128, pattern=PRINTABLE)]


class RegulatorCaseIn(Model):
    number: Id
    body: Name
    received_at: Instant


class AttachmentIn(Model):
    name: Annotated[str, Field(min_length=1, max_length=255)]
    uri: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\s\x00-\x1f\x7f-\x9f]+$")]
    media_type: Annotated[str, Field(max_length=127, pattern=r"^[\w.+-]+/[\w.+-]+$")]
    size: Annotated[int, Field(ge=0, le=2**53), WHOLE]


class SubmissionIn(Model):
    """complaint.submitted over HTTP; the number may come from the Idempotency-Key."""

    model_config = ConfigDict(json_schema_extra=REGULATORS_HAVE_A_CASE)

    external_id: Id | None = None
    channel: Channel
    customer: CustomerIn
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(min_length=1, max_length=20_000)]
    category: Path | None = None
    remedy_sought: Literal[
        "refund", "repair", "replace", "compensation", "apology", "information", "other", "unknown"
    ] = "unknown"
    object: ObjectIn | None = None
    severity_flags: Annotated[list[Literal["safety", "media", "regulator", "group"]], Field(max_length=16)] = []
    regulator_case: Annotated[RegulatorCaseIn | None, Field(validate_default=True)] = None
    received_at: Instant
    acknowledged: bool | None = None
    promised_reply_at: Instant | None = None
    attachments: Annotated[list[AttachmentIn], Field(max_length=20)] = []
    language: Language | None = None

    @field_validator("regulator_case")
    @classmethod
    def _regulators_have_a_case(
        cls, case: RegulatorCaseIn | None, validation: ValidationInfo
    ) -> RegulatorCaseIn | None:
        if case is None and validation.data.get("channel") == "regulator":
            raise ValueError("is required when channel is regulator")
        return case

    def submission(self) -> Submission:
        case, about = self.regulator_case, self.object
        return Submission(
            channel=self.channel,
            customer=SubmittedCustomer(**self.customer.model_dump()),
            subject=self.subject,
            description=self.description,
            category=self.category,
            remedy_sought=self.remedy_sought,
            object=ComplaintObject(about.kind, about.id) if about else None,
            severity_flags=tuple(sorted(set(self.severity_flags))),
            regulator_case=RegulatorCase(case.number, case.body, case.received_at) if case else None,
            received_at=self.received_at,
            acknowledged=self.channel in SPOKEN if self.acknowledged is None else self.acknowledged,
            promised_reply_at=self.promised_reply_at,
            attachments=tuple(Attachment(**attachment.model_dump()) for attachment in self.attachments),
            language=self.language,
        )


class SubmissionRecord(SubmissionIn):
    """complaint.submitted as a record."""

    external_id: Id


class WithdrawalIn(Model):
    """撤诉."""

    text: Text | None = None
    by: Literal["complainant", "agent", "regulator"] = "complainant"


class WithdrawalRecord(WithdrawalIn):
    """complaint.withdrawn; the complaint by the source's number or by ours."""

    external_id: Id | None = None
    complaint_id: Annotated[str | None, Field(pattern=r"^cmp_[0-9a-f]{32}$")] = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.external_id is None and self.complaint_id is None:
            raise ValueError("external_id or complaint_id is required")
        return self


class ProfileIn(Model):
    """customer.profile_changed over HTTP; the id is in the path and may be repeated."""

    id: Id | None = None
    name: Name
    phone: Phone
    email: Email | None = None
    tier: Tier
    region: Path
    language: Language
    do_not_disturb: bool = False


class ProfileRecord(ProfileIn):
    """customer.profile_changed as a record."""

    id: Id
