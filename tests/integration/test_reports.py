"""Attainment on a real MongoDB: clocks of every outcome come in as records, and the figures are exact."""

import asyncio
import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from services.workflow.main import SERVICE
from services.workflow.projection import CLOCKS
from shared.cli.main import cli
from tests.integration.planted_clocks import HOUR, Planted, every_outcome, ran, turned
from tests.integration.workflow_installation import Installation

REPORT = "/v1/reports/attainment"


@dataclass
class Scene:
    workflow: Installation
    start: datetime

    async def report(self, role: str = "auditor", **query: Any) -> dict[str, Any]:
        scope = {name: query.pop(name) for name in ("teams", "regions") if name in query}
        given = {"from": self.start.isoformat(), "to": (self.start + 72 * HOUR).isoformat(), **query}
        async with self.workflow.client(role, **scope) as client:
            answer = await client.get(REPORT, params=given)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
async def scene(workflow: Installation, mongo_client: Any) -> Scene:
    """Two orders of two regions with clocks of every outcome, and a voided one."""
    start = workflow.service.clock.now().replace(microsecond=0) - 48 * HOUR
    places = {"jiangsu/nanjing": "core", "zhejiang": "billing"}
    for number, (region, team) in enumerate(places.items()):
        order = await workflow.complain(f"report-{number}")
        traits = {"category": f"net/c{number}", "priority": "P2", "tier": "gold" if number else "silver"}
        await every_outcome(Planted(workflow, order, region, team, start, traits))
    order = await workflow.complain("report-voided")
    void = Planted(workflow, order, "jiangsu/nanjing", "core", start)
    await void.clock("acknowledge", "stopped", state="stopped", ledger=ran(start, 0, 1, by=()))
    await void.clock("resolve", "cancelled", state="cancelled", turn=turned("voided"))
    database = mongo_client[workflow.service.settings.database_prefix + SERVICE.name]
    # the projection of an order that was voided, whatever it takes to void one
    database[workflow_orders(database)].update_one({"_id": order}, {"$set": {"status": "voided"}})
    clocks = database[CLOCKS]
    for _ in range(400):
        told = clocks.count_documents({"breached_at": {"$ne": None}})
        if (told, clocks.count_documents({"work_order": order})) == (8, 2):
            return Scene(workflow, start)
        await asyncio.sleep(0.05)
    pytest.fail(f"only these came: {Counter(clock['outcome'] for clock in clocks.find())}")


def workflow_orders(database: Any) -> str:
    [name] = [name for name in database.list_collection_names() if name.startswith("work_order_")]
    return str(name)


def counts(figures: dict[str, Any], name: str) -> dict[str, int]:
    return {key: one["numerator"] for key, one in figures[name].items() if one["numerator"]}


async def test_figures_are_exact(scene: Scene) -> None:
    report = await scene.report(kind="resolve")
    [row] = report["items"]
    assert row["group"] == {"kind": "resolve"}
    assert row["attainment"] == {"numerator": 6, "denominator": 12, "ratio": 0.5}
    assert row["missed"] == {"numerator": 6, "denominator": 12, "ratio": 0.5}
    assert row["overdue"] == {"numerator": 4, "denominator": 6, "ratio": 0.666667}
    assert row["corrected"] == {"numerator": 2, "denominator": 6, "ratio": 0.333333}
    assert counts(row, "causes") == {"handling": 2, "routing": 2, "unattributed": 2}
    assert counts(row, "beside") == {"open": 2, "not_covered": 2, "merged": 2, "cancelled": 2, "voided": 1}
    assert row["breached_left_out"] == {"numerator": 2, "denominator": 5, "ratio": 0.4}
    assert row["clocks"] == 21
    assert report["total"] == {name: value for name, value in row.items() if name != "group"}
    now = datetime.fromisoformat(report["as_of"]).replace(microsecond=0)
    open_pause = (now - scene.start - HOUR).total_seconds()
    pauses = counts(row, "pauses")
    assert pauses["unreachable"] == 2 * 1_800
    assert abs(pauses["awaiting_parts"] - 2 * (7_200 + open_pause)) <= 2  # the database drops what is below a second
    assert set(pauses) == {"unreachable", "awaiting_parts"}


