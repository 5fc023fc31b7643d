"""What escalation can be told from outside: CLOSEDLOOP_ESCALATION__*."""

from pathlib import Path
from typing import Self, cast

from pydantic import BaseModel, Field, model_validator

from services.escalation.policy_files import InvalidPolicies, Written, read_folder
from shared.runtime import settings
from shared.runtime.context import Context

CHECKOUT = Path(__file__).parents[2]


class EscalationSettings(BaseModel):
    """Policies and calendars."""

    policies: Path = Field(
        default=Path("deploy/policies"),
        description="Folder of the YAML files with policies and calendars, read at the start; "
        "a relative one that is not there is looked for in the checkout.",
    )

    def written(self) -> tuple[Written, ...]:
        """The documents of the folder. Raises InvalidPolicies."""
        here = self.policies
        return read_folder(here if here.is_absolute() or here.is_dir() else CHECKOUT / here)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            self.written()
        except InvalidPolicies as error:
            raise ValueError(str(error)) from None
        return self


class Settings(settings.Settings):
    """The settings of escalation."""

    http_port: int = Field(default=8103, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    escalation: EscalationSettings = Field(default_factory=EscalationSettings, description="Policies and calendars.")


def escalation_settings(context: Context) -> EscalationSettings:
    return cast(Settings, context.settings).escalation
