"""`db …`: indexes and projections of the services' databases."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from shared.cli.databases import databases
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import Conflict
from shared.cli.installation import SERVICES
from shared.cli.output import Columns, output_option, show_rows
from shared.persistence.driver import Database
from shared.persistence.event_log import MongoLog
from shared.persistence.projection import MongoProjection
from shared.persistence.schema import ensure_indexes, migrate, newer_schema, rebuild
from shared.runtime.context import ServiceDefinition
from shared.runtime.indexes import indexes_of

MIGRATED: Columns = {"service": "service", "indexes": "indexes", "rebuilt": "rebuilt", "drift": "drift"}
REBUILT: Columns = {"service": "service", "aggregate": "aggregate", "rebuilt": "rebuilt"}
chosen = click.argument("services", nargs=-1, type=click.Choice(SERVICES), metavar="[SERVICE]...")


@click.group()
def db() -> None:
    """Make indexes, rebuild projections from the log."""


@db.command("migrate")
@chosen
@output_option
def migrate_command(services: tuple[str, ...], output: str) -> None:
    """Make missing indexes, bring projections to this version's schema; exit 1 where a database differs.

    Services do the same when they start.
    """
    found = asyncio.run(_each(find_endpoints(), services or SERVICES, _migrate))
    show_rows(found, MIGRATED, output)
    raise click.exceptions.Exit(1 if any(row["drift"] for row in found) else 0)


@db.command("rebuild")
@click.argument("services", nargs=-1, required=True, type=click.Choice(SERVICES), metavar="SERVICE...")
@output_option
def rebuild_command(services: tuple[str, ...], output: str) -> None:
    """Make the projections of SERVICE anew from its log; safe while it runs."""
    show_rows(asyncio.run(_each(find_endpoints(), services, _rebuild)), REBUILT, output)


async def _each(endpoints: Endpoints, services: Sequence[str], work: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    async with databases(endpoints) as database:
        for service in services:
            # By its name: nothing in `shared` knows a service.
            definition: ServiceDefinition = import_module(f"services.{service}.main").SERVICE
            rows += await work(definition, database(service))
    return rows


async def _migrate(definition: ServiceDefinition, database: Database) -> list[dict[str, Any]]:
    if newer := await newer_schema(database, definition.aggregates):
        raise Conflict(f"{definition.name}: {newer}", "Use the version of the program that wrote it.")
    declared = indexes_of(definition)
    drift = await ensure_indexes(database, declared)
    rebuilt = {
        kind.name: number
        for kind in definition.aggregates
        if (number := await migrate(database, kind, MongoLog(kind, database), MongoProjection(kind, database)))
    }
    return [{"service": definition.name, "indexes": len(declared), "rebuilt": rebuilt, "drift": drift}]


async def _rebuild(definition: ServiceDefinition, database: Database) -> list[dict[str, Any]]:
    return [
        {
            "service": definition.name,
            "aggregate": kind.name,
            "rebuilt": await rebuild(database, kind, MongoLog(kind, database), MongoProjection(kind, database)),
        }
        for kind in definition.aggregates
    ]
