"""The client commands as a person uses them, against a running system in test mode."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient

from services.workflow.domain import WORK_ORDERS
from shared.cli.installation import CHECKOUT, SERVICES
from shared.persistence.projection import collection_name

SOURCE = "/test/crm"
READY_SECONDS = 120.0
EFFECT_SECONDS = 30.0


class System:
    """An `up` of its own, and the commands of whoever works with it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        settings = {"STATE_DIR": str(state_dir), "TEST_MODE": "1", "INTAKE__OPEN_SOURCES": "false"}
        self.environment = {
            **os.environ,
            **{f"CLOSEDLOOP_{name}": value for name, value in settings.items()},
            "PYTHONPATH": str(CHECKOUT),
        }

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "shared.cli", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )

    def data(self, *arguments: str, stdin: str = "") -> Any:
        """What the command answers as JSON; it must succeed."""
        done = self.run(*arguments, "-o", "json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def fails(self, exit_code: int, *arguments: str) -> str:
        """What the command says while it fails with `exit_code`; nothing of it on stdout."""
        done = self.run(*arguments)
        assert done.returncode == exit_code, (done.stdout, done.stderr)
        assert done.stdout == ""
        return done.stderr

    def eventually(self, holds: Callable[[Any], bool], *arguments: str) -> Any:
        """The answer of the command once it `holds`."""
        deadline = time.monotonic() + EFFECT_SECONDS
        while True:
            done = self.run(*arguments, "-o", "json")
            seen = json.loads(done.stdout) if done.returncode == 0 else None
            if seen is not None and holds(seen):
                return seen
            assert time.monotonic() < deadline, f"never came to it: {seen} {done.stderr}"

    def submitted(self, subject: str, *options: str) -> str:
        """The order of a new complaint, which a team has."""
        order: str = self.data("submit", "--subject", subject, *options)["work_order_id"]
        self.eventually(lambda found: found.get("status") == "assigned", "show", order)
        return order

    @property
    def found(self) -> dict[str, Any]:
        recorded: dict[str, Any] = json.loads((self.state_dir / "installation.json").read_text())
        return recorded

    def register(self, source: str) -> None:
        token = self.run("token", "--role", "admin").stdout.strip()
        answer = httpx.put(
            f"{self.found['services']['workflow']}/v1/admin/sources/{source}",
            json={"types": ["complaint.submitted"]},
            headers={"Authorization": f"Bearer {token}", "If-None-Match": "*"},
            trust_env=False,
        )
        assert answer.status_code == 201, answer.text
        self.data("clock", "advance", "61s")  # entries of the directory take effect after a minute


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("commands") / "state")
    talk = system.state_dir.with_suffix(".talk")
    with talk.open("wb") as output:
        up = subprocess.Popen(
            [sys.executable, "-m", "shared.cli", "up"], env=system.environment, stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while b"ready in" not in talk.read_bytes():
            assert up.poll() is None, talk.read_text()
            assert time.monotonic() < deadline, talk.read_text()
            time.sleep(0.1)
        yield system
    finally:
        up.terminate()
        up.wait(30)


def test_an_order_goes_through_all_hands(system: System) -> None:
    order = system.submitted("无信号", "--name", "张三", "--phone", "13800000000", "--tier", "gold")
    system.data("act", order, "accept")
    resolution = {"root_cause": "cable", "measures": "replaced", "reply_text": "done", "remedy": {"kind": "repair"}}
    system.data("act", order, "submit_resolution", "--json", "-", stdin=json.dumps(resolution))
    system.data("act", order, "approve", "text=good")
    system.data("act", order, "communicate_decision", "by=agent")
    closed = system.data("act", order, "record_callback", "outcome=satisfied", "scores.speed=5")
    assert (closed["status"], closed["satisfaction"]["scores"]) == ("closed", {"speed": 5})

    steps = system.data("show", order, "--timeline")["timeline"]
    doers = [step["actor"]["id"] for step in steps if step["actor"]["kind"] == "agent"]
    assert doers == ["dev-handler", "dev-handler", "dev-reviewer", "dev-agent", "dev-callback"]
    told = system.run("show", order, "--timeline").stdout
    assert "by agent dev-reviewer" in told
    assert "review_approved" in told
    assert "because of http:dev-reviewer" in told


def test_orders_are_found_by_what_they_are(system: System) -> None:
    order = system.submitted("找得到", "--category", "billing/roaming", "--region", "zhejiang/hangzhou")
    (found,) = system.data("list", "--category", "billing", "--region", "zhejiang")["items"]
    assert found["id"] == order
    assert system.data("show", found["number"])["id"] == order
    assert system.data("show", found["complaint_id"])["id"] == order
    (line,) = system.run("list", "-q", "找得到", "-o", "jsonl").stdout.splitlines()
    assert json.loads(line)["id"] == order
    assert "找得到" in system.run("list", "--status", "assigned").stdout


def test_what_cannot_be_done_says_why_and_by_its_exit_code(system: System) -> None:
    order = system.submitted("refusals")
    assert "there is no work order" in system.fails(3, "show", "C20990101AAAAAAAA")
    assert "Did you mean accept?" in system.fails(3, "act", order, "acept")
    assert "no argument txt" in system.fails(2, "act", order, "cancel", "txt=x")
    assert "/reason: Field required" in system.fails(2, "act", order, "cancel")
    assert "wrong_status" in system.fails(1, "act", order, "approve")
    assert "forbidden" in system.fails(1, "act", order, "accept", "--as", "reviewer")
    assert "stale_version" in system.fails(4, "act", order, "accept", "expected_version=77")
    assert "received_at" in system.fails(2, "submit", "--subject", "x", "--received-at", "yesterday")
    system.data("act", order, "accept", "--sub", "li")
    assert "li has it (already_accepted)" in system.fails(4, "act", order, "accept")
    listed = {item["action"]: item for item in system.data("act", order, "--as", "handler", "--sub", "li")["items"]}
    assert listed["respond"]["allowed"]
    assert (listed["approve"]["code"], listed["approve"]["roles"]) == ("forbidden", ["reviewer"])


def test_a_dead_letter_goes_back_when_its_cause_is_mended_and_is_applied_once(system: System) -> None:
    published = system.data("submit", "--kafka", "--source", SOURCE, "--external-id", "77", "--subject", "who am I")
    unknown = ("--service", "intake", "--reason", "unknown_source")
    (letter,) = system.eventually(lambda found: found["items"], "dlq", "list", *unknown)["items"]
    assert (letter["source"], letter["attempts"], letter["redriven"]) == (SOURCE, 1, False)
    whole = system.data("dlq", "show", letter["id"])
    assert json.loads(whole["value"])["external_id"] == "77"
    assert whole["headers"]["dl_reason"] == "unknown_source"

    # Sent back too early it returns as a letter of its own, which counts on.
    assert [one["id"] for one in system.data("dlq", "redrive", "--dry-run")["items"]] == [letter["id"]]
    system.data("dlq", "redrive", letter["id"])
    assert "--force" in system.fails(4, "dlq", "redrive", letter["id"])
    first, second = system.eventually(lambda found: len(found["items"]) == 2, "dlq", "list", *unknown)["items"]
    assert (first["redriven"], first["attempts"]) == (True, 1)
    assert (second["redriven"], second["attempts"]) == (False, 2)

    system.register(SOURCE)
    assert [one["id"] for one in system.data("dlq", "redrive", *unknown)["items"]] == [second["id"]]
    system.eventually(lambda found: found.get("status") == "assigned", "show", published["work_order_id"])
    assert system.data("dlq", "redrive")["items"] == []
    assert len(system.data("dlq", "redrive", "--force")["items"]) == 2
    # What contradicts the first one lies behind all copies of it, and so is the last to be read.
    system.data("submit", "--kafka", "--source", SOURCE, "--external-id", "77", "--subject", "somebody else")
    system.eventually(lambda found: found["items"], "dlq", "list", "--reason", "conflicting_duplicate")
    assert [event["sequence"] for event in events(system, "complaints", published["id"])] == [1, 2]
    assert len(system.data("dlq", "list", *unknown)["items"]) == 2
    assert "there is no dead letter" in system.fails(3, "dlq", "redrive", "intake.dead-letters/0/999")


def events(system: System, topic: str, subject: str) -> list[dict[str, Any]]:
    told = system.run("tail", "--no-follow", "--from-beginning", "--topic", topic, "-o", "jsonl")
    assert told.returncode == 0, told.stderr
    found = [json.loads(line) for line in told.stdout.splitlines()]
    return [event for event in found if event["subject"] == subject]


def test_what_waits_is_told_apart_from_what_is_dead(system: System) -> None:
    publish(system, "complaints.inbox", [("ce_id", b"1"), ("ce_source", b"/x"), ("ce_type", b"com.example.new.v1")])
    (parked,) = system.eventually(lambda found: found["items"], "dlq", "list", "--parked")["items"]
    assert (parked["service"], parked["reason"], parked["topic"]) == ("intake", "unknown_type", "complaints.inbox")
    assert "unknown_type" in system.run("dlq", "list", "--parked", "--service", "intake").stdout


def publish(system: System, topic: str, headers: list[tuple[str, bytes]]) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=system.found["kafka"]) as producer:
            await producer.send_and_wait(f"closedloop.{topic}", b"{}", headers=headers)

    with asyncio.Runner() as runner:
        runner.run(send())


