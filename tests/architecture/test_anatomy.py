"""Every service has the same anatomy, and every file and function keeps to a readable size."""

import ast
import importlib
import statistics

import pytest

from shared.events.topics import TOPICS
from shared.messaging.contract import catalogue, topic_of
from shared.runtime.context import ServiceDefinition
from shared.runtime.refusals import text_of
from tests.architecture.sources import ROOT, SERVICES, tracked, tree

ROOMS = (
    "__init__.py", "__main__.py", "main.py", "settings.py", "domain/__init__.py",
    "bindings.py", "api.py", "schemas.py", "queries.py", "projection.py",
)  # fmt: skip
LARGEST_FILE = 400
MOST_PARAMETERS = 7  # self among them
P95_LINES = 25


def definition(service: str) -> ServiceDefinition:
    found = importlib.import_module(f"services.{service}.main").SERVICE
    assert isinstance(found, ServiceDefinition)
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    assert [room for room in ROOMS if not (ROOT / "services" / service / room).is_file()] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_owns_consumes_and_publishes(service: str) -> None:
    text = importlib.import_module(f"services.{service}").__doc__ or ""
    assert [word for word in ("owns", "consumes", "publishes") if word not in text.lower()] == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_names_exists(service: str) -> None:
    defined = definition(service)
    assert defined.name == service
    assert {binding.topic for binding in defined.bindings} <= TOPICS.keys()
    assert {kind.topic for kind in defined.aggregates} <= TOPICS.keys()


def test_every_event_has_a_declared_topic() -> None:
    assert {topic_of(kind) for kind in catalogue().values()} <= TOPICS.keys()


def test_every_refusal_code_in_the_code_has_a_status_and_both_texts() -> None:
    for service in SERVICES:
        definition(service)
    used = {
        node.args[0].value
        for path in tracked("services/*.py", "shared/*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("Refusal", "ProblemError")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert used
    assert {code for code in used if not (text_of(str(code)).zh and text_of(str(code)).en)} == set()


def test_files_are_one_room_each() -> None:
    sizes = {
        path: len(path.read_text().splitlines()) for path in tracked("services/*.py", "shared/*.py", "deploy/*.py")
    }
    assert {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > LARGEST_FILE} == {}


def test_functions_fit_on_half_a_screen() -> None:
    lengths, crowded = [], []
    for path in tracked("services/*.py", "shared/*.py", "deploy/*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append((node.end_lineno or node.lineno) - node.lineno + 1)
                if len(node.args.args) - len(node.args.defaults) > MOST_PARAMETERS:  # filters of a list have defaults
                    crowded.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert statistics.quantiles(lengths, n=20)[-1] <= P95_LINES
    assert crowded == []


def test_names_say_what_a_file_is() -> None:
    banned = {"utils", "helpers", "common", "manager", "process_data", "info"}
    assert [str(p.relative_to(ROOT)) for p in tracked("*.py") if {*p.parts, p.stem} & banned] == []


def test_no_file_names_a_package_registry() -> None:
    hosts = (
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "repo1.maven" + ".org",
        "maven" + ".org/maven2",
        "npmjs" + ".org",
    )
    texts = tracked("*.py", "*.toml", "*.lock", "*.yaml", "*.yml", "*.md", "closedloop", ".ci/*")
    assert [str(p.relative_to(ROOT)) for p in texts if any(host in p.read_text() for host in hosts)] == []
