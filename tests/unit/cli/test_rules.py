"""`policy` and `calendar`: files are checked without a server, drafts are saved and published with what was seen."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shared.cli.client import Client
from shared.cli.failure import NotFound, WrongUsage
from shared.cli.main import cli
from shared.cli.rules import CHECKOUT, as_file, id_in, publish
from tests.unit.cli.test_client import Stub, at, service

__all__ = ["service"]  # the fixture
SHIPPED = CHECKOUT / "deploy" / "policies"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def a_client(service: Stub, state_dir: Path) -> Client:
    return Client(replace(at("", state_dir), urls={"escalation": service.url}), ("admin",))


def test_the_shipped_policies_are_in_force_and_without_fault() -> None:
    done = run("policy", "check", SHIPPED, "-o", "json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["faults"], found["ambiguities"]) == (0, [], [])
    assert [(one["id"], one["in_force"]) for one in found["documents"]] == [
        ("default", True),
        ("default", True),
        ("statutory", True),
    ]


def test_a_fault_is_told_with_file_line_and_field(tmp_path: Path) -> None:
    for file in SHIPPED.glob("*.yaml"):
        (tmp_path / file.name).write_text(file.read_text().replace("max: 72h", "max: never"))
    done = run("policy", "check", tmp_path)
    assert done.exit_code == 1
    assert "✗ policy-default.yaml: line 7" in done.stderr
    assert "pauses.waiting_complainant.max: " in done.stderr


def test_a_single_file_is_judged_by_itself(tmp_path: Path) -> None:
    demo = CHECKOUT / "deploy" / "demo" / "policies" / "policy-platinum.yaml"
    assert run("policy", "check", demo).exit_code == 0
    assert run("policy", "check", tmp_path).exit_code == 1
    assert run("policy", "check", tmp_path / "none.yaml").exit_code == 1


def test_a_year_of_the_files_is_shown_month_by_month() -> None:
    covered = run("calendar", "check", "2026", "--files")
    assert covered.exit_code == 0
    assert "default v1 (Asia/Shanghai), 2026: covered" in covered.stdout
    assert "2026-02   16             128" in covered.stdout
    beyond = run("calendar", "check", "2027", "--files")
    assert beyond.exit_code == 1
    assert "NOT COVERED" in beyond.stdout
    assert run("calendar", "check", "2026", "nowhere", "--files").exit_code == 3


def test_a_draft_is_published_with_the_revision_that_was_saved(service: Stub, tmp_path: Path) -> None:
    file = tmp_path / "gold.yaml"
    file.write_text("kind: policy\nid: gold\n")
    saved = {"revision": 4, "draft": {"version": 2}, "versions": []}
    service.answers = [(200, {"revision": 3}), (200, saved), (200, {"versions": [{"version": 2}]})]
    with a_client(service, tmp_path) as client:
        assert publish(client, "policy", str(file), None) == {"version": 2}
    assert [(method, path, headers.get("If-Match")) for method, path, headers in service.requests] == [
        ("GET", "/v1/policies/gold", None),
        ("PUT", "/v1/policies/gold", '"3"'),
        ("POST", "/v1/policies/gold:publish", '"4"'),
    ]


def test_what_has_no_draft_is_not_published(service: Stub, tmp_path: Path) -> None:
    service.answers = [(200, {"revision": 3, "draft": None})]
    with a_client(service, tmp_path) as client, pytest.raises(NotFound):
        publish(client, "policy", "gold", None)


def test_a_file_that_is_not_there_is_not_taken_for_an_id(tmp_path: Path) -> None:
    assert as_file("gold") is None
    with pytest.raises(WrongUsage, match=r"there is no file gold\.yaml"):
        as_file("gold.yaml")
    other = tmp_path / "c.yaml"
    other.write_text("kind: calendar\nid: c\n")
    assert id_in(other, "calendar") == "c"
    with pytest.raises(WrongUsage, match="is no policy"):
        id_in(other, "policy")


def test_an_import_takes_its_days_from_one_place() -> None:
    assert run("calendar", "import", "2027").exit_code == 2
