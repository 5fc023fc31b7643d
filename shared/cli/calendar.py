"""`calendar …`: business calendars 工作日历 checked year by year, listed, imported and published."""

import sys
from pathlib import Path
from typing import Any

import click

from shared.cli.client import Client
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import CommandFailed, DependencyDown, NotFound, WrongUsage
from shared.cli.output import Columns, Row, output_option, print_json, print_line, show_fields, show_rows
from shared.cli.rules import (
    WRITER,
    checked_files,
    import_year,
    listing,
    policies_folder,
    publish,
    showing,
    years_of_system,
)
from shared.cli.what_if import migrate, simulate

LISTED: Columns = {
    **{name: name for name in ("id", "version", "state", "zone")},
    "complete until": "complete_until",
    "effective": "effective_at",
    "published by": "published_by",
    "teams": "teams",
}
SHOWN: Columns = {
    **{name: name for name in ("kind", "id", "in_force", "revision")},
    "versions": lambda row: [
        f"{one['version']} from {one['effective_at']}, complete until {one['complete_until']}"
        for one in row["versions"]
    ],
    "draft": lambda row: row["draft"] and f"{row['draft']['version']}, until {row['draft']['complete_until']}",
}
PUBLISHED: Columns = {name: name for name in ("id", "version", "complete_until", "effective_at", "published_by")}


def _short(layer: str) -> Any:
    return lambda row: [date[8:] for date in row[layer]]


MONTHS: Columns = {
    "month": "month",
    "working days": "working_days",
    "hours": lambda row: row["hours"] and f"{row['hours']:g}",
    "holidays": _short("holidays"),
    "make-up days": _short("makeup_workdays"),
    "closures": _short("closures"),
    "overrides": _short("overrides"),
}


@click.group()
def calendar() -> None:
    """Business calendars: which hours are working time. 工作日历。"""


@calendar.command("check")
@click.argument("year", type=click.IntRange(1970, 2200))
@click.argument("name", metavar="[CALENDAR]", required=False)
@click.option("--files", is_flag=True, help="Check the files, not the running system.")
@click.option("--draft", is_flag=True, help="Check the draft of the next version.")
@output_option
def check(year: int, name: str | None, files: bool, draft: bool, output: str) -> None:
    """Is YEAR complete? Its days by month, and where the holiday library differs; exit 1 if it is not covered.

    Asks the running system; where nothing runs, the files that it would start with.
    """
    endpoints = None if files else _running()
    if draft and endpoints is None:
        raise WrongUsage("drafts are in the running system")
    years = _of_files(year, name) if endpoints is None else years_of_system(endpoints, year, name, draft)
    if not years:
        raise NotFound("there is no such calendar")
    if output == "json":
        print_json({"items": years})
    for found in years if output != "json" else ():
        print_line(found) if output == "jsonl" else _show(found)
    sys.exit(0 if all(found["covered"] for found in years) else 1)


def _running() -> Endpoints | None:
    try:
        return find_endpoints()
    except DependencyDown:
        return None


def _of_files(year: int, name: str | None) -> list[Any]:
    found = checked_files((policies_folder(),), "--year", str(year), *(() if name is None else ("--calendar", name)))
    if found["faults"]:
        raise CommandFailed("the files are faulty", "`./closedloop policy check` tells where.")
    years: list[Any] = found["years"]
    return years


def _show(found: Row) -> None:
    known = "covered" if found["covered"] else "NOT COVERED"
    click.echo(f"{found['calendar']} v{found['version']} ({found['zone']}), {found['year']}: {known}")
    click.echo(f"complete until {found['complete_until']}, {found['days_left']} days left")
    show_rows(found["months"], MONTHS, "table")
    if found["differences"] is None:
        click.echo(f"{found['library'] or 'the holiday library'} does not know this year", err=True)
    for one in found["differences"] or ():
        said = f"{one['stored'] or 'ordinary day'} here, {one['library'] or 'ordinary day'} in {found['library']}"
        click.echo(f"! {one['date']}: {said}", err=True)
    if found["ends_soon"]:
        advice = "import the next year: `./closedloop calendar import YEAR --csv FILE`"
        click.echo(f"! ends in {found['days_left']} days; {advice}", err=True)


@calendar.command("import")
@click.argument("year", type=click.IntRange(1970, 2200))
@click.argument("name", metavar="[CALENDAR]", default="default")
@click.option("--csv", "csv_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A CSV file.")
@click.option(
    "--ics", "ics_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An iCalendar file."
)
@click.option("--from-library", is_flag=True, help="China's days, from the holiday library.")
@output_option
def import_days(
    year: int, name: str, csv_file: Path | None, ics_file: Path | None, from_library: bool, output: str
) -> None:
    """Take the days of YEAR into the draft of CALENDAR's next version; then check and publish it."""
    if sum((csv_file is not None, ics_file is not None, from_library)) != 1:
        raise WrongUsage("give one of --csv, --ics and --from-library")
    file, media_type = (csv_file, "text/csv") if csv_file else (ics_file, "text/calendar")
    content = b"" if file is None else file.read_bytes()
    with Client(find_endpoints(), WRITER) as client:
        done = import_year(client, name, year, content, media_type if file else None)
    show_fields(done, SHOWN, output)
    click.echo(f"Check it with `calendar check {year} {name} --draft`, then `calendar publish {name}`.", err=True)


@calendar.command("publish")
@click.argument("meant", metavar="ID|FILE")
@click.option("--effective", metavar="RFC3339", help="When it takes effect. [default: in a minute]")
@output_option
def publish_calendar(meant: str, effective: str | None, output: str) -> None:
    """Publish the draft of a calendar, or a file as its next version. Running clocks keep the version they have."""
    with Client(find_endpoints(), WRITER) as client:
        show_fields(publish(client, "calendar", meant, effective), PUBLISHED, output)


calendar.add_command(simulate("calendar"))
calendar.add_command(migrate("calendar"))
calendar.add_command(listing("calendar", LISTED))
calendar.add_command(showing("calendar", SHOWN))
