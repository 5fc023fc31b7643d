"""What a request says beside its content: cause, version it was made for, place in a list."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from fastapi import Depends, Query
from starlette.requests import Request

from shared.kernel.aggregate import Cause, Snapshot
from shared.kernel.history import document_version, forgets_causes
from shared.runtime.http.auth import Caller
from shared.runtime.http.bodies import is_json, read_body, read_json_body
from shared.runtime.http.problems import ProblemError

MATCHES_NOTHING = -1
"""The version meant by an entity tag that we never gave out."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_COMMAND_ID = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_VERSION = re.compile(r"[1-9][0-9]{0,17}")
_encode = msgspec.json.Encoder(order="deterministic").encode


async def _request_cause(request: Request, caller: Caller) -> Cause:
    """A key belongs to caller, method and path; without one every request is a cause of its own."""
    source = f"http:{caller.id}"
    key = await _key(request)
    if key is None:
        return Cause(source=source, id=uuid4().hex)
    return Cause(source=source, id=f"{request.method} {request.url.path} {key}", digest=await _digest(request))


RequestCause = Annotated[Cause, Depends(_request_cause)]
"""The cause of a command: from `Idempotency-Key`, else `command_id` in the body, else unique."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """What `If-Match` and `If-None-Match` ask. `expected` None: any version, or not asked."""

    given: bool = False
    expected: int | None = None
    create_only: bool = False

    def check(self, version: int | None, *, required: bool = False) -> None:
        """For resources that are replaced as a whole; `version` None: there is none yet.

        Raises ProblemError stale_version, or precondition_required when one is `required` to replace.
        """
        if version is None:
            if self.given:
                raise ProblemError("stale_version")
        elif self.create_only or (self.expected is not None and self.expected != version):
            raise ProblemError("stale_version")
        elif required and not self.given:
            raise ProblemError("precondition_required")


async def _precondition(request: Request) -> Precondition:
    if_match, if_none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    if if_none_match is not None and if_none_match.strip() != "*":
        raise ProblemError("malformed", "If-None-Match can only be *")
    return Precondition(
        given=if_match is not None,
        expected=None if if_match is None else _version(if_match.strip()),
        create_only=if_none_match is not None,
    )


Conditions = Annotated[Precondition, Depends(_precondition)]


async def _expected_version(request: Request, conditions: Conditions) -> int | None:
    if conditions.given:
        return conditions.expected
    claimed = await _from_body(request, "expected_version")
    whole = type(claimed) is int or (type(claimed) is float and claimed.is_integer())
    return int(claimed) if whole else None


ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version that the caller saw, from `If-Match`, else `expected_version` in the body; None if any will do."""


def refuse_stale(snapshot: Snapshot[Any], cause: Cause, expected: int | None) -> None:
    """Raises ProblemError stale_version before the body is judged; a replay passes, for it is not stale."""
    if expected is None or expected == snapshot.version:
        return
    if document_version(snapshot, cause) is None and not forgets_causes(snapshot):
        raise ProblemError("stale_version")


async def _limit(limit: Annotated[int, Query(ge=1, le=200)] = 50) -> int:
    return limit


Limit = Annotated[int, Depends(_limit)]
"""How many items of a list are wanted, 1 to 200."""


def encode_cursor(values: Sequence[str | int | bool | datetime | None]) -> str:
    """The place after an item, by its sort values; opaque to callers."""
    tagged = [{"t": value} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(_encode(tagged)).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[Any, ...]:
    """The values given to `encode_cursor`. Raises ProblemError request_invalid when it did not make this one."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        tagged = msgspec.json.decode(raw, type=list[dict[str, datetime] | str | int | bool | None])
        return tuple(value["t"] if isinstance(value, dict) else value for value in tagged)
    except (ValueError, KeyError, msgspec.MsgspecError):
        fault = {"pointer": "/cursor", "detail": "this is not a next_cursor of ours"}
        raise ProblemError("request_invalid", errors=[fault]) from None


async def _cursor(cursor: Annotated[str | None, Query(max_length=2000)] = None) -> tuple[Any, ...] | None:
    return None if cursor is None else decode_cursor(cursor)


Cursor = Annotated[tuple[Any, ...] | None, Depends(_cursor)]
"""The place after which a list goes on, as the values given to `encode_cursor`; None: from the start."""


async def _key(request: Request) -> str | None:
    header = request.headers.get("idempotency-key")
    if header is not None:
        if not _KEY.fullmatch(header):
            raise ProblemError("malformed", "Idempotency-Key must be 1 to 255 visible characters")
        return header
    claimed = await _from_body(request, "command_id")
    return claimed if isinstance(claimed, str) and _COMMAND_ID.fullmatch(claimed) else None


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    told = {"name": name, "in": "header", "required": False, "description": description}
    return {**told, "schema": {"type": "string", **schema}}


_IF_MATCH = _header(
    "If-Match",
    "The version it is meant for, as the ETag told it.",
    pattern=r'^(\*|"[1-9][0-9]{0,17}")$',
    examples=['"7"'],
)
HEADERS_READ: dict[Any, tuple[dict[str, Any], ...]] = {
    _request_cause: (
        _header(
            "Idempotency-Key", "The same key with the same body answers the same again.", pattern=f"^{_KEY.pattern}$"
        ),
    ),
    _precondition: (_IF_MATCH, _header("If-None-Match", "Only if there is none yet.", enum=["*"])),
    _expected_version: (_IF_MATCH,),
}
"""For the documentation: what each dependency reads from the headers."""


async def _from_body(request: Request, name: str) -> Any:
    """A field of a JSON body; what is wrong with the field itself is for the route's model to say."""
    if not is_json(request):
        return None
    body = await read_json_body(request)
    return body.get(name) if isinstance(body, dict) else None


async def _digest(request: Request) -> str:
    """SHA-256 of the body, the same for the same JSON however it is spaced and ordered."""
    raw = _encode(await read_json_body(request)) if is_json(request) else await read_body(request)
    return hashlib.sha256(raw).hexdigest()


def _version(if_match: str) -> int | None:
    if if_match == "*":
        return None
    tag = _TAG.fullmatch(if_match)
    if tag is None:
        raise ProblemError("malformed", 'If-Match must be one entity tag, such as "7", or *')
    weak, text = tag.groups()
    return int(text) if not weak and _VERSION.fullmatch(text) else MATCHES_NOTHING
