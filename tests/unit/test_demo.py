"""The demo's script as data, and what staging it leaves behind."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.demo import cast, producer
from deploy.demo.day import DAY
from deploy.demo.player import Script
from deploy.demo.scenario import scenario, submissions
from deploy.demo.staging import BEGIN, stage
from deploy.local.failure import StackFailure
from services.escalation.policy_files import read_folder


def test_the_day_goes_forward_and_every_step_has_a_name_of_its_own() -> None:
    assert all(earlier.at <= later.at for earlier, later in pairwise(DAY))
    assert len({step.name for step in DAY}) == len(DAY)
    assert DAY[0].at.isoformat() == BEGIN


def test_nobody_does_two_of_the_three_duties() -> None:
    for duty in (cast.FIELD, cast.ACCOUNTS, cast.REVIEWER, cast.CALLER, cast.DISPATCHER):
        assert len(duty.roles) == 1
    subs = [one.sub for one in (cast.FIELD, cast.ACCOUNTS, cast.REVIEWER, cast.CALLER, cast.DISPATCHER)]
    assert len(set(subs)) == len(subs)


def test_what_comes_in_has_one_duplicate_and_one_malformed_record() -> None:
    assert [one.ref for one in submissions().values() if one.copies == 2] == ["W-2001"]
    assert [one.ref for one in submissions().values() if not one.readable] == ["W-2002"]
    assert len({one.channel for one in submissions().values() if one.readable}) >= 5


def test_records_are_cloudevents_that_stay_the_same_when_they_are_sent_again() -> None:
    first, again = (scenario()["kafka"]["morning"][0] for _ in range(2))
    headers = dict(producer.headers_of(first))
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"closedloop.complaint.submitted.v1"
    assert (headers["ce_source"], headers["ce_id"]) == (b"hotline", b"hotline-1001")
    assert producer.headers_of(again) == producer.headers_of(first)
    assert producer.body_of(again) == producer.body_of(first)


def test_the_producer_imports_nothing_of_ours() -> None:
    source = Path(producer.__file__).read_text()
    imported = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in imported if any(ours in line for ours in ("shared", "services", "deploy"))]


def test_staging_gives_the_demo_its_time_policies_and_sinks(tmp_path: Path) -> None:
    additions = stage(tmp_path)
    assert json.loads((tmp_path / "clock.json").read_text()) | {"machine": 0} == {
        "now": BEGIN,
        "rate": 0,
        "machine": 0,
    }
    policies = read_folder(Path(additions.settings["CLOSEDLOOP_ESCALATION__POLICIES"]))
    assert {"policy/default/1", "policy/platinum/1", "calendar/default/1"} <= {one.id for one in policies}
    (sinks,) = additions.commands
    assert additions.settings["CLOSEDLOOP_NOTIFIER__EMAIL__PORT"] in sinks.argv


def test_staging_again_leaves_time_and_ports_as_they_are(tmp_path: Path) -> None:
    first = stage(tmp_path)
    (tmp_path / "clock.json").write_text("{}")
    assert stage(tmp_path) == first
    assert (tmp_path / "clock.json").read_text() == "{}"


def test_the_demo_does_not_touch_servers_that_are_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOSEDLOOP_KAFKA_BOOTSTRAP", "kafka.example:9092")
    with pytest.raises(StackFailure, match="CLOSEDLOOP_KAFKA_BOOTSTRAP"):
        stage(tmp_path)


def test_a_script_goes_on_after_the_last_step_that_was_done(tmp_path: Path) -> None:
    Script(tmp_path).finish(DAY[0])
    assert Script(tmp_path).left == list(DAY[1:])
