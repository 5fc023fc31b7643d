"""Which system a command talks to."""

from pathlib import Path

import pytest

from shared.cli.endpoints import find_endpoints
from shared.cli.failure import DependencyDown
from shared.cli.installation import SERVICES, Installation


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    for name in ("KAFKA_BOOTSTRAP", "MONGO_URI", "TOPIC_PREFIX", "DATABASE_PREFIX", "WORKFLOW_URL"):
        monkeypatch.delenv(f"CLOSEDLOOP_{name}", raising=False)
    monkeypatch.setenv("CLOSEDLOOP_STATE_DIR", str(tmp_path))
    found = Installation(tmp_path)
    found.create()
    return found


def test_nothing_that_runs_is_a_dependency_that_is_down(installation: Installation) -> None:
    installation.record({"mode": "embedded", "kafka": "k:1", "mongo": "m", "services": {}})
    with pytest.raises(DependencyDown, match="nothing runs in") as caught:
        find_endpoints()
    assert "./closedloop up" in caught.value.advice


def test_a_system_that_starts_is_not_there_yet(installation: Installation) -> None:
    held = installation.hold()
    assert held
    with held, pytest.raises(DependencyDown, match="is starting"):
        find_endpoints()


def test_what_runs_here_is_found_where_it_was_recorded(installation: Installation) -> None:
    urls = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(SERVICES, 9000)}
    facts = {"mode": "embedded", "test_mode": True, "kafka": "k:1", "mongo": "m", "services": urls}
    held = installation.hold()
    assert held
    with held:
        installation.record(facts)
        found = find_endpoints()
    assert (found.kafka, found.mongo, found.urls) == ("k:1", "m", urls)
    assert found.embedded
    assert found.test_mode
    assert (found.topic_prefix, found.database_prefix) == ("closedloop.", "closedloop_")


def test_settings_name_a_system_elsewhere(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSEDLOOP_KAFKA_BOOTSTRAP", "far:9092")
    monkeypatch.setenv("CLOSEDLOOP_WORKFLOW_URL", "http://far:80")
    monkeypatch.setenv("CLOSEDLOOP_TOPIC_PREFIX", "mine.")
    found = find_endpoints()
    assert (found.kafka, found.embedded, found.topic_prefix) == ("far:9092", False, "mine.")
    assert (found.urls["workflow"], found.urls["intake"]) == ("http://far:80", "http://127.0.0.1:8101")
