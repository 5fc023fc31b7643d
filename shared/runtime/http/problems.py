"""Errors as people and programs read them: RFC 9457 problem+json with a stable code."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from shared.kernel.refusal import Refusal
from shared.persistence.driver import DriverUnreachable
from shared.runtime.context import Unavailable
from shared.runtime.refusals import text_of
from shared.runtime.tracing import current_trace, trace_id

M = TypeVar("M", bound=BaseModel)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

_BY_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "unavailable",
}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": str(RETRY_AFTER_SECONDS)},
    503: {"Retry-After": str(RETRY_AFTER_SECONDS)},
}


class ProblemError(Exception):
    """Ends a request with a problem; status and texts come from the table of refusals.

    `errors` are {pointer, detail}: a JSON pointer into the body, or `/name` of a parameter; they quote no values.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        status: int | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code, self.detail, self.errors = code, detail, tuple(errors)
        self.status = status or text_of(code).status
        self.headers = {**_HEADERS.get(self.status, {}), **(headers or {})}

    @classmethod
    def of(cls, refusal: Refusal) -> "ProblemError":
        text = refusal.detail or text_of(refusal.code).en
        errors = [{"pointer": refusal.pointer, "detail": text}] if refusal.pointer is not None else ()
        return cls(refusal.code, refusal.detail, errors=errors)


def parse(model: type[M], raw: Any) -> M:
    """`raw`, a JSON value, as `model`. Raises ProblemError request_invalid that points to each fault."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ProblemError("request_invalid", errors=_faults(error.errors(include_input=False))) from None


def invalid(pointer: str, detail: str) -> ProblemError:
    """A single fault that a model cannot find."""
    return ProblemError("request_invalid", errors=[{"pointer": pointer, "detail": detail}])


def problem_response(scope: Scope, error: ProblemError) -> Response:
    language = preferred_language(Headers(scope=scope).get("accept-language", ""))
    title = text_of(error.code).text(language)
    body: dict[str, Any] = {
        "type": f"urn:closedloop:problem:{error.code}",
        "title": title,
        "status": error.status,
        "detail": error.detail or title,
        "instance": scope["path"],
        "code": error.code,
        "errors": list(error.errors),
        "trace_id": trace_id(current_trace() or "-"),
    }
    headers = {"Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-store", **error.headers}
    return Response(json.dumps(body, ensure_ascii=False), error.status, headers, MEDIA_TYPE)


def preferred_language(accepted: str) -> str:
    """`zh` or `en`, whichever an Accept-Language header prefers; zh when it prefers neither."""
    weights = {"zh": 0.0, "en": 0.0}
    for choice in accepted.lower().split(","):
        tag, _, parameter = choice.strip().partition(";")
        name, weight = parameter.strip()[:2], parameter.strip()[2:]
        language = tag.strip().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(weight) if name == "q=" else 1.0)
    return "en" if weights["en"] > weights["zh"] else "zh"


def install(app: FastAPI) -> None:
    """Makes every error that a route or the framework raises a problem; bugs are left to the edge."""

    async def refused(request: Request, error: Exception) -> Response:
        problem = as_problem(error)
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers["Allow"] = ", ".join(_allowed(app, request.scope))
        return problem_response(request.scope, problem)

    for kind in (ProblemError, Unavailable, DriverUnreachable, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, refused)


def as_problem(error: Exception) -> ProblemError:
    """What to answer for `error`; anything unforeseen is `internal` and tells nothing more."""
    match error:
        case ProblemError():
            return error
        case Unavailable() | DriverUnreachable():
            return ProblemError("unavailable")
        case RequestValidationError():
            return ProblemError("request_invalid", errors=_faults(error.errors(), skip=1))
        case HTTPException():
            code = _BY_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "request_invalid")
            return ProblemError(code, HTTPStatus(error.status_code).phrase, error.status_code, headers=error.headers)
    return ProblemError("internal")


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Every method of the path; the framework names those of the first route that it finds there."""
    found = (route for route in iter_route_contexts(app.routes) if route.path_regex.match(scope["path"]))
    return sorted({method for route in found for method in route.methods or ()})


def _faults(errors: Sequence[Any], skip: int = 0) -> list[dict[str, str]]:
    """`skip` leaves out the leading place (body, query, path) that FastAPI puts before the name."""
    return [{"pointer": _pointer(error["loc"][skip:]), "detail": error["msg"]} for error in errors]


def _pointer(place: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