def test_time_is_moved_for_all_services_and_stays_moved(system: System) -> None:
    assert system.data("clock", "rate", "0")["rate"] == 0
    order = system.submitted("nobody accepts")
    before = system.data("clock", "show")["now"]
    moved = system.data("clock", "advance", "3h")
    assert moved["waiting"] == []
    assert moved["now"] > before
    times = {
        httpx.get(f"{system.found['services'][name]}/test/clock", trust_env=False).json()["now"] for name in SERVICES
    }
    assert len(times) == 1
    assert json.loads((system.state_dir / "clock.json").read_text())["rate"] == 0
    late = system.eventually(lambda found: found["items"], "list", "--breached", "-q", "nobody accepts")
    assert [found["id"] for found in late["items"]] == [order]
    assert "needs an offset" in system.fails(2, "clock", "set", "2026-03-02T09:00:00")
    system.data("clock", "rate", "1")


def test_topics_and_databases_are_as_declared(system: System) -> None:
    report = system.data("topics", "ensure")
    assert report["created"] == report["drift"] == []
    assert "closedloop.complaints.inbox" in report["present"]
    migrated = system.data("db", "migrate")["items"]
    assert [row["service"] for row in migrated] == list(SERVICES)
    assert not any(row["drift"] for row in migrated)


