"""Reports (报表) over HTTP: which there are, and their figures as JSON or as CSV."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.workflow.attainment import BESIDE, CAUSES, Question, Tallies, TooManyGroups, figures, tally
from services.workflow.report_schemas import AttainmentQuery, too_many_groups
from services.workflow.report_texts import METHOD, PARAMETERS, TITLE, labels, say
from shared.kernel.aggregate import Actor
from shared.persistence.driver import DriverError
from shared.runtime.context import Context
from shared.runtime.http.answers import page, respond
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.openapi import answers
from shared.runtime.http.problems import ProblemError, invalid, preferred_language

READERS = ("leader", "supervisor", "reviewer", "admin", "auditor")
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
ATTAINMENT = "attainment"
UNKNOWN_ZONE = 40485  # the server has a zone database of its own


def routes(context: Context) -> APIRouter:
    router = APIRouter(prefix="/v1/reports")

    @router.get("")
    async def list_reports(_caller: Reader, request: Request) -> Response:
        return respond(page([_described(_language(request))], None), headers=HEADERS)

    @router.get(f"/{ATTAINMENT}", responses=answers("application/json", "text/csv"))
    async def attainment(caller: Reader, request: Request, query: Annotated[AttainmentQuery, Query()]) -> Response:
        now = context.clock.now()
        question = query.question(caller, now)
        report = await _report(context, question, now)
        if (query.format or _preferred(request)) == "csv":
            return Response(_csv(question, report), 200, HEADERS, "text/csv")
        language = query.language or _language(request)
        beside = {"filters": query.filters(), "method": say(METHOD, language), "labels": labels(language)}
        return respond({**report, **beside}, headers=HEADERS)

    @router.get("/{name}")
    async def no_report(name: str, _caller: Caller) -> Response:
        raise ProblemError("not_found", f"there is no report {name[:50]}")

    return router


async def _reader(caller: Caller) -> Actor:
    require_role(caller, *READERS)
    return caller


Reader = Annotated[Actor, Depends(_reader)]


def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", ""))


def _preferred(request: Request) -> str:
    return "csv" if request.headers.get("accept", "").lower().startswith("text/csv") else "json"


def _described(language: str) -> Mapping[str, Any]:
    return {
        "name": ATTAINMENT,
        "title": {"zh": TITLE[0], "en": TITLE[1]},
        "method": say(METHOD, language),
        "parameters": [{"name": name, "description": say(text, language)} for name, text in PARAMETERS.items()],
    }


async def _report(context: Context, question: Question, now: datetime) -> dict[str, Any]:
    try:
        groups = await tally(context, question, now)
    except TooManyGroups:
        raise too_many_groups() from None
    except DriverError as error:
        if getattr(error, "code", None) == UNKNOWN_ZONE:
            raise invalid("/zone", "is not known to the database") from None
        raise
    whole: Tallies = Counter()
    for tallies in groups.values():
        whole.update(tallies)
    ordered = sorted(groups.items(), key=lambda each: [(value is not None, str(value)) for value in each[0]])
    items = [
        {"group": dict(zip(question.group_by, group, strict=True)), **figures(tallies)} for group, tallies in ordered
    ]
    return {
        "name": ATTAINMENT,
        "as_of": now,
        "from": question.since.astimezone(UTC),
        "to": question.until.astimezone(UTC),
        "zone": question.zone,
        "group_by": question.group_by,
        "total": figures(whole),
        **page(items, None),
    }


def _csv(question: Question, report: Mapping[str, Any]) -> str:
    """A line per group and one for the whole; the names of the columns are the same in every language."""
    reasons = list(report["total"]["pauses"])
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*question.group_by, *COLUMNS, *(f"paused_seconds_{reason}" for reason in reasons)])
    for item in report["items"]:
        writer.writerow([*map(_inert, item["group"].values()), *_cells(item, reasons)])
    total = ["total", *[""] * (len(question.group_by) - 1)]
    writer.writerow([*total, *_cells(report["total"], reasons)])
    return out.getvalue()


COLUMNS = (
    *("met", "missed", "denominator", "attainment", "overdue", "corrected", "clocks"),
    *(f"missed_{cause}" for cause in CAUSES),
    *BESIDE,
    *("breached_left_out", "paused_seconds"),
)


def _cells(item: Mapping[str, Any], reasons: list[str]) -> Iterator[Any]:
    met = item["attainment"]
    yield from (met["numerator"], item["missed"]["numerator"], met["denominator"], met["ratio"])
    yield from (item["overdue"]["numerator"], item["corrected"]["numerator"], item["clocks"])
    yield from (item["causes"][cause]["numerator"] for cause in CAUSES)
    yield from (item["beside"][name]["numerator"] for name in BESIDE)
    seconds = {reason: figure["numerator"] for reason, figure in item["pauses"].items()}
    yield from (item["breached_left_out"]["numerator"], sum(seconds.values()))
    yield from (seconds.get(reason, 0) for reason in reasons)


def _inert(value: Any) -> Any:
    """Categories come from outside, and a spreadsheet would run what begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
