"""`reconcile`: holds logs, topics and projections of all services against each other, and names what does not fit."""

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import httpx
from aiokafka.errors import KafkaError

from shared.cli.clock import expected_now
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import DependencyDown, WrongUsage
from shared.cli.output import print_json, print_table
from shared.kernel.clock import to_milliseconds
from shared.kernel.working_time import SlaError, parse_instant
from shared.persistence.driver import DriverError
from shared.reconcile.audit import Access
from shared.reconcile.looking import reconcile as compare
from shared.reconcile.offline import OfflineService
from shared.reconcile.verdict import Verdict
from shared.runtime.context import Unavailable
from shared.runtime.definitions import definitions
from shared.runtime.logging import configure
from shared.runtime.settings import InvalidSettings

CLOCK_SECONDS = 5.0
ADVICE = "`./closedloop status` tells how it is; nothing was changed, so the command can simply be given again."


@dataclass(frozen=True)
class Wanted:
    """What the options ask for. `as_of`: by when due rungs must be decided in a system that is stopped."""

    offline: bool
    as_of: datetime | None
    late_within: timedelta | None


@click.command()
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
@click.option("--records", is_flag=True, help="Also show what became of the records of every topic.")
@click.option(
    "--offline", is_flag=True, help="The services are stopped, only Kafka and MongoDB run: one pass, no grace."
)
@click.option("--as-of", metavar="RFC3339", help="With --offline: rungs due by then must have been decided.")
@click.option("--late-within", type=float, metavar="SECONDS", help="A rung that fired later than so is a violation.")
def reconcile(output: str, records: bool, offline: bool, as_of: str | None, late_within: float | None) -> None:
    """Check the invariants over logs, topics and projections; exit 1 with the list of violations.

    The system may run meanwhile: then what looks wrong is looked at again some seconds later. Dead letters and
    parked records are reported; they are no violations.
    """
    late = None if late_within is None else timedelta(seconds=late_within)
    wanted = Wanted(offline, _instant(as_of, offline), late)
    # The command's own connections are none of the reader's business.
    configure("reconcile", level=logging.CRITICAL)
    # It makes millions of objects and no cycles; looking for some would take a quarter of the time.
    gc.disable()
    began = time.monotonic()
    endpoints = find_endpoints()
    try:
        if offline:
            _check_stopped(endpoints)
        verdict = asyncio.run(_compared(endpoints, wanted))
    except (KafkaError, DriverError, Unavailable) as error:
        raise DependencyDown(
            f"{endpoints.kafka} or MongoDB does not answer: {type(error).__name__}", ADVICE
        ) from None
    except InvalidSettings as error:
        raise WrongUsage(str(error)) from None
    if output == "json":
        print_json(verdict.as_json())
    else:
        _show(verdict, with_records=records)
    click.echo(f"compared {_extent(verdict)} in {time.monotonic() - began:.1f} s", err=True)
    sys.exit(0 if verdict.clean else 1)


def _instant(text: str | None, offline: bool) -> datetime | None:
    if text is None:
        return None
    if not offline:
        raise WrongUsage("--as-of goes with --offline: a running system is asked for its time")
    try:
        return datetime.fromtimestamp(parse_instant(text), UTC)
    except SlaError as error:
        raise WrongUsage(f"--as-of: {error}") from None


def _check_stopped(endpoints: Endpoints) -> None:
    """Raises WrongUsage when a service answers: what it has in hand would be taken for damage."""
    with httpx.Client(trust_env=False, timeout=CLOCK_SECONDS) as http:
        for name, url in endpoints.urls.items():
            with suppress(httpx.TransportError):
                http.get(f"{url}/livez")
                raise WrongUsage(f"{name} answers at {url}", "Stop the services, or leave out --offline.")


async def _compared(endpoints: Endpoints, wanted: Wanted) -> Verdict:
    async with AsyncExitStack() as stack:
        services = []
        for definition in definitions():
            settings = definition.settings.load(
                kafka_bootstrap=endpoints.kafka,
                mongo_uri=endpoints.mongo,
                state_dir=endpoints.state_dir,
                mode="embedded" if endpoints.embedded else "external",
            )
            services.append(OfflineService(definition, settings))
            stack.push_async_callback(services[-1].close)

        async def now() -> datetime | None:
            return wanted.as_of if wanted.offline else await _business_time(endpoints)

        brokers, prefix = settings.kafka_servers, endpoints.topic_prefix
        return await compare(Access(brokers, prefix, services, now, wanted.offline, wanted.late_within))


async def _business_time(endpoints: Endpoints) -> datetime:
    """What time it is for escalation's timers; where it does not answer, what it was told last."""
    if not endpoints.test_mode:
        return to_milliseconds(datetime.now(UTC))
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=CLOCK_SECONDS) as http:
            answer = (await http.get(f"{endpoints.urls['escalation']}/test/clock")).raise_for_status()
    except httpx.HTTPError:
        return expected_now(endpoints)
    return datetime.fromisoformat(answer.json()["now"])


def _show(verdict: Verdict, *, with_records: bool) -> None:
    found = verdict.as_json()
    for name, columns in (
        ("records", ("service", "topic", "fate", "count")),
        ("dead_letters", ("service", "reason", "count")),
        ("parked", ("service", "binding", "reason", "count")),
        ("violations", ("invariant", "subject", "detail")),
    ):
        if found[name] and (name != "records" or with_records):
            click.echo(name.replace("_", " "))
            print_table(columns, [_cells(row, columns) for row in found[name]])
            click.echo()
    if verdict.under_way:
        click.echo(f"decisions that somebody is, or at the next start will be, still at: {verdict.under_way}")
    for twin in found["late_twins"]:
        click.echo(f"dead-lettered, and applied by another copy: {twin}")
    click.echo(_sentence(verdict))


def _cells(row: Mapping[str, Any], columns: tuple[str, ...]) -> list[str]:
    return [str(row[name]) for name in columns]


def _sentence(verdict: Verdict) -> str:
    if verdict.clean:
        return "clean: every invariant holds"
    kinds = sorted({one.invariant for one in verdict.violations}, key=lambda name: int(name[1:]))
    return f"{len(verdict.violations)} violations of {', '.join(kinds)}"


def _extent(verdict: Verdict) -> str:
    return ", ".join(f"{verdict.checked[what]} {what}" for what in ("aggregates", "decisions", "events", "records"))
