"""`python -m services.escalation.check [PATH…]`: what is wrong with policies and calendars in files, as JSON.

Needs no server. A folder is judged as a whole, as a start judges it; single files each by itself. Exit 1 on faults.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from services.escalation.calendar_years import ending, year_of
from services.escalation.domain.completeness import ambiguities
from services.escalation.domain.policies import CalendarVersion, Rulebook
from services.escalation.policy_files import Fault, Written, faults_between, read_files, rulebook
from services.escalation.schemas import PolicyDocument
from shared.kernel.clock import Clock
from shared.kernel.working_time import format_date


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    found = report(asked.paths, asked.year, asked.calendar, Clock.real().now())
    sys.stdout.write(json.dumps(found, ensure_ascii=False, default=str) + "\n")
    return 1 if found["faults"] else 0


def report(paths: Sequence[Path], year: int | None, calendar: str | None, now: datetime) -> Mapping[str, Any]:
    """The `documents`, their `faults` and `ambiguities`, the `calendars` in force, and their `years` if asked."""
    documents: list[Written] = []
    faults: list[Fault] = []
    whole: list[Written] = []
    for path in paths:
        files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not all(file.is_file() for file in files) or not files:
            faults.append(
                Fault("there are no policies here" if path.is_dir() else "there is no such file", of=str(path))
            )
            continue
        read, wrong = read_files(files)
        documents += read
        faults += wrong
        if path.is_dir():
            whole += read
    faults += dict.fromkeys(faults_between(whole))
    rules = rulebook(documents)
    calendars = [one for one in calendars_at(rules, now) if calendar in (None, one.ref.id)]
    return {
        "documents": [_document(document, rules, now) for document in documents],
        "faults": [{**asdict(fault), "text": str(fault)} for fault in faults],
        "ambiguities": list(ambiguities(rules, now)),
        "calendars": [_calendar(one, now) for one in calendars],
        "years": [] if year is None else [year_of(one, year, now) for one in calendars],
    }


def calendars_at(rules: Rulebook, now: datetime) -> Iterable[CalendarVersion]:
    """Of each calendar the version in force."""
    return [rules.calendar_at(name, now) for name in sorted({ref.id for ref in rules.calendars})]


def _document(document: Written, rules: Rulebook, now: datetime) -> Mapping[str, Any]:
    content = document.content
    policy = isinstance(content, PolicyDocument)
    in_force = {one.ref for one in (rules.policies_at(now) if policy else calendars_at(rules, now))}
    return {
        "kind": content.kind,
        "id": content.id,
        "version": content.version,
        "effective_from": content.effective_from,
        "in_force": content.ref in in_force,
        **(
            {"rank": content.rank, "match": content.match.conditions(), "clocks": list(content.clocks)}
            if isinstance(content, PolicyDocument)
            else {"complete_until": content.complete_until}
        ),
    }


def _calendar(version: CalendarVersion, now: datetime) -> Mapping[str, Any]:
    until = format_date(version.calendar.last_date)
    return {"id": version.ref.id, "version": version.ref.version, "complete_until": until, **ending(version, now)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.escalation.check")
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--year", type=int)
    parser.add_argument("--calendar")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
