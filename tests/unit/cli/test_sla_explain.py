"""`sla explain` against escalation itself, over HTTP, with a story in place of its databases."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result

from services.escalation.main import SERVICE
from shared.cli.main import cli
from shared.runtime.devkeys import sign
from shared.runtime.http.app import build_app
from tests.unit.escalation.memory_service import MemoryContext
from tests.unit.escalation.spring_festival import the_explanation, the_picture, the_story
from tests.unit.escalation.story import ORDER


class Served(uvicorn.Server):
    """Says when it listens, and where."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: None = None) -> None:  # type: ignore[override]  # sockets are never given here
        await super().startup(sockets)
        self.listens.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture(autouse=True)
def _escalation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    app = build_app(SERVICE, MemoryContext(the_story(), tmp_path), checks={})
    served = Served(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=served.run)
    thread.start()
    assert served.listens.wait(20), "escalation does not listen"
    monkeypatch.setenv("CLOSEDLOOP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("CLOSEDLOOP_KAFKA_BOOTSTRAP", "nowhere:1")
    monkeypatch.setenv("CLOSEDLOOP_ESCALATION_URL", served.url)
    monkeypatch.setenv("CLOSEDLOOP_TOKEN", sign(tmp_path, "somebody", ("auditor",), ("*",), ("*",), 60))
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    yield
    served.should_exit = True
    thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["sla", "explain", *arguments])


def test_people_read_it_in_their_language() -> None:
    zh, en = run(ORDER, "resolve"), run(ORDER, "resolve", "--language", "en")
    assert (zh.exit_code, en.exit_code) == (0, 0)
    assert "调休上班日" in zh.stdout
    assert "used up at 2025-02-10 11:00:00" in en.stdout


def test_programs_read_it_as_data() -> None:
    found = json.loads(run(ORDER, "resolve", "-o", "json").stdout)
    assert (found["elapsed_seconds"], found["sum_is_exact"]) == (118_800, True)
    assert json.loads(run(ORDER, "resolve", "-o", "jsonl").stdout) == found


def test_the_picture_is_written_beside(tmp_path: Path) -> None:
    picture = tmp_path / "clock.svg"
    done = run(ORDER, "resolve", "--language", "en", "--svg", str(picture))
    assert (done.exit_code, done.stderr) == (0, f"wrote {picture}\n")
    assert picture.read_text() == the_picture()


def test_a_clock_that_the_order_never_had_is_not_found() -> None:
    done = run(ORDER, "statutory")
    assert done.exit_code == 3
    assert f"resolve {the_explanation().number}" in done.stderr


def test_an_order_that_nobody_knows_is_not_found() -> None:
    done = run("wo_ffffffffffffffffffffffffffffffff", "resolve")
    assert done.exit_code == 3
    assert "not_found" in done.stderr
