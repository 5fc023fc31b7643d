"""`closedloop sla …`: the SLA arithmetic on the command line."""

from __future__ import annotations

import sys

import click

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


def _answer_standard_input(answer: Answer) -> None:
    answer_lines(sys.stdin.buffer, sys.stdout.buffer, answer)
