"""How commands show data: a table for people, JSON or JSON Lines for programs; always on stdout."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

FORMATS = ("table", "json", "jsonl")
Row = Mapping[str, Any]
Cell = str | Callable[[Row], Any]
"""The name of a field (`a.b` for one of a nested object), or what makes the cell of the row."""
Columns = Mapping[str, Cell]

output_option = click.option(
    "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="How to show the data."
)


def show_rows(rows: Sequence[Row], columns: Columns, output: str, **beside: Any) -> None:
    """A list: as a table of `columns`, as `{"items", …beside}`, or a line for each row."""
    if output == "json":
        print_json({"items": list(rows), **beside})
    elif output == "jsonl":
        for row in rows:
            print_line(row)
    else:
        print_table(columns, [[_cell(row, cell) for cell in columns.values()] for row in rows])


def show_fields(row: Row, columns: Columns, output: str) -> None:
    """One object: as names and values one below the other (those that it has), or as JSON."""
    if output == "json":
        print_json(row)
    elif output == "jsonl":
        print_line(row)
    else:
        shown = {name: _cell(row, cell) for name, cell in columns.items()}
        _print_grid([[name, text] for name, text in shown.items() if text != NOTHING])


NOTHING = "-"


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def print_line(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str))


def print_table(headings: Iterable[str], rows: Sequence[Sequence[str]]) -> None:
    """Nothing but the headings where there are no rows, so that programs that cut columns find the same shape."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    _print(table)


def plain(text: str) -> str:
    """`text` on one line and without characters that steer a terminal: it may come from anybody."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "�" for one in text)


def words(value: Any) -> str:
    """A value as people read it in a cell."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(words(one) for one in value) or NOTHING
        case dict():
            return ", ".join(f"{plain(name)}={_inner(one)}" for name, one in value.items()) or NOTHING
    return NOTHING if value in (None, "") else plain(str(value))


def _inner(value: Any) -> str:
    return f"({words(value)})" if isinstance(value, dict | list | tuple) and value else words(value)


def _cell(row: Row, cell: Cell) -> str:
    if callable(cell):
        return words(cell(row))
    value: Any = row
    for name in cell.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return words(value)


def _print_grid(rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for row in rows:
        grid.add_row(*map(Text, row))
    _print(grid)


def _print(renderable: Any) -> None:
    """Fitted to the terminal; whole lines where a file or a program reads them."""
    from rich.console import Console

    with_terminal = sys.stdout.isatty()
    console = Console(width=None if with_terminal else 10_000, highlight=False, markup=False, emoji=False)
    if with_terminal:
        console.print(renderable)
        return
    with console.capture() as captured:
        console.print(renderable)
    # Rich fills every line up to the width of the table.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))
