"""What intake can be told from outside, beside the settings that all services share."""

from pydantic import BaseModel, Field

from services.intake.domain.reference import DEFAULT_CATEGORY
from services.intake.domain.submission import MAX_PATH, PATH
from shared.runtime import settings


class IntakeSettings(BaseModel):
    """How complaints come in."""

    open_sources: bool | None = Field(
        default=None,
        description="Whether sources that are not registered may submit complaints. "
        "Unset: yes in embedded mode, no in external mode.",
    )
    default_category: str = Field(
        default=DEFAULT_CATEGORY,
        pattern=PATH,
        max_length=MAX_PATH,
        description="Category of complaints whose source gives none.",
    )


class Settings(settings.Settings):
    """The settings of intake."""

    http_port: int = Field(default=8101, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    intake: IntakeSettings = Field(default_factory=IntakeSettings, description="How complaints come in.")

    @property
    def open_sources(self) -> bool:
        given = self.intake.open_sources
        return self.mode == "embedded" if given is None else given
