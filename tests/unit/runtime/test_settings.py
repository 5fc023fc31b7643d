"""Settings from the environment, and what is said about names that nobody reads."""

import io
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from shared.runtime.settings import InvalidSettings, Settings, known_names, unknown_names


class IntakeSection(BaseModel):
    open_sources: bool = Field(default=False, description="Lets every source submit.")


class IntakeSettings(Settings):
    http_port: int = 8101
    intake: IntakeSection = Field(default_factory=IntakeSection)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("CLOSEDLOOP_KAFKA_BOOTSTRAP", "a:1, b:2")
    monkeypatch.setenv("CLOSEDLOOP_MONGO_URI", "mongodb://user:secret@host")
    return monkeypatch


def test_sections_and_nested_names_are_read(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLOSEDLOOP_INTAKE__OPEN_SOURCES", "true")
    environment.setenv("CLOSEDLOOP_AUTH__JWKS", "/keys.json")
    environment.setenv("CLOSEDLOOP_STATE_DIR", "/state")
    settings = IntakeSettings.load()
    assert settings.kafka_servers == ["a:1", "b:2"]
    assert settings.intake.open_sources
    assert settings.auth.jwks == "/keys.json"
    assert (settings.state_dir, settings.http_port, settings.test_mode) == (Path("/state"), 8101, False)


def test_faults_name_variables_and_no_values(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("CLOSEDLOOP_KAFKA_BOOTSTRAP")
    environment.setenv("CLOSEDLOOP_HTTP_PORT", "secret")
    environment.setenv("CLOSEDLOOP_INTAKE__OPEN_SOURCES", "secret")
    with pytest.raises(InvalidSettings) as fault:
        IntakeSettings.load()
    for name in ("CLOSEDLOOP_KAFKA_BOOTSTRAP", "CLOSEDLOOP_HTTP_PORT", "CLOSEDLOOP_INTAKE__OPEN_SOURCES"):
        assert name in str(fault.value)
    assert "secret" not in str(fault.value)


def test_unknown_names_come_with_the_nearest_known_one() -> None:
    environ = {
        "PATH": "/bin",
        "CLOSEDLOOP_MONGO_URL": "x",
        "CLOSEDLOOP_INTAKE__OPNE_SOURCES": "x",
        "CLOSEDLOOP_AUTH__JWSK": "x",
        "CLOSEDLOOP_WORKFLOW__ANYTHING": "x",
        "CLOSEDLOOP_CACHE_DIR": "x",
        "CLOSEDLOOP_TEST_STACK": "x",
        "closedloop_test_mode": "1",
    }
    assert unknown_names(environ, known_names(IntakeSettings)) == [
        ("CLOSEDLOOP_AUTH__JWSK", "CLOSEDLOOP_AUTH__JWKS"),
        ("CLOSEDLOOP_INTAKE__OPNE_SOURCES", "CLOSEDLOOP_INTAKE__OPEN_SOURCES"),
        ("CLOSEDLOOP_MONGO_URL", "CLOSEDLOOP_MONGO_URI"),
    ]


def test_unknown_names_are_logged_at_start(environment: pytest.MonkeyPatch, logs: io.StringIO) -> None:
    environment.setenv("CLOSEDLOOP_TOPIC_PREFX", "x")
    Settings.load()
    assert "CLOSEDLOOP_TOPIC_PREFIX" in logs.getvalue()


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
