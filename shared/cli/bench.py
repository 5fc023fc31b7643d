"""`closedloop bench`: measurements of the whole system, on servers and in folders of their own."""

import click


@click.group()
def bench() -> None:
    """Measure the whole system on servers of its own."""


@bench.command()
@click.option("--complaints", type=click.IntRange(min=10), default=5_000, show_default=True, help="How many.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Arrivals a second, at fixed times. [default: as many as it takes]",
)
@click.option(
    "--in-flight",
    type=click.IntRange(min=1),
    default=1_000,
    show_default=True,
    help="Open at a time, without --rate.",
)
@click.option(
    "--profile",
    type=click.Choice(("intake", "workflow", "escalation", "notifier")),
    help="Run one service under cProfile; leaves <service>.prof here.",
)
@click.option("--record", "keep", is_flag=True, help="Put the result into docs/benchmarks.md.")
@click.option(
    "-o", "--output", type=click.Choice(("table", "json")), default="table", show_default=True, help="Format."
)
def loop(complaints: int, rate: float | None, in_flight: int, profile: str | None, keep: bool, output: str) -> None:
    """Take complaints through the whole loop, from submission to closing, and tell what each costs."""
    # Measurements are tests by their nature and live with them; no other command needs them.
    from shared.cli.output import print_json
    from tests.bench import report
    from tests.bench.loop import Wish, measure_alone

    wish = Wish(complaints=complaints, in_flight=in_flight, rate=rate, profiled=profile)
    click.echo(f"measuring with {complaints} complaints; this takes a while", err=True)
    found = measure_alone(wish)
    if keep:
        report.record("bench loop, saturation" if rate is None else "bench loop, fixed arrival rate", found)
    if output == "json":
        print_json(report.as_json(found))
    else:
        click.echo("\n".join(report.lines(found)))


@bench.command()
@click.option("--orders", type=click.IntRange(min=100), default=20_000, show_default=True, help="How many.")
@click.option(
    "-o", "--output", type=click.Choice(("table", "json")), default="table", show_default=True, help="Format."
)
def simulation(orders: int, output: str) -> None:
    """Replay a draft policy over the history of orders, from the log's bytes, on one core; needs no server."""
    from shared.cli.output import print_json
    from tests.bench.simulation import measure

    found = measure(orders).told()
    if output == "json":
        print_json(found)
    else:
        click.echo("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))
