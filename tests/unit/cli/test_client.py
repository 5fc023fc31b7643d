"""Calling a service: what fails, with which exit code, and what is tried again."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest

from shared.cli import clock
from shared.cli.client import Client
from shared.cli.endpoints import Endpoints
from shared.cli.failure import CommandFailed

Answer = tuple[int, Any]


class Stub(HTTPServer):
    """A service that gives the prepared answers one after the other, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = [(200, {})]
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        status, body = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET  # noqa: N815 - the library calls them so

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[Stub]:
    with Stub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield stub
        stub.shutdown()
        thread.join()


def at(url: str, state_dir: Path, *, embedded: bool = True) -> Endpoints:
    return Endpoints("", "", {"workflow": url}, state_dir, embedded, False, "closedloop.", "closedloop_")


@pytest.fixture
def client(service: Stub, tmp_path: Path) -> Iterator[Client]:
    with Client(at(service.url, tmp_path), ("reviewer", "leader")) as client:
        yield client


def test_a_caller_has_a_token_for_its_roles(service: Stub, client: Client) -> None:
    client.get("workflow", "/v1/x", {"status": "closed"})
    (_, path, headers), *_ = service.requests
    claims = jwt.decode(headers["Authorization"].partition(" ")[2], options={"verify_signature": False})
    assert path == "/v1/x?status=closed"
    assert (claims["sub"], claims["roles"], claims["teams"]) == ("dev-reviewer", ["reviewer", "leader"], ["*"])


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "malformed", 2),
        (401, "unauthenticated", 1),
        (403, "forbidden", 1),
        (404, "not_found", 3),
        (409, "already_accepted", 4),
        (412, "stale_version", 4),
        (422, "request_invalid", 2),
        (422, "wrong_status", 1),
        (429, "rate_limited", 5),
        (500, "internal", 1),
    ],
)
def test_each_problem_has_its_exit_code(
    service: Stub, client: Client, status: int, code: str, exit_code: int
) -> None:
    fault = {"pointer": "/text", "detail": "too long"}
    service.answers = [(status, {"code": code, "detail": "no", "errors": [fault]})]
    with pytest.raises(CommandFailed, match=code) as caught:
        client.get("workflow", "/v1/x")
    assert caught.value.exit_code == exit_code
    assert caught.value.advice == "  /text: too long"


def test_a_service_that_is_starting_is_asked_again_for_the_same_thing(service: Stub, client: Client) -> None:
    service.answers = [(503, {"code": "unavailable"}), (200, {"done": True})]
    assert client.post("workflow", "/v1/x", {"a": 1}) == {"done": True}
    keys = [headers["Idempotency-Key"] for _, _, headers in service.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_the_callers_own_command_id_is_the_key(service: Stub, client: Client) -> None:
    client.post("workflow", "/v1/x", {"command_id": "c1"})
    assert "Idempotency-Key" not in service.requests[0][2]


def test_a_list_is_read_page_by_page(service: Stub, client: Client) -> None:
    service.answers = [(200, {"items": [1, 2], "next_cursor": "n"}), (200, {"items": [3], "next_cursor": "m"})]
    assert client.page("workflow", "/v1/x", {"team": "a"}, 3) == ([1, 2, 3], "m")
    assert [path for _, path, _ in service.requests] == ["/v1/x?team=a&limit=3", "/v1/x?team=a&cursor=n&limit=1"]


def test_nobody_there_is_a_dependency_that_is_down(tmp_path: Path) -> None:
    with (
        Client(at("http://127.0.0.1:1", tmp_path), ("agent",), patience_seconds=0) as client,
        pytest.raises(CommandFailed, match="workflow does not answer") as caught,
    ):
        client.get("workflow", "/")
    assert caught.value.exit_code == 5


def test_elsewhere_a_token_has_to_be_given(service: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOSEDLOOP_TOKEN", raising=False)
    elsewhere = at(service.url, tmp_path, embedded=False)
    with pytest.raises(CommandFailed) as caught:
        Client(elsewhere, ("agent",))
    assert "CLOSEDLOOP_TOKEN" in caught.value.advice
    monkeypatch.setenv("CLOSEDLOOP_TOKEN", "given")
    with Client(elsewhere, ("agent",)) as client:
        client.get("workflow", "/")
    assert service.requests[0][2]["Authorization"] == "Bearer given"


def test_time_is_moved_in_test_mode_only(service: Stub, tmp_path: Path) -> None:
    service.answers = [(404, {"code": "not_found"})]
    with pytest.raises(CommandFailed, match="test mode only") as caught, clock.answering():
        clock.move(dict.fromkeys(clock.ORDER, service.url), tmp_path, {"rate": 0})
    assert caught.value.exit_code == 1
    assert not (tmp_path / clock.CLOCK_FILE).exists()
