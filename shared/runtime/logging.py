"""Structured logs: one JSON object a line on stderr, with the trace and without personal data."""

import json
import logging
import sys
import traceback
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

SPEAKING = (OSError, ImportError, AttributeError, NameError)
"""Exceptions whose message is about the machine or the code; any other may quote a customer and stays silent."""


def get_logger() -> Any:
    """A logger: `log.warning("event_name", key=value)`. Values must be ids, codes and numbers, never bodies."""
    return structlog.get_logger()


def configure(service: str, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Sends our logs and those of all libraries to `stream` (default stderr), each line naming `service`."""
    out = stream or sys.stderr

    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {"service": service, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
        exceptions_without_values,
    ]
    renderer = structlog.processors.JSONRenderer(serializer=_serialize)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _capture_libraries(shared, renderer, out, level)


def exceptions_without_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replaces `exc_info` by the type and the frames of the exception and of what caused it."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = list(_chain(error))
    return event


def _chain(error: BaseException | None) -> Any:
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        described: dict[str, Any] = {
            "type": type(error).__qualname__,
            "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
        }
        if isinstance(error, SPEAKING):
            described["message"] = str(error)
        yield described
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _capture_libraries(shared: list[Processor], renderer: Processor, out: TextIO, level: int) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))  # libraries talk about every connection
    logging.captureWarnings(True)


def _serialize(event: EventDict, **_: Any) -> str:
    return json.dumps(event, ensure_ascii=False, default=lambda value: f"<{type(value).__name__}>")
