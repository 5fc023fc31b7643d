"""Every operation of the four OpenAPI documents keeps what its document says, whatever it is sent.

FUZZ_EXAMPLES asks for more requests of an operation than the few of every day, and then for others in each run.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest

from deploy.local.process import wait_until
from deploy.local.stack import LocalStack
from shared.cli.installation import CHECKOUT, SERVICES
from shared.runtime.devkeys import sign
from shared.runtime.roles import ROLES
from tests.bench.installation import Installation, installed
from tests.e2e.bad_records import complaint

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
EVERY_DAY, OF_ALL_ACTIONS = 4, 40
ANY_ACTION = "/v1/work-orders/{order_id}/actions/{action}"
"""Every edge of the arguments of every action alone would take minutes."""
HOOKS = "tests.contracts.openapi_hooks"
UNTOUCHED = ("/test/clock", "/v1/stream")
"""Whoever moves time changes what all others mean; and a stream never ends."""
KNOWN_IDS_SHARE = 0.7
MOST_GROWTH = 96 * 1024 * 1024  # bytes of resident memory, caches included


@pytest.fixture(scope="module")
def installation(
    stack: LocalStack, mongo_client: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder, name = tmp_path_factory.mktemp("fuzzed"), f"t{uuid4().hex[:8]}"
    with installed(stack, folder, name, more={"CLOSEDLOOP_HTTP_RATE": "0"}) as found:
        yield found
    for database in mongo_client.list_database_names():
        if database.startswith(f"{name}_"):
            mongo_client.drop_database(database)


@pytest.fixture(scope="module")
def token(installation: Installation) -> str:
    folder = Path(installation.processes["intake"].environ()["CLOSEDLOOP_STATE_DIR"])
    return sign(folder, "fuzzer", sorted(ROLES), ("*",), ("*",), 24 * 3600)


@pytest.fixture(scope="module")
def configuration(installation: Installation, token: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Names of things that are there, so that requests get further than to a 404."""
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=20) as http:
        known = known_ids(http, installation.urls)
    lines = ['headers = {Authorization = "Bearer ${TOKEN}"}']
    lines += [f"[dictionaries.{name}]\nvalues = {json.dumps(ids)}" for name, ids in known.items()]
    # Which refusal comes first is laid down: an old version is told before a body that does not fit.
    lines += ['[checks.negative_data_rejection]\nexpected-statuses = ["4xx"]', "[parameters]"]
    lines += [f'"path.{n}" = {{dictionary = "{n}", probability = {KNOWN_IDS_SHARE}}}' for n in known]
    if EXAMPLES is None:
        lines += [
            f'[[operations]]\ninclude-path = "{ANY_ACTION}"',
            f"generation.max-examples = {OF_ALL_ACTIONS}\nphases.coverage.enabled = false",
        ]
    path = tmp_path_factory.mktemp("schemathesis") / "schemathesis.toml"
    path.write_text("\n".join(lines))
    return path


def known_ids(http: httpx.Client, urls: Mapping[str, str]) -> dict[str, list[str]]:
    made = http.post(f"{urls['intake']}/v1/complaints", json=complaint("known")).raise_for_status().json()
    order = made["work_order_id"]

    def items(service: str, path: str) -> list[Any]:
        found: list[Any] = http.get(urls[service] + path).raise_for_status().json()["items"]
        return found

    def told() -> bool:
        there = http.get(f"{urls['escalation']}/v1/work-orders/{order}/clocks").status_code == 200
        return there and bool(items("notifier", "/v1/notifications"))

    assert wait_until(told, 30), "the order never became known everywhere"
    rules = [rule["id"] for kind in ("policies", "calendars") for rule in items("escalation", f"/v1/{kind}")]
    return {
        "complaint_id": [made["id"]],
        "customer_id": ["c-1"],
        "order_id": [order],
        "action": [action["action"] for action in items("workflow", f"/v1/work-orders/{order}/actions")],
        "kind": ["resolve", "statutory"],
        "rule_id": sorted({*rules, "another"}),
        "notice_id": [notice["id"] for notice in items("notifier", "/v1/notifications")],
    }


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_keeps_what_its_document_says(
    installation: Installation, token: str, configuration: Path, service: str
) -> None:
    process = installation.processes[service]
    before = resident(process)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            "--config-file",
            configuration,
            "run",
            *options(installation, service),
        ],
        cwd=configuration.parent,  # it leaves a cache where it runs
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "SCHEMATHESIS_HOOKS": HOOKS, "TOKEN": token},
        capture_output=True,
        text=True,
        timeout=7_200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert process.is_running(), "the service died"
    assert resident(process) - before < MOST_GROWTH


def options(installation: Installation, service: str) -> list[str]:
    brief = ["--max-examples", str(EVERY_DAY), "--generation-deterministic", "--phases", "coverage,fuzzing"]
    return [
        f"{installation.urls[service]}/openapi.json",
        *(part for path in UNTOUCHED for part in ("--exclude-path", path)),
        *("--exclude-checks", "positive_data_acceptance"),  # ours is stricter about what, and no refusal fails it
        *("--generation-allow-x00", "false"),
        *("--warnings", "off", "--continue-on-failure", "--no-color"),
        *(brief if EXAMPLES is None else ["--max-examples", EXAMPLES]),
    ]


def resident(process: psutil.Process) -> int:
    found: int = process.memory_info().rss
    return found
