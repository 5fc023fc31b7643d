"""A year gets into a calendar: from the holiday library, from CSV or iCalendar, and never more than is known."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from services.escalation.calendar_days import Day, with_year
from services.escalation.calendar_import import days_of_csv, days_of_ics
from services.escalation.calendar_years import year_of
from services.escalation.holiday_library import knows, library_days
from services.escalation.policy_files import InvalidPolicies
from shared.events.parts import VersionedRef
from tests.unit.escalation.memory_service import MemoryContext
from tests.unit.escalation.story import POLICIES, Story, instant, shipped_rules

HEADING = "date,kind,windows_or_weekday,name\n"
CSV = HEADING + (
    "2027-01-01,holiday,,元旦\n2027-01-02,makeup_workday,fri,\n"
    '2027-03-01,closure,,"stock, taking"\n2027-05-01,override,09:00-12:00 13:00-24:00,\n2027-05-02,override,,shut\n'
)
ICS = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20270206
DTEND;VALUE=DATE:20270209
SUMMARY:春节
  休
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20270214
SUMMARY:春节 补班
END:VEVENT
BEGIN:VEVENT
DTSTART:20270214T090000Z
SUMMARY:team meeting
END:VEVENT
END:VCALENDAR
"""


def shipped_calendar() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((POLICIES / "calendar-default.yaml").read_text())
    return found


@pytest.fixture
async def context(tmp_path: Path) -> MemoryContext:
    return await MemoryContext(Story(), tmp_path).seeded()


@pytest.mark.parametrize("year", [2025, 2026])
def test_the_shipped_calendar_is_what_the_library_says(year: int) -> None:
    version = shipped_rules().calendars[VersionedRef("default", 1)]
    checked = year_of(version, year, instant("2026-03-02T09:00:00+08:00"))
    assert (checked["covered"], checked["differences"]) == (True, [])


def test_a_make_up_day_of_the_library_stands_in_for_a_day_that_its_holiday_took() -> None:
    makeup = {day.date: day.hours for day in library_days(2026) if day.kind == "makeup_workday"}
    assert makeup == {
        "2026-01-04": "fri",
        "2026-02-14": "fri",
        "2026-02-28": "mon",
        "2026-05-09": "tue",
        "2026-09-20": "tue",
        "2026-10-10": "wed",
    }
    assert all(library_days(year) for year in range(2004, 2027))


def test_the_library_does_not_guess_a_year() -> None:
    assert not knows(2090)
    with pytest.raises(InvalidPolicies, match="does not know 2090"):
        library_days(2090)


def test_csv_has_every_kind_of_day() -> None:
    assert days_of_csv(CSV, 2027) == (
        Day("2027-01-01", "holiday", name="元旦"),
        Day("2027-01-02", "makeup_workday", "fri"),
        Day("2027-03-01", "closure", name="stock, taking"),
        Day("2027-05-01", "override", (("09:00", "12:00"), ("13:00", "24:00"))),
        Day("2027-05-02", "override", name="shut"),
    )


def test_icalendar_tells_holidays_from_make_up_days_by_their_summary() -> None:
    assert [(day.date, day.kind) for day in days_of_ics(ICS, 2027)] == [
        ("2027-02-06", "holiday"),
        ("2027-02-07", "holiday"),
        ("2027-02-08", "holiday"),
        ("2027-02-14", "makeup_workday"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: "),
        ("day,kind\n", "line 1: document: the first line must be date,kind,windows_or_weekday,name"),
        (HEADING + "2027-01-01,holiday,,\n2027-1-2,holiday,,\n", "line 3: column 1.date: not a date"),
        (HEADING + "2026-01-01,holiday,,\n", "line 2: column 1.date: not in 2027"),
        (HEADING + "2027-01-01,feast,,\n", "line 2: column 2.kind: must be one of holiday"),
        (HEADING + "2027-01-01,holiday,mon,\n", "line 2: column 3.windows_or_weekday: a holiday has no hours"),
        (HEADING + "2027-01-02,makeup_workday,,\n", "line 2: column 3: must be the weekday"),
        (HEADING + "2027-01-02,override,9-12,\n", "line 2: column 3: must be windows"),
        (HEADING + "2027-01-01,holiday,,a,b\n", "line 2: column 5: 5 columns instead of 4"),
        (HEADING + "2027-01-01,holiday,,\n2027-01-01,closure,,\n", "line 3: column 1: 2027-01-01 is given twice"),
        (HEADING + '2027-01-01,holiday,,"open', "line 2: document: not CSV"),
    ],
)
def test_a_fault_of_csv_is_told_with_line_and_column(text: str, told: str) -> None:
    with pytest.raises(InvalidPolicies) as raised:
        days_of_csv(text, 2027)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("BEGIN:VCALENDAR", "date,kind", "line 1: document: not an iCalendar file"),
        ("20270206", "20270231", "line 2: DTSTART: must be whole days"),
        ("20270209", "20270206", "line 2: DTSTART: must be whole days"),
        ("补班", "补班 休", "line 8: SUMMARY: says both"),
        ("SUMMARY:春节 补班", "SUMMARY:春节 补班\nRRULE:FREQ=YEARLY", "line 8: RRULE: an event that repeats"),
        ("20270214\n", "20270207\n", "line 8: column 1: 2027-02-07 is given twice"),
    ],
)
def test_a_fault_of_icalendar_is_told_with_the_line_of_its_event(right: str, wrong: str, told: str) -> None:
    with pytest.raises(InvalidPolicies) as raised:
        days_of_ics(ICS.replace(right, wrong, 1), 2027)
    assert told in str(raised.value)


