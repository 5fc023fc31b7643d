"""The generated pages are as fresh as the code, and say what an integrator looks for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.cli.documents import CHECKOUT, configuration_page, definitions, events_page, stale_pages
from shared.events.topics import TOPICS
from shared.messaging.asyncapi import asyncapi_document
from shared.messaging.contract import catalogue


def test_the_pages_in_the_tree_are_fresh() -> None:
    stale = stale_pages(CHECKOUT, definitions())
    assert not stale, f"{', '.join(stale)}: run `./closedloop docs --write`"


def test_a_page_that_is_missing_or_differs_is_stale(tmp_path: Path) -> None:
    pages = stale_pages(tmp_path, definitions())
    assert set(pages) == {"docs/events.md", "docs/configuration.md"}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/events.md").write_text(pages["docs/events.md"])
    (tmp_path / "docs/configuration.md").write_text("old")
    assert set(stale_pages(tmp_path, definitions())) == {"docs/configuration.md"}


def test_every_topic_and_event_is_on_the_page_and_personal_data_is_marked() -> None:
    page = events_page(definitions())
    assert all(f"## {topic}\n" in page for topic in TOPICS)
    assert all(f"### {wire}\n" in page for wire in catalogue())
    assert "| `description` | string † | required |" in page
    assert "| `message` |" not in page, "fields for the log alone are nobody's business"


def test_every_service_has_its_settings_on_the_page() -> None:
    page = configuration_page(definitions())
    for name in ("KAFKA_BOOTSTRAP", "AUTH__JWKS", "INTAKE__OPEN_SOURCES", "NOTIFIER__EMAIL__HOST"):
        assert f"`CLOSEDLOOP_{name}`" in page


def test_every_reference_in_an_asyncapi_document_leads_somewhere() -> None:
    for service in definitions():
        document = asyncapi_document(service)
        for reference in references(document):
            place: Any = document
            for step in reference.removeprefix("#/").split("/"):
                assert step in place, f"{service.name}: {reference}"
                place = place[step]


def references(node: Any) -> Iterator[str]:
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for each in inner:
        yield from references(each)


def test_every_service_has_an_asyncapi_document_of_all_that_it_reads_and_writes() -> None:
    for service in definitions():
        document = json.loads(json.dumps(asyncapi_document(service)))
        assert {binding.topic for binding in service.bindings} <= set(document["channels"])
        assert {f"send {kind.topic}" for kind in service.aggregates} <= set(document["operations"])
