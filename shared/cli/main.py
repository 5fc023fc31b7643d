"""The command group. Its table names every command, so that `--help` loads none of them."""

import sys
from importlib import import_module
from typing import Any, NoReturn

import click

COMMANDS = {
    "up": ("shared.cli.lifecycle:up", "Install what is missing, start everything and keep it running."),
    "down": ("shared.cli.lifecycle:down", "Stop the running installation (--purge: remove its data too)."),
    "status": ("shared.cli.lifecycle:status", "Tell what runs, where and how well."),
    "logs": ("shared.cli.lifecycle:logs", "Show the logs of one process or of all."),
    "doctor": ("shared.cli.doctor:doctor", "Check everything that could keep it from running."),
    "token": ("shared.cli.token:token", "Print a development token for the given roles."),
    "demo": ("shared.cli.demo:demo", "Play the demo's scripted day, or go on with it, and show its table."),
    "submit": ("shared.cli.submit:submit", "Send a complaint, by HTTP or through Kafka."),
    "list": ("shared.cli.orders:list_orders", "List work orders."),
    "show": ("shared.cli.orders:show", "Show one work order, with --timeline every step of it."),
    "act": ("shared.cli.act:act", "Do something to a work order, or tell what can be done."),
    "report": ("shared.cli.report:report", "Show figures over all orders: how many deadlines were met, and why not."),
    "tail": ("shared.cli.tail:tail", "Follow the events on the topics."),
    "dlq": ("shared.cli.dlq:dlq", "Look at dead letters and send them back."),
    "topics": ("shared.cli.topics:topics", "Make the topics and tell where they differ."),
    "db": ("shared.cli.db:db", "Make indexes, rebuild projections from the log."),
    "clock": ("shared.cli.clock:clock", "Show and move the system's time (test mode)."),
    "reconcile": ("shared.cli.reconcile:reconcile", "Check the invariants over logs, topics and projections."),
    "sla": ("shared.cli.sla:sla", "Compute, simulate and explain deadlines and working time."),
    "policy": ("shared.cli.policy:policy", "Check, list, preview and publish SLA policies."),
    "calendar": ("shared.cli.calendar:calendar", "Check, list and publish business calendars, import a year."),
    "docs": ("shared.cli.documents:docs", "Check, or --write, the documentation pages that are made from the code."),
    "bench": ("shared.cli.bench:bench", "Measure the whole system on servers of its own."),
    "test": ("shared.cli.testing:test", "Run the whole test suite against a stack of its own."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Any command may fail by an exception that carries its exit code and what to do about it.
            exit_code = getattr(error, "exit_code", None)
            if exit_code is None or isinstance(error, click.ClickException | click.exceptions.Exit):
                raise
            click.echo(f"Error: {error}", err=True)
            if advice := getattr(error, "advice", ""):
                click.echo(advice, err=True)
            ctx.exit(exit_code)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Complaints become electronic work orders and come back closed.

    Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 conflict, 5 a
    dependency is down.
    """


def main() -> NoReturn:
    """Runs the command line of this process."""
    cli(prog_name="closedloop")
    sys.exit(0)
