"""A year of a calendar over HTTP: is it complete, and its import from CSV, iCalendar or the holiday library."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from services.escalation.calendar_days import Days, with_year
from services.escalation.calendar_import import days_of_csv, days_of_ics
from services.escalation.calendar_years import year_of
from services.escalation.domain.policies import CalendarVersion
from services.escalation.domain.rules import RULES, SaveDraft, next_version, rule_id
from services.escalation.holiday_library import library_days
from services.escalation.policy_files import Fault, InvalidPolicies, Written, checked
from services.escalation.rule_bodies import MOST_BYTES, media_type, refused
from services.escalation.rule_queries import draft_of, rule_of, value_of
from services.escalation.rules_api import Name, check, renderer
from shared.kernel.clock import to_milliseconds
from shared.runtime.context import Context
from shared.runtime.http.answers import answer, respond
from shared.runtime.http.auth import Caller, require_role
from shared.runtime.http.bodies import read_body
from shared.runtime.http.problems import ProblemError
from shared.runtime.http.requests import Conditions, RequestCause

Year = Annotated[int, Path(ge=1970, le=2200)]
YearAsked = Annotated[int, Query(alias="year", ge=1970, le=2200)]
READERS = {"text/csv": days_of_csv, "text/calendar": days_of_ics}
IMPORT_BODY: dict[str, Any] = {
    "requestBody": {
        "description": "Left out, the year is taken from the holiday library.",
        "required": False,
        "content": {kind: {"schema": {"type": "string"}} for kind in READERS},
    }
}


def routes(context: Context) -> APIRouter:
    router = APIRouter(prefix="/v1/calendars")
    router.include_router(_reading(context))
    router.include_router(_importing(context))
    return router


def _reading(context: Context) -> APIRouter:
    router = APIRouter()

    @router.get("/{rule_id:segment}/years/{year}")
    async def show_year(name: Name, year: Year, _: Caller, draft: bool = False) -> Response:
        rule: Any = (await rule_of(context, "calendar", name)).state
        facts = context.facts()
        version = None
        if draft and rule.draft is not None:
            version = value_of(draft_of(rule))
        elif not draft and any(ref.id == name for ref in facts.reference.calendars):
            version = facts.reference.calendar_at(name, facts.now)
        if not isinstance(version, CalendarVersion):
            raise ProblemError("not_found")
        return respond(year_of(version, year, facts.now))

    return router


def _importing(context: Context) -> APIRouter:
    router = APIRouter()

    @router.post("/{rule_id:segment}:import", openapi_extra=IMPORT_BODY)
    async def import_year(
        name: Name, year: YearAsked, request: Request, caller: Caller, cause: RequestCause, conditions: Conditions
    ) -> Response:
        """Into the draft, or as a draft of the next version."""
        days_of = await _reader(request)
        found = await rule_of(context, "calendar", name)
        require_role(caller, "admin")
        check(found, cause, conditions)
        written = _imported(found.state, year, days_of(year))
        command = SaveDraft(
            actor=caller,
            kind="calendar",
            id=name,
            document=written.text,
            expected_version=found.version if conditions.expected is None else conditions.expected,
        )
        result = await context.execute(RULES["calendar"], rule_id("calendar", name), command, cause)
        return answer(result, renderer(context))

    def _imported(rule: Any, year: int, days: Days) -> Written:
        base = json.loads(rule.draft.document if rule.draft is not None else rule.newest.document)
        now = to_milliseconds(context.clock.now()).isoformat()
        base |= {"version": next_version(rule), "effective_from": now}
        try:
            return checked(with_year(base, year, days))
        except InvalidPolicies as error:
            raise refused(*error.faults) from None

    return router


async def _reader(request: Request) -> Any:
    """What makes the days of a year of the body. Raises ProblemError."""
    raw = await read_body(request)
    if len(raw) > MOST_BYTES:
        raise ProblemError("too_large", f"at most {MOST_BYTES} bytes are accepted")
    if raw and media_type(request) not in READERS:
        raise ProblemError("unsupported_media_type", " or ".join(READERS))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ProblemError("malformed", f"byte {error.start} is no UTF-8") from None

    def days_of(year: int) -> Days:
        try:
            return READERS[media_type(request)](text, year) if raw else library_days(year)
        except InvalidPolicies as error:
            faults = (Fault(_place(fault) + fault.what, (), fault.line) for fault in error.faults)
            raise refused(*faults) from None

    return days_of


def _place(fault: Fault) -> str:
    """The column stands in the text: a pointer cannot point into CSV."""
    return "".join(f"{step}: " for step in fault.path[:1])