def test_a_year_replaces_what_the_calendar_had_for_it_and_nothing_else() -> None:
    before = shipped_calendar()
    after = with_year(before, 2026, (Day("2026-01-01", "holiday"),))
    assert [day for day in after["holidays"] if day.startswith("2026")] == ["2026-01-01"]
    assert [day for day in after["holidays"] if day < "2026"] == [day for day in before["holidays"] if day < "2026"]
    assert {day for day in after["makeup_workdays"] if day > "2026"} == set()
    assert after["complete_until"] == "2026-12-31"


def test_coverage_rises_by_one_year_at_a_time() -> None:
    after = with_year(shipped_calendar(), 2027, days_of_csv(CSV, 2027))
    assert after["complete_until"] == "2027-12-31"
    assert after["overrides"] == {"2027-05-01": [["09:00", "12:00"], ["13:00", "24:00"]], "2027-05-02": []}
    with pytest.raises(InvalidPolicies, match="complete until 2026-12-31: import the years before 2028 first"):
        with_year(shipped_calendar(), 2028, (Day("2028-01-01", "holiday"),))


def test_a_year_without_holidays_is_no_year() -> None:
    with pytest.raises(InvalidPolicies, match="no holiday and no make-up workday of 2027"):
        with_year(shipped_calendar(), 2027, (Day("2027-01-05", "closure"),))


async def import_csv(client: httpx.AsyncClient, text: str, version: int = 1) -> httpx.Response:
    headers = {"Content-Type": "text/csv", "If-Match": f'"{version}"'}
    return await client.post("/v1/calendars/default:import?year=2027", content=text, headers=headers)


async def test_an_imported_year_is_a_draft_that_is_checked_and_published(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        year = "/v1/calendars/default/years/2027"
        assert (await client.get(year)).json()["covered"] is False
        drafted = await import_csv(client, CSV)
        assert (drafted.status_code, drafted.json()["draft"]["complete_until"]) == (200, "2027-12-31")
        assert (await client.get(year)).json()["covered"] is False
        seen = (await client.get(year, params={"draft": True})).json()
        assert (seen["covered"], seen["version"], seen["differences"]) == (True, 2, None)
        january = seen["months"][0]
        assert (january["holidays"], january["makeup_workdays"]) == (["2027-01-01"], ["2027-01-02"])
        assert (january["working_days"], january["hours"]) == (21, 168.0)
        done = await client.post("/v1/calendars/default:publish", headers={"If-Match": '"2"'})
        assert [one["version"] for one in done.json()["versions"]] == [1, 2]


async def test_a_wrong_import_changes_nothing(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        refused = await import_csv(client, HEADING + "2027-01-01,feast,,\n")
        assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (
            422,
            "line 2: column 2: must be one of holiday, makeup_workday, closure, override",
        )
        by_library = await client.post("/v1/calendars/default:import?year=2100", headers={"If-Match": '"1"'})
        assert (by_library.status_code, "does not know 2100" in by_library.text) == (422, True)
        assert (await client.get("/v1/calendars/default")).json()["revision"] == 1


async def test_a_year_comes_from_the_library_when_nothing_is_sent(context: MemoryContext) -> None:
    async with context.client("admin") as client:
        done = await client.post("/v1/calendars/default:import?year=2026", headers={"If-Match": '"1"'})
        year = (await client.get("/v1/calendars/default/years/2026?draft=true")).json()
    assert (done.status_code, year["differences"], year["library"].startswith("chinesecalendar ")) == (200, [], True)
