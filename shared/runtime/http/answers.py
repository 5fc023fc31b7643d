"""Answers: JSON in one style, the version as a strong entity tag, lists as pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from shared.kernel.aggregate import Snapshot
from shared.kernel.refusal import Refusal
from shared.runtime.context import Executed
from shared.runtime.http.problems import ProblemError

_encode = msgspec.json.Encoder().encode


def respond(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`document` as JSON: dataclasses as objects, times in RFC 3339 with Z."""
    return Response(_encode(document), status, headers, "application/json")


def answer(
    result: Executed | Refusal, render: Callable[[Snapshot[Any]], Mapping[str, Any]], status: int = 200
) -> Response:
    """The aggregate after the command, with its ETag. Raises ProblemError for a refusal."""
    if isinstance(result, Refusal):
        raise ProblemError.of(result)
    return show(result.snapshot, render, status)


def show(
    snapshot: Snapshot[Any], render: Callable[[Snapshot[Any]], Mapping[str, Any]], status: int = 200
) -> Response:
    """The aggregate as it is, with its ETag."""
    return respond(render(snapshot), status, {"ETag": etag(snapshot.version)})


def etag(version: int) -> str:
    return f'"{version}"'


def page(items: Sequence[Any], next_cursor: str | None) -> dict[str, Any]:
    return {"items": items, "next_cursor": next_cursor}
