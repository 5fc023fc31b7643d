"""Data on stdout: for people as a table, for programs as JSON."""

import json

import pytest

from shared.cli.output import plain, show_fields, show_rows, words

ROWS = [
    {"id": "wo_1", "subject": "网速 [bold]慢[/bold]", "team": {"name": "a"}, "flags": ["x", "y"], "late": True},
    {"id": "wo_2", "subject": "two\nlines \x1b[31m", "team": None, "flags": [], "late": False},
]
COLUMNS = {"id": "id", "team": "team.name", "flags": "flags", "late": "late", "subject": "subject"}


def test_a_table_has_a_line_for_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, COLUMNS, "table")
    heading, _, one, two = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "team", "flags", "late", "subject"]
    assert one.split() == ["wo_1", "a", "x,", "y", "yes", "网速", "[bold]慢[/bold]"]
    assert two.split(maxsplit=4) == ["wo_2", "-", "-", "no", "two lines �[31m"]


def test_a_table_is_not_cut_when_no_terminal_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"id": "x" * 500}], {"id": "id"}, "table")
    assert "x" * 500 in capsys.readouterr().out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, COLUMNS, "json", next_cursor=None)
    assert json.loads(capsys.readouterr().out) == {"items": ROWS, "next_cursor": None}


def test_jsonl_is_a_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, COLUMNS, "jsonl")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == ROWS


def test_one_object_shows_the_fields_that_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields(ROWS[1], COLUMNS, "table")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["id", "late", "subject"]
    show_fields(ROWS[1], COLUMNS, "json")
    assert json.loads(capsys.readouterr().out) == ROWS[1]


def test_nothing_steers_the_terminal() -> None:
    assert plain("a\x1b]0;b\x07\tc\r\n") == "a�]0;b� c  "
    assert plain("投诉‮") == "投诉�"


def test_nested_values_stay_readable() -> None:
    assert words({"route": {"rule": "r", "matched": {}}, "none": None}) == "route=(rule=r, matched=-), none=-"
