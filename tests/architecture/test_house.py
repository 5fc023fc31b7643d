"""Sizes, names and manners of the files."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import PARTS, Source, sources, texts

LONGEST_PAUSE = 0.25  # seconds
LONGEST_TEST_FILE = 350  # with the tables that it tries
LONGEST_FILE, LONGEST_FUNCTION, USUAL_FUNCTION, MOST_PARAMETERS = 300, 45, 25, 6
BANNED = {"utils", "helpers", "common", "manager", "process_data", "info"}
QUERY_STRING = {"list_orders", "_filters"}  # their parameters are those of a query string
REASON = r"\s+(?:#|-)\s+\S+"
IGNORED = re.compile(r"# type: " r"ignore\b(?!\[[^\]]+\]" + REASON + ")")
SILENCED = re.compile(r"# " r"noqa\b(?!: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)*" + REASON + ")")
REGISTRIES = (
    *("pypi" + ".org", "python" + "hosted.org", "repo1." + "maven", "maven" + ".org", "registry." + "npmjs"),
    *("docker" + ".io", "ghcr" + ".io", "quay" + ".io", "crates" + ".io", "proxy." + "golang"),
)


def code() -> list[Source]:
    """What runs in production or on a laptop."""
    return [source for source in sources() if not source.below("tests")]


def test_no_file_is_longer_than_a_few_screens() -> None:
    sizes = {source: source.text.count("\n") for source in sources()}
    limits = {source: LONGEST_TEST_FILE if source.below("tests") else LONGEST_FILE for source in sizes}
    assert {source.path: size for source, size in sizes.items() if size > limits[source]} == {}


def test_functions_fit_on_half_a_screen(record_property: object) -> None:
    lengths = sorted(
        ((function.end_lineno or 0) - function.lineno + 1, f"{source.path}:{function.name}")
        for source in code()
        for function in source.functions()
    )
    usual = lengths[int(len(lengths) * 0.95)][0]
    assert callable(record_property)
    record_property("functions", len(lengths))
    record_property("p95 lines", usual)
    assert usual <= USUAL_FUNCTION
    assert [found for found in lengths if found[0] > LONGEST_FUNCTION] == []


def test_functions_ask_for_few_things() -> None:
    asked = {
        f"{source.path}:{function.name}": count
        for source in code()
        for function in source.functions()
        if function.name not in QUERY_STRING and (count := _parameters(function.args)) > MOST_PARAMETERS
    }
    assert asked == {}


def _parameters(arguments: ast.arguments) -> int:
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([one for one in given if one.arg not in {"self", "cls"}])


def test_modules_open_with_a_sentence() -> None:
    assert [s.path for s in sources() if s.text.strip() and not ast.get_docstring(s.tree)] == []


def names(source: Source) -> Iterator[str]:
    """Everything that the module itself gives a name to."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_names_say_what_a_thing_is() -> None:
    found = {f"{source.path}: {name}" for source in sources() for name in names(source) if name in BANNED}
    modules = {s.path for s in sources() if BANNED & set(re.split(r"[/.]", s.path))}
    assert found | modules == set()


def test_what_is_silenced_has_a_reason_on_its_line() -> None:
    silenced = [
        f"{source.path}:{number}"
        for source in sources()
        for number, line in enumerate(source.text.splitlines(), start=1)
        if IGNORED.search(line) or SILENCED.search(line)
    ]
    assert silenced == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    words = re.compile(r"#.*\b(?:TO" + "DO|FIX" + "ME|X" + "XX)\b")
    assert [source.path for source in sources() if words.search(source.text)] == []


def test_no_file_names_a_package_registry() -> None:
    assert [(name, address) for name, text in texts() for address in REGISTRIES if address in text] == []


def test_tests_wait_for_conditions_and_never_for_a_time() -> None:
    """A pause between two looks at a condition is short; a longer one is a guess about a machine."""
    pauses = [
        f"{source.path}:{call.lineno}"
        for source in sources()
        if source.below("tests")
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "sleep"
        for seconds in call.args
        if isinstance(seconds, ast.Constant) and float(str(seconds.value)) > LONGEST_PAUSE
    ]
    assert pauses == []


def test_every_part_is_looked_at() -> None:
    assert {source.path.partition("/")[0] for source in sources()} == set(PARTS)
