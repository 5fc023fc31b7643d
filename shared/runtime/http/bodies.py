"""Request bodies: read within a limit, checked like records from Kafka, read once however many ask for them."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from shared.messaging.body import MAX_BODY_BYTES, read_json
from shared.messaging.records import Rejected
from shared.runtime.http.problems import ProblemError

DRAINED_BYTES = 8 * 1024 * 1024
"""How much of a body that is too large we read away: a client that still writes would not see the answer."""


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The raw body. Raises ProblemError too_large, whether the length was declared or not."""
    known: bytes | None = getattr(request.state, "raw_body", None)
    if known is None:
        known = request.state.raw_body = await _read(request, limit)
    return known


async def read_json_body(request: Request) -> Any:
    """The body as JSON; None for no body. Raises ProblemError too_large, unsupported_media_type, malformed."""
    if hasattr(request.state, "json_body"):
        return request.state.json_body
    raw = await read_body(request)
    value = _checked(request, raw) if raw else None
    request.state.json_body = value
    return value


def is_json(request: Request) -> bool:
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    suitable = media_type.strip() == "application/json" or media_type.strip().endswith("+json")
    return suitable and ("charset=" not in charset or "charset=utf-8" in charset)


async def _required(request: Request) -> Any:
    if not await read_body(request):
        raise ProblemError("malformed", "a JSON body is required")
    return await read_json_body(request)


async def _optional(request: Request) -> Any:
    body = await read_json_body(request)
    return {} if body is None else body


JsonBody = Annotated[Any, Depends(_required)]
"""The body, any JSON value; for the route to fit to a model by `problems.parse` once the subject is found."""

OptionalJsonBody = Annotated[Any, Depends(_optional)]
"""The same where everything in the body is optional: no body means {}."""


async def _read(request: Request, limit: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= limit:
            parts.append(part)
        elif size > DRAINED_BYTES:
            break
    if size > limit:
        raise ProblemError("too_large", f"at most {limit} bytes are accepted")
    return b"".join(parts)


def _checked(request: Request, raw: bytes) -> Any:
    if not is_json(request):
        raise ProblemError("unsupported_media_type", "the content type must be application/json in UTF-8")
    value = read_json(raw)
    if isinstance(value, Rejected):
        raise ProblemError("malformed", f"{value.reason}: {value.detail}")
    return value
