"""What `up` would run, decided from the settings alone."""

from pathlib import Path

import pytest

from deploy.local.failure import StackFailure
from deploy.local.stack import Endpoints
from deploy.local.system import EXTERNAL_PORTS, external_endpoints, service_commands, service_settings

SERVERS = {"CLOSEDLOOP_KAFKA_BOOTSTRAP": "broker:9092", "CLOSEDLOOP_MONGO_URI": "mongodb://db/?replicaSet=rs"}


def test_without_settings_the_servers_are_embedded() -> None:
    assert external_endpoints({}) is None


def test_with_both_settings_existing_servers_are_used() -> None:
    assert external_endpoints(SERVERS) == Endpoints("broker:9092", "mongodb://db/?replicaSet=rs")


@pytest.mark.parametrize("name", SERVERS)
def test_with_one_of_the_two_nothing_is_guessed(name: str) -> None:
    with pytest.raises(StackFailure, match="only one of") as refused:
        external_endpoints({name: SERVERS[name]})
    assert refused.value.exit_code == 2


def test_every_service_knows_its_port_and_where_the_others_are(tmp_path: Path) -> None:
    endpoints = Endpoints("broker:9092", "mongodb://db/?replicaSet=rs")
    settings = service_settings(tmp_path, endpoints, EXTERNAL_PORTS, mode="external", test_mode=False)
    commands = {command.name: command for command in service_commands(settings, EXTERNAL_PORTS)}
    assert commands["notifier"].url == "http://127.0.0.1:8104"
    assert commands["notifier"].env["CLOSEDLOOP_HTTP_PORT"] == "8104"
    assert commands["notifier"].env["CLOSEDLOOP_INTAKE_URL"] == "http://127.0.0.1:8101"
    assert "CLOSEDLOOP_TEST_MODE" not in settings
    assert "CLOSEDLOOP_AUTH__JWKS" not in settings


def test_embedded_services_trust_the_development_keys_of_their_state_directory(tmp_path: Path) -> None:
    endpoints = Endpoints("127.0.0.1:1", "mongodb://127.0.0.1:2")
    settings = service_settings(tmp_path, endpoints, EXTERNAL_PORTS, mode="embedded", test_mode=True)
    assert settings["CLOSEDLOOP_AUTH__JWKS"] == str(tmp_path / "auth" / "jwks.json")
    assert settings["CLOSEDLOOP_TEST_MODE"] == "1"
