"""`token` prints a token that the installation's services accept, and nothing else."""

from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result

from shared.cli.token import token


@pytest.fixture
def run(state_dir: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]  # a local function
    monkeypatch.setenv("CLOSEDLOOP_STATE_DIR", str(state_dir))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(token, arguments)

    return run


def test_the_defaults(run) -> None:  # type: ignore[no-untyped-def]  # see above
    result = run("--role", "handler", "--role", "leader")
    assert (result.exit_code, result.stderr) == (0, "")
    claims = jwt.decode(result.stdout.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["roles"]) == ("dev-handler", ["handler", "leader"])
    assert (claims["teams"], claims["regions"], claims["exp"] - claims["iat"]) == (["*"], ["*"], 86_400)


def test_everything_can_be_chosen(run) -> None:  # type: ignore[no-untyped-def]  # see above
    result = run(
        "--role", "agent", "--team", "t1", "--team", "t2", "--region", "north", "--sub", "anna", "--ttl", "90s"
    )
    claims = jwt.decode(result.stdout.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["teams"], claims["regions"]) == ("anna", ["t1", "t2"], ["north"])
    assert claims["exp"] - claims["iat"] == 90


@pytest.mark.parametrize("arguments", [(), ("--role", "king"), ("--role", "agent", "--ttl", "soon")])
def test_what_is_not_understood_is_a_usage_error(run, arguments: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]  # see above
    assert run(*arguments).exit_code == 2
