"""`topics ensure`: makes the topics of the contract; says where existing ones differ and leaves them alone."""

import asyncio
import logging
import os
from dataclasses import asdict

import click

from shared.cli.endpoints import find_endpoints
from shared.cli.failure import DependencyDown
from shared.cli.output import output_option, print_json, print_line, show_rows
from shared.events.topics import DEFAULT_PARTITIONS
from shared.messaging.admin import TopicsReport, ensure_topics
from shared.runtime.context import Unavailable
from shared.runtime.logging import configure


@click.group()
def topics() -> None:
    """Make the topics and tell where they differ."""


@topics.command()
@click.option(
    "--replication", type=click.IntRange(1), help="Copies of new topics. [default: 1 here, else the brokers']"
)
@click.option("--partitions", type=click.IntRange(1, 960), help="Of new topics. [default: the setting, 24]")
@output_option
def ensure(replication: int | None, partitions: int | None, output: str) -> None:
    """Make what is missing. What is there already is compared and never changed; exit 1 where it differs."""
    from deploy.local.system import REPLICATION

    endpoints = find_endpoints()
    configure("cli", level=logging.CRITICAL)
    copies = replication or REPLICATION["embedded" if endpoints.embedded else "external"]
    number = partitions or int(os.environ.get("CLOSEDLOOP_KAFKA_PARTITIONS", DEFAULT_PARTITIONS))
    try:
        report = asyncio.run(ensure_topics(endpoints.kafka, endpoints.topic_prefix, copies, number))
    except Unavailable as error:
        raise DependencyDown(str(error), "`./closedloop status` tells how Kafka is.") from None
    _show(report, output)
    raise click.exceptions.Exit(1 if report.drift else 0)


def _show(report: TopicsReport, output: str) -> None:
    if output == "json":
        print_json(asdict(report))
    elif output == "jsonl":
        print_line(asdict(report))
    else:
        rows = [{"topic": name, "was": "made"} for name in report.created]
        rows += [{"topic": name, "was": "there"} for name in report.present]
        show_rows(sorted(rows, key=lambda row: row["topic"]), {"topic": "topic", "": "was"}, output)
    for sentence in report.drift:
        click.echo(f"differs: {sentence}", err=True)