def test_a_projection_is_made_anew_from_the_log(system: System) -> None:
    order = system.submitted("lost and found")
    client: MongoClient[dict[str, Any]] = MongoClient(system.found["mongo"])
    with client:
        projections = client["closedloop_workflow"][collection_name(WORK_ORDERS)]
        assert projections.delete_one({"_id": order}).deleted_count == 1
    assert "no work order" in system.run("show", order).stderr
    rebuilt = {row["aggregate"]: row["rebuilt"] for row in system.data("db", "rebuild", "workflow")["items"]}
    assert rebuilt["work_order"] >= 1
    assert system.data("show", order)["status"] == "assigned"


def test_events_are_followed_as_they_come(system: System) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "tail", "--topic", "complaints", "-o", "jsonl", "--from-beginning"],
        env=system.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as following:
        try:
            order = system.submitted("followed")
            assert following.stdout
            wanted = order.replace("wo_", "cmp_")
            event = next(found for line in following.stdout if (found := json.loads(line))["subject"] == wanted)
            assert event["type"] == "closedloop.complaint.received.v1"
        finally:
            following.terminate()


def test_a_reader_that_leaves_early_breaks_nothing(system: System) -> None:
    told = subprocess.run(
        f"{sys.executable} -m shared.cli tail --no-follow --from-beginning | head -1",
        shell=True,
        env=system.environment,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert len(told.stdout.splitlines()) == 1
    assert "Traceback" not in told.stderr