async def test_a_breach_that_is_told_leaves_the_rest_as_it_was(scene: Scene) -> None:
    found = await scene.workflow.service.database.collection(CLOCKS).find({"cause": "routing"})
    assert [(clock["outcome"], clock["team"] in {"core", "billing"}) for clock in found] == [("missed", True)] * 2


async def test_a_voided_order_leaves_every_denominator(scene: Scene) -> None:
    report = await scene.report(kind="acknowledge")
    assert report["total"]["attainment"] == {"numerator": 0, "denominator": 0, "ratio": None}
    assert counts(report["total"], "beside") == {"voided": 1}


@pytest.mark.parametrize(
    "grouping",
    [
        "team",
        "region",
        "category",
        "priority",
        "tier",
        "cycle",
        "day",
        "week",
        "month",
        "kind,team,day",
        "tier,month",
    ],
)
async def test_groups_add_up_to_the_whole(scene: Scene, grouping: str) -> None:
    whole, grouped = await scene.report(), await scene.report(group_by=grouping)
    assert len(grouped["items"]) >= 1
    for name in ("attainment", "missed", "corrected", "overdue"):
        parts = [item[name] for item in grouped["items"]]
        assert sum(part["numerator"] for part in parts) == whole["total"][name]["numerator"]
        assert sum(part["denominator"] for part in parts) == whole["total"][name]["denominator"]
    for name in ("causes", "beside"):
        summed: Counter[str] = Counter()
        for item in grouped["items"]:
            summed.update(counts(item, name))
        assert summed == counts(whole["total"], name)
    assert sum(item["clocks"] for item in grouped["items"]) == whole["total"]["clocks"] == 24


async def test_a_group_is_named_by_its_fields(scene: Scene) -> None:
    by_tier = await scene.report(group_by="tier,category", kind="resolve", tier="gold,silver")
    assert [(item["group"], item["attainment"]["numerator"]) for item in by_tier["items"]] == [
        ({"tier": "gold", "category": "net/c1"}, 3),
        ({"tier": "silver", "category": "net/c0"}, 3),
    ]
    below = await scene.report(group_by="category", category="net", kind="resolve")
    assert [item["group"]["category"] for item in below["items"]] == ["net/c0", "net/c1"]


async def test_the_due_date_decides_and_the_end_is_not_included(scene: Scene) -> None:
    due = scene.start + 2 * HOUR
    one_second = {"from": due.isoformat(), "to": (due + timedelta(seconds=1)).isoformat()}
    assert (await scene.report(kind="resolve", **one_second))["total"]["attainment"]["denominator"] == 10
    before = {"from": scene.start.isoformat(), "to": due.isoformat()}
    assert (await scene.report(kind="resolve", **before))["total"]["attainment"]["denominator"] == 0
    statutory = await scene.report(kind="statutory")
    assert counts(statutory["total"], "beside") == {"open": 2}


async def test_everybody_sees_what_is_theirs(scene: Scene) -> None:
    async def met(role: str, **scope: Any) -> int:
        found = await scene.report(role, kind="resolve", **scope)
        return int(found["total"]["attainment"]["numerator"])

    assert await met("leader") == 6
    assert await met("leader", regions=("jiangsu",)) == 3
    assert await met("leader", regions=("jiangsu", "zhejiang"), teams=("billing",)) == 3
    assert await met("supervisor", regions=("jiangsu",), teams=("billing",)) == 0
    assert await met("supervisor", regions=()) == 0
    assert await met("auditor", regions=()) == 6
    assert await met("reviewer", region="zhejiang", team="billing,core") == 3


async def test_the_same_figures_as_csv(scene: Scene) -> None:
    report = await scene.report(group_by="team", kind="resolve")
    given = {"from": scene.start.isoformat(), "to": (scene.start + 72 * HOUR).isoformat()}
    query = {**given, "group_by": "team", "kind": "resolve"}
    async with scene.workflow.client("leader") as client:
        asked = [
            await client.get(REPORT, params={**query, "format": "csv"}),
            await client.get(REPORT, params=query, headers={"Accept": "text/csv"}),
        ]
    for answer in asked:
        assert answer.headers["content-type"].startswith("text/csv")
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert [line["team"] for line in lines] == ["billing", "core", "total"]
        assert lines[-1]["met"] == str(report["total"]["attainment"]["numerator"])
        assert lines[-1]["denominator"] == "12"
        assert lines[-1]["paused_seconds_unreachable"] == "3600"


