"""`reconcile`: holds logs, topics and projections of all services against each other, and names what does not fit."""

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import click
import httpx
from aiokafka.errors import KafkaError

from shared.cli.clock import expected_now
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import DependencyDown, WrongUsage
from shared.cli.output import print_json, print_table
from shared.kernel.clock import to_milliseconds
from shared.persistence.driver import DriverError
from shared.reconcile.audit import Access
from shared.reconcile.audit import reconcile as compare
from shared.reconcile.offline import OfflineService
from shared.reconcile.verdict import Verdict
from shared.runtime.context import Unavailable
from shared.runtime.definitions import definitions
from shared.runtime.logging import configure
from shared.runtime.settings import InvalidSettings

CLOCK_SECONDS = 5.0
ADVICE = "`./closedloop status` tells how it is; nothing was changed, so the command can simply be given again."


@click.command()
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
@click.option("--records", is_flag=True, help="Also show what became of the records of every topic.")
def reconcile(output: str, records: bool) -> None:
    """Check the invariants over logs, topics and projections; exit 1 with the list of violations.

    The system may run meanwhile. Dead letters and parked records are reported; they are no violations.
    """
    # The command's own connections are none of the reader's business.
    configure("reconcile", level=logging.CRITICAL)
    # It makes millions of objects and no cycles; looking for some would take a quarter of the time.
    gc.disable()
    began = time.monotonic()
    endpoints = find_endpoints()
    try:
        verdict = asyncio.run(_compared(endpoints))
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


async def _compared(endpoints: Endpoints) -> Verdict:
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

        async def now() -> datetime:
            return await _business_time(endpoints)

        return await compare(Access(settings.kafka_servers, endpoints.topic_prefix, services, now))


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
