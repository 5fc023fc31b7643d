"""Policies and calendars as request bodies: JSON or YAML, bounded, with every fault told by pointer and line."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from services.escalation.domain.rules import Rule, next_version
from services.escalation.ladder_schemas import Part
from services.escalation.policy_files import Fault, InvalidPolicies, Written, canonical, checked, yaml_of
from services.escalation.yaml_lines import Document
from shared.kernel.clock import to_milliseconds
from shared.runtime.http.bodies import is_json, read_body, read_json_body
from shared.runtime.http.problems import ProblemError
from shared.runtime.http.values import Instant

MOST_BYTES = 256 * 1024
YAML_TYPES = ("text/yaml", "application/yaml", "application/x-yaml")
DOCUMENT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "object"}} for kind in ("application/json", *YAML_TYPES)},
    }
}


class Publication(Part):
    """When the draft is to take effect; left out, as soon as it may be but not before its own `effective_from`."""

    effective_at: Instant | None = None


async def _raw(request: Request) -> Document | None:
    """None for no body. Raises ProblemError too_large, unsupported_media_type, malformed."""
    raw = await read_body(request)
    if len(raw) > MOST_BYTES:
        raise ProblemError("too_large", f"at most {MOST_BYTES} bytes are accepted")
    if not raw:
        return None
    if is_json(request):
        return Document(await read_json_body(request), {})
    if media_type(request) not in YAML_TYPES:
        raise ProblemError("unsupported_media_type", "application/json or text/yaml, in UTF-8")
    try:
        return yaml_of(raw.decode())
    except (InvalidPolicies, UnicodeDecodeError) as error:
        raise ProblemError("malformed", str(error)) from None


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").lower().partition(";")[0].strip()


async def _required(given: Annotated[Document | None, Depends(_raw)]) -> Document:
    if given is None:
        raise ProblemError("malformed", "a policy or calendar is required, in JSON or YAML")
    return given


OptionalDocument = Annotated[Document | None, Depends(_raw)]
RequiredDocument = Annotated[Document, Depends(_required)]


def draft_from(given: Document, kind: str, name: str, rule: Rule | None, now: Any) -> Written:
    """The body as the next version of this policy or calendar. Raises ProblemError request_invalid."""
    if not isinstance(given.value, dict):
        raise refused(Fault("a policy or calendar is an object"))
    due = {"kind": kind, "id": name, "version": next_version(rule)}
    for field, value in due.items():
        if field in given.value and given.value[field] != value:
            raise refused(Fault(f"must be {value}", (field,), _line(given, field)))
    whole = {"effective_from": to_milliseconds(now).isoformat(), **given.value, **due}
    try:
        return checked(whole, given if given.lines else None)
    except InvalidPolicies as error:
        raise refused(*error.faults) from None


def as_version(document: Any, version: int) -> str:
    """The JSON text of a draft as it is published."""
    return canonical({**document, "version": version})


def refused(*faults: Fault) -> ProblemError:
    errors = [
        {"pointer": fault.pointer, "detail": fault.what if fault.line is None else f"line {fault.line}: {fault.what}"}
        for fault in faults
    ]
    return ProblemError("request_invalid", errors=errors)


def _line(given: Document, field: str) -> int | None:
    return given.line_of((field,)) if given.lines else None
