"""Every service has the same anatomy, and what one place declares another place has."""

import ast
import re

import pytest

from shared.events.topics import TOPICS, dead_letters_of
from shared.messaging.bindings import Follow, Replica, Trigger
from shared.messaging.contract import catalogue, topic_of
from shared.runtime.context import ServiceDefinition
from shared.runtime.definitions import definitions
from shared.runtime.refusals import registered
from tests.architecture.sources import ROOT, SERVICES, Source, sources

MODULES = ("__init__", "__main__", "main", "settings", "bindings", "api", "schemas", "queries", "projection")
DOMAIN = ("__init__", "state", "commands", "decide", "evolve", "policies")
NOT_YET_WRITTEN = {"customer.keys"}  # comes with encryption per customer
ALL = definitions()
named = pytest.mark.parametrize("service", ALL, ids=lambda definition: definition.name)


def test_the_services_are_those_of_the_contract() -> None:
    assert tuple(definition.name for definition in ALL) == SERVICES
    folders = {path.name for path in (ROOT / "services").iterdir() if (path / "main.py").exists()}
    assert folders == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_every_part_that_services_have(service: str) -> None:
    folder = ROOT / "services" / service
    missing = [name for name in MODULES if not (folder / f"{name}.py").exists()]
    missing += [f"domain/{name}" for name in DOMAIN if not (folder / "domain" / f"{name}.py").exists()]
    assert not missing


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_owns_consumes_and_publishes(service: str) -> None:
    said = (ROOT / "services" / service / "__init__.py").read_text()
    assert [word for word in ("Owns", "Consumes", "Publishes") if f"\n{word}:" not in said] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_like_the_others(service: str) -> None:
    tree = ast.parse((ROOT / "services" / service / "__main__.py").read_text())
    assert [ast.unparse(node) for node in tree.body[1:]] == [
        f"from services.{service}.main import SERVICE",
        "from shared.runtime.service import main",
        "main(SERVICE)",
    ]


@named
def test_topics_in_code_are_those_of_the_topics_file(service: ServiceDefinition) -> None:
    used = {binding.topic for binding in service.bindings} | {kind.topic for kind in service.aggregates}
    assert used | {dead_letters_of(service.name)} <= TOPICS.keys()


def test_every_event_has_a_declared_topic() -> None:
    assert {topic_of(kind) for kind in catalogue().values()} <= TOPICS.keys()


def test_every_topic_is_written_or_read_by_somebody() -> None:
    read = {binding.topic for service in ALL for binding in service.bindings}
    written = {kind.topic for service in ALL for kind in service.aggregates}
    text = "".join(source.text for source in sources() if source.below("shared", "services"))
    mentioned = {name for name in TOPICS if text.count(f'"{name}"') > 1}  # once is the declaration
    letters = {dead_letters_of(service) for service in SERVICES}
    assert TOPICS.keys() - read - written - mentioned - letters == NOT_YET_WRITTEN


def test_a_topic_of_decisions_has_one_owner() -> None:
    owners: dict[str, set[str]] = {}
    for service in ALL:
        for kind in service.aggregates:
            owners.setdefault(kind.topic, set()).add(service.name)
    assert not {topic: names for topic, names in owners.items() if len(names) > 1}


@named
def test_aggregates_and_bindings_have_names_of_their_own(service: ServiceDefinition) -> None:
    names = [binding.name for binding in service.bindings]
    assert len(set(names)) == len(names)
    assert [b.name for b in service.bindings if not isinstance(b, Follow | Trigger | Replica)] == []


def test_prefixes_tell_aggregates_apart() -> None:
    prefixes = [kind.prefix for service in ALL for kind in service.aggregates]
    assert len(set(prefixes)) == len(prefixes)
    assert all(re.fullmatch(r"[a-z]+_", prefix) for prefix in prefixes)


def codes_in(source: Source) -> set[str]:
    """The literal codes of refusals and problems that the module makes."""
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and node.args)
    return {
        part.value
        for call in calls
        if getattr(call.func, "id", "") in {"Refusal", "ProblemError"}
        for part in ast.walk(call.args[0])
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def test_every_code_that_anybody_is_refused_with_has_status_and_texts() -> None:
    product = [s for s in sources() if not s.below("tests", "shared/reconcile")]  # which marks fates with refusals
    used = {code: source.path for source in product for code in codes_in(source)}
    assert len(used) > 40, "the search has gone blind"
    assert {code: path for code, path in used.items() if code not in registered()} == {}


def test_every_text_is_in_both_languages_and_every_status_a_refusal() -> None:
    for code, text in registered().items():
        assert re.search(r"[一-鿿]", text.zh), code
        assert re.search(r"[A-Za-z]{3}", text.en), code
        assert not re.search(r"[一-鿿]", text.en), code
        assert 400 <= text.status <= 503, code
        assert re.fullmatch(r"[a-z][a-z0-9_]*", code), code
