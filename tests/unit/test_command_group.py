"""The command group: cheap help, honest exit codes."""

import subprocess
import sys
from importlib import import_module

import pytest
from click.testing import CliRunner

from shared.cli.installation import CHECKOUT
from shared.cli.main import COMMANDS, cli

HEAVY = {"pydantic", "fastapi", "pymongo", "motor", "aiokafka", "httpx", "rich", "asyncio", "psutil", "yaml"}


def test_help_loads_no_command() -> None:
    script = (
        "import sys\nfrom shared.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\nprint('LOADED', *sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    talk, _, loaded = done.stdout.partition("LOADED")
    assert all(name in talk for name in COMMANDS)
    assert not HEAVY & set(loaded.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_and_explains_itself(name: str) -> None:
    module, _, attribute = COMMANDS[name][0].partition(":")
    assert hasattr(import_module(module), attribute)
    if name != "test":  # hands --help to pytest
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


def test_a_mistyped_command_is_a_usage_error_with_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["statsu"])
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.output


def test_an_unsupported_platform_names_the_settings_of_external_mode() -> None:
    from deploy.local.failure import UnsupportedPlatform

    failure = UnsupportedPlatform("no MongoDB server is packaged for this platform")
    assert failure.exit_code == 5
    assert "CLOSEDLOOP_MONGO_URI" in failure.advice
    assert "CLOSEDLOOP_KAFKA_BOOTSTRAP" in failure.advice