async def shown(scene: Scene, *arguments: str) -> str:
    """What the command prints about the planted orders."""
    async with scene.workflow.client("auditor") as client:
        named = {"KAFKA_BOOTSTRAP": "none:1", "WORKFLOW_URL": str(client.base_url)}
        env = {f"CLOSEDLOOP_{name}": value for name, value in named.items()}
        env["CLOSEDLOOP_TOKEN"] = scene.workflow.token("auditor")
    span = ["--from", scene.start.isoformat(), "--to", (scene.start + 72 * HOUR).isoformat()]
    command = ["report", "attainment", *span, *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, cli, command, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_the_command_shows_a_table_in_both_languages(scene: Scene) -> None:
    lines = (await shown(scene, "--kind", "resolve", "--group-by", "kind,team", "--language", "en")).splitlines()
    assert lines[0].split()[:5] == ["clock", "team", "attainment", "met", "missed"]
    assert "50.0% (6/12)" in lines[-1]
    assert "handling 2, routing 2, not attributed 2" in lines[-1]
    assert "unreachable 1.0 h" in lines[-1]
    assert [line.split()[:2] for line in lines[2:4]] == [["resolve", "billing"], ["resolve", "core"]]
    chinese = await shown(scene, "--kind", "resolve", "--language", "zh")
    assert "达成率" in chinese
    assert "处理 2, 流转 2, 未归因 2" in chinese


async def test_the_command_prints_json_and_csv(scene: Scene) -> None:
    printed = json.loads(await shown(scene, "-o", "json", "--kind", "statutory"))
    assert printed["total"]["clocks"] == 2
    lines = list(csv.DictReader(io.StringIO(await shown(scene, "-o", "csv", "--group-by", "region"))))
    assert [line["region"] for line in lines] == ["jiangsu/nanjing", "zhejiang", "total"]


async def test_reports_are_listed_and_others_are_not_there(scene: Scene) -> None:
    listed = (await scene.workflow.call("reviewer", "GET", "/v1/reports")).json()
    [report] = listed["items"]
    assert (report["name"], report["title"]["zh"]) == ("attainment", "时限达成率")
    assert {"from", "to", "group_by", "kind"} <= {parameter["name"] for parameter in report["parameters"]}
    assert (await scene.workflow.call("handler", "GET", "/v1/reports/satisfied")).status_code == 404
    for role in ("handler", "agent", "dispatcher", "callback"):
        assert (await scene.workflow.call(role, "GET", REPORT)).status_code == 403
    empty = (await scene.workflow.call("leader", "GET", f"{REPORT}?from=2020-01-01&to=2020-02-01&language=zh")).json()
    assert (empty["items"], empty["labels"]["kinds"]["resolve"]) == ([], "处理")
    assert empty["from"] == "2019-12-31T16:00:00Z"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=2020-01-01&to=2026-01-01", "/from"),
        ("from=yesterday", "/from"),
        ("group_by=shoe_size", "/group_by"),
        ("kind=resolved", "/kind"),
        ("zone=Mars/Olympus", "/zone"),
        ("regoin=jiangsu", "/regoin"),
        ("region=%00", "/region"),
        ("format=pdf", "/format"),
    ],
)
async def test_faults_are_named(workflow: Installation, query: str, pointer: str) -> None:
    answer = await workflow.call("leader", "GET", f"{REPORT}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid")
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


async def test_a_zone_groups_by_its_own_days(scene: Scene) -> None:
    for zone in ("Asia/Shanghai", "America/New_York", "Europe/Kyiv", "Asia/Kathmandu", "UTC"):
        report = await scene.report(group_by="day", kind="statutory", zone=zone)
        [row] = report["items"]
        assert date.fromisoformat(row["group"]["day"]) == _day(scene.start + 60 * HOUR, zone)


def _day(instant: datetime, zone: str) -> date:
    from zoneinfo import ZoneInfo

    return instant.astimezone(ZoneInfo(zone)).date()
