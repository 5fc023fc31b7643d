"""Answers: JSON in one style, the version as a strong entity tag, lists as pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response

from shared.kernel.aggregate import Snapshot
from shared.kernel.refusal import Refusal
from shared.runtime.context import Executed
from shared.runtime.http.problems import ProblemError, invalid
from shared.runtime.http.requests import encode_cursor

T = TypeVar("T")
Place = tuple[str | int, ...]
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


def page_within(
    items: Sequence[T], limit: int, cursor: tuple[Any, ...] | None, place: Callable[[T], Place]
) -> dict[str, Any]:
    """A page of a short list that is at hand as a whole and sorted by `place`.

    Raises ProblemError request_invalid for the cursor of another list.
    """
    rest = list(items) if cursor is None else [item for item in items if _is_beyond(place(item), cursor)]
    more = len(rest) > limit
    return page(rest[:limit], encode_cursor(place(rest[limit - 1])) if more else None)


def _is_beyond(place: Place, cursor: tuple[Any, ...]) -> bool:
    if [type(part) for part in place] != [type(part) for part in cursor]:
        raise invalid("/cursor", "belongs to another list")
    return place > cursor
