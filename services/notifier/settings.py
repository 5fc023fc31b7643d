"""What the notifier can be told from outside: CLOSEDLOOP_NOTIFIER__*."""

from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, SecretStr, field_validator

from shared.runtime import settings
from shared.runtime.context import Context


class EmailSettings(BaseModel):
    """The mail server."""

    host: str | None = Field(
        default=None, description="SMTP server; unset: there is no e-mail, and agents have to call."
    )
    port: int = Field(default=25, ge=1, le=65535, description="Port of the SMTP server.")
    sender: str = Field(default="closedloop@localhost", description="Address that mails come from.")
    starttls: bool = Field(default=False, description="Insists on STARTTLS.")
    username: str | None = Field(default=None, description="User at the SMTP server; unset: no login.")
    password: SecretStr | None = Field(default=None, description="Password of that user.")
    timeout_seconds: float = Field(
        default=15.0, gt=0, le=60, description="Longest wait for one answer of the server."
    )


class WebhookSettings(BaseModel):
    """How webhooks are called."""

    allow_private: bool | None = Field(
        default=None,
        description="Lets webhooks go to http and to private or loopback addresses; unset: in embedded mode only.",
    )
    timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="Longest time for one call as a whole.")


class NotifierSettings(BaseModel):
    """Channels, texts and delivery."""

    email: EmailSettings = Field(default_factory=EmailSettings, description="The mail server.")
    webhook: WebhookSettings = Field(default_factory=WebhookSettings, description="How webhooks are called.")
    timezone: str = Field(default="Asia/Shanghai", description="Time zone of the times in texts.")
    concurrency: int = Field(default=16, ge=1, le=256, description="Deliveries that are sent at the same time.")
    lease_seconds: int = Field(
        default=120, ge=30, le=3600, description="After that long without an outcome a delivery counts as uncertain."
    )
    retry_seconds: list[int] = Field(
        default=[5, 30, 120, 600, 3600],
        max_length=20,
        description="Waits between attempts; one attempt more than waits.",
    )

    @field_validator("timezone")
    @classmethod
    def known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no time zone of the IANA database") from error
        return name


class Settings(settings.Settings):
    http_port: int = Field(default=8104, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    notifier: NotifierSettings = Field(default_factory=NotifierSettings, description="The notifier's own settings.")


def notifier_settings(context: Context) -> NotifierSettings:
    """The section of a running notifier, with what depends on the mode filled in."""
    whole = cast(Settings, context.settings)
    section = whole.notifier
    if section.webhook.allow_private is not None:
        return section
    webhook = section.webhook.model_copy(update={"allow_private": whole.mode == "embedded"})
    return section.model_copy(update={"webhook": webhook})
