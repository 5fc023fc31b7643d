"""`closedloop bench`: measurements of the whole system, on servers and in folders of their own."""

from types import ModuleType
from typing import Any

import click

from shared.cli.installation import SERVICES

record_option = click.option("--record", "keep", is_flag=True, help="Put the result into docs/benchmarks.md.")
output_option = click.option(
    "-o", "--output", type=click.Choice(("table", "json")), default="table", show_default=True, help="Format."
)


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
    type=click.Choice(SERVICES),
    help="Profile one service by CPU time; leaves <service>.prof here.",
)
@record_option
@output_option
def loop(complaints: int, rate: float | None, in_flight: int, profile: str | None, keep: bool, output: str) -> None:
    """Take complaints through the whole loop, from submission to closing, and tell what each costs."""
    # Measurements are tests by their nature and live with them; no other command needs them.
    from tests.bench import report
    from tests.bench.loop import Wish, measure_alone

    wish = Wish(complaints=complaints, in_flight=in_flight, rate=rate, profiled=profile)
    click.echo(f"measuring with {complaints} complaints; this takes a while", err=True)
    title = "bench loop, saturation" if rate is None else "bench loop, fixed arrival rate"
    _tell(title, report, measure_alone(wish), keep, output)


@bench.command()
@click.option("--complaints", type=click.IntRange(min=10), default=3_000, show_default=True, help="In each run.")
@click.option("--in-flight", type=click.IntRange(min=1), default=750, show_default=True, help="Open at a time.")
@click.option("--pairs", type=click.IntRange(min=1), default=3, show_default=True, help="How often both are run.")
@click.option("--naive", type=click.IntRange(min=0), default=100, show_default=True, help="Its complaints; 0: none.")
@click.option("--profile", type=click.Choice(SERVICES), help="Profile one service of each; leaves .prof files here.")
@record_option
@output_option
def floor(keep: bool, output: str, profile: str | None, **given: int) -> None:
    """Compare ours with the best loop written by hand for the same durable facts, and with a naive one."""
    from tests.bench import floor_report
    from tests.bench.floor import Contest, measure_alone

    found = measure_alone(Contest(**given), profile)
    _tell("bench floor", floor_report, found, keep, output)


@bench.command()
@click.argument("service", type=click.Choice(SERVICES))
@click.option("--records", type=click.IntRange(min=100), default=5_000, show_default=True, help="How many.")
@record_option
@output_option
def stage(service: str, records: int, keep: bool, output: str) -> None:
    """Measure one service alone on records of one kind that wait for it, and where its CPU time goes."""
    from tests.bench import stage_report
    from tests.bench.stage import measure_alone

    _tell(f"bench stage {service}", stage_report, measure_alone(service, records), keep, output)


@bench.command()
@click.option("--actions", type=click.IntRange(min=100), default=2_000, show_default=True, help="In each phase.")
@click.option(
    "--load", type=click.FloatRange(0.05, 0.95), default=0.7, show_default=True, help="Of the highest rate."
)
@record_option
@output_option
def http(actions: int, load: float, keep: bool, output: str) -> None:
    """Measure how long an action by HTTP takes, at a part of the rate that the system can bear."""
    from tests.bench import http_report
    from tests.bench.http import measure_alone

    _tell("bench http", http_report, measure_alone(actions, load), keep, output)


@bench.command()
@click.option("--orders", type=click.IntRange(min=100), default=20_000, show_default=True, help="How many.")
@output_option
def simulation(orders: int, output: str) -> None:
    """Replay a draft policy over the history of orders, on one core; needs no server."""
    from shared.cli.output import print_json
    from tests.bench.simulation import measure

    found = measure(orders).told()
    if output == "json":
        print_json(found)
    else:
        click.echo("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))


@bench.command()
@click.option("--waiting", type=click.IntRange(min=0), default=1_000_000, show_default=True, help="That never fire.")
@click.option("--steady", type=click.IntRange(min=10), default=10_000, show_default=True, help="One after the other.")
@click.option("--rate", type=click.IntRange(min=1), default=1_000, show_default=True, help="Of these, a second.")
@click.option("--burst", type=click.IntRange(min=10), default=100_000, show_default=True, help="All in one second.")
@click.option("--loop", type=click.IntRange(min=10), default=1_000, show_default=True, help="After closings.")
@click.option("--loop-rate", type=click.FloatRange(min=0.1), default=40.0, show_default=True, help="Of these.")
@record_option
@output_option
def timers(keep: bool, output: str, **given: Any) -> None:
    """Measure how late timers fire: steadily, all at once, and while complaints pass through the system."""
    from tests.bench import timers_report
    from tests.bench.timers import TimersWish, measure_alone

    _tell("bench timers", timers_report, measure_alone(TimersWish(**given)), keep, output)


@bench.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), default=30.0, show_default=True, help="How long.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Complaints a second.")
@click.option("--kill-every", type=click.FloatRange(min=1), default=20.0, show_default=True, help="Seconds.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the choice of victims.")
@record_option
@output_option
def soak(keep: bool, output: str, **given: Any) -> None:
    """Run for long at a steady load while services are killed, and tell what grows."""
    from tests.bench import soak_report
    from tests.bench.soak import SoakWish, measure_alone

    _tell("bench soak", soak_report, measure_alone(SoakWish(**given)), keep, output)


@bench.command()
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(min=10),
    multiple=True,
    default=(10_000, 100_000, 1_000_000),
    show_default=True,
    help="Open orders; repeatable, rising.",
)
@click.option("--complaints", type=click.IntRange(min=10), default=1_000, show_default=True, help="At each size.")
@record_option
@output_option
def growth(sizes: tuple[int, ...], complaints: int, keep: bool, output: str) -> None:
    """Measure what a complaint and a list cost while more and more orders are open."""
    from tests.bench import growth_report
    from tests.bench.growth import GrowthWish, measure_alone

    wish = GrowthWish(sorted(sizes), complaints, max(1, complaints // 4))
    _tell("bench growth", growth_report, measure_alone(wish), keep, output)


@bench.command("partitions")
@click.option(
    "--number",
    "numbers",
    type=click.IntRange(1, 960),
    multiple=True,
    default=(1, 4, 16, 64),
    show_default=True,
    help="Of partitions; a divisor of 960, repeatable.",
)
@click.option("--complaints", type=click.IntRange(min=10), default=1_000, show_default=True, help="With each.")
@record_option
@output_option
def partitions_(numbers: tuple[int, ...], complaints: int, keep: bool, output: str) -> None:
    """Measure the loop on topics of few partitions and of many."""
    from tests.bench import partitions
    from tests.bench.loop import Wish

    wish = Wish(complaints=complaints, in_flight=max(1, complaints // 4))
    _tell("bench partitions", partitions, partitions.measure_alone(numbers, wish), keep, output)


def _tell(title: str, shown_by: ModuleType, found: Any, keep: bool, output: str) -> None:
    """Prints, and keeps if so wished, by a module with `lines` and `as_json`."""
    from shared.cli.output import print_json
    from tests.bench import report

    if keep:
        report.record(title, shown_by.lines(found))
    if output == "json":
        print_json(shown_by.as_json(found))
    else:
        click.echo("\n".join(shown_by.lines(found)))
