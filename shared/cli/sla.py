"""`closedloop sla …`: the SLA arithmetic on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from shared.cli.output import output_option
from shared.cli.sla_compute import compute
from shared.cli.sla_lines import Answer, answer_lines
from shared.cli.sla_simulate import simulate


@click.group()
def sla() -> None:
    """Working time and SLA clocks. 工作时间与时限时钟。"""


@sla.command("compute")
def compute_command() -> None:
    """Add, subtract and measure working time: JSON Lines in, JSON Lines out. 计算工作时间。"""
    _answer_standard_input(compute)


@sla.command("simulate")
def simulate_command() -> None:
    """Play events against a clock: JSON Lines in, JSON Lines out. 模拟时钟。"""
    _answer_standard_input(simulate)


@sla.command("explain")
@click.argument("order", metavar="ID")
@click.argument("kind")
@click.option("--number", type=click.IntRange(1), help="Of the order's clock; else the newest of the kind.")
@click.option("--language", type=click.Choice(("zh", "en")), help="Else that of your environment.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Also write a picture to this file.")
@output_option
def explain_command(
    order: str, kind: str, number: int | None, language: str | None, svg: Path | None, output: str
) -> None:
    """Explain why a clock is due when it is. 解释时限。

    ID: wo_…, the complaint's cmp_…, or the number that people are told. KIND: resolve, statutory, …
    """
    # The commands above start often, and have no use for what it takes to ask a service.
    from shared.cli.sla_explain import show_explanation

    show_explanation(order, kind, {"number": number, "language": language}, svg, output)


def _answer_standard_input(answer: Answer) -> None:
    answer_lines(sys.stdin.buffer, sys.stdout.buffer, answer)
