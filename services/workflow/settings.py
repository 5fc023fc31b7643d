"""What workflow can be told from outside: the shared settings and CLOSEDLOOP_WORKFLOW__*."""

from typing import cast

from pydantic import BaseModel, Field

from shared.runtime import settings
from shared.runtime.context import Context


class WorkflowSettings(BaseModel):
    """The stream of events for consoles."""

    streams: int = Field(default=50, ge=0, le=1_000, description="Open event streams that one process serves.")
    stream_seconds: int = Field(
        default=900, ge=1, le=86_400, description="After so long a stream ends and its client comes back."
    )


class Settings(settings.Settings):
    http_port: int = Field(default=8102, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    workflow: WorkflowSettings = Field(default_factory=WorkflowSettings, description="Workflow's own settings.")


def workflow_settings(context: Context) -> WorkflowSettings:
    return cast(Settings, context.settings).workflow
