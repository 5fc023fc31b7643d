"""The directory's entries: whole versions, in effect a minute later."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.workflow.domain import DIRECTORY_ENTRIES
from services.workflow.domain.directory import PutEntry
from services.workflow.reference import SEED
from shared.events.directory import DirectoryChanged
from shared.kernel.refusal import UNCHANGED, Refusal
from tests.unit.workflow.builders import LEADER, NOW, entry, facts, person

ADMIN = person("root", "admin")


def put(kind: str = "team", name: str = "t", **content: Any) -> PutEntry:
    return PutEntry(actor=ADMIN, kind=kind, id=name, content=content)


def decided(before: DirectoryChanged | None, command: PutEntry) -> DirectoryChanged:
    outcome = DIRECTORY_ENTRIES.decide(before, command, facts())
    assert not isinstance(outcome, Refusal)
    assert outcome is not UNCHANGED
    return outcome[0]  # type: ignore[index,return-value]  # one event


def refused(before: DirectoryChanged | None, command: PutEntry) -> str:
    outcome = DIRECTORY_ENTRIES.decide(before, command, facts())
    assert isinstance(outcome, Refusal)
    return outcome.code


def test_a_change_takes_effect_a_minute_later_and_the_seeding_at_once() -> None:
    assert decided(None, put(name="t")).effective_at == NOW + timedelta(seconds=60)
    assert all(decided(None, command).effective_at == NOW for command in SEED)


def test_each_change_is_a_new_version_and_the_same_again_is_none() -> None:
    first = decided(None, put(regions=("*",)))
    assert decided(first, put(regions=("jiangsu",))).version == 2
    assert DIRECTORY_ENTRIES.decide(first, put(regions=("*",)), facts()) is UNCHANGED


def test_an_id_names_one_entry() -> None:
    assert refused(entry("route", "t"), put("team", "t")) == "id_taken"


def test_a_team_is_not_its_own_parent() -> None:
    assert refused(None, put(name="t", parent_team="t")) == "request_invalid"


def test_only_administrators_write() -> None:
    assert refused(None, replace(put(), actor=LEADER)) == "forbidden"


def test_the_seed_sends_every_region_to_the_default_team() -> None:
    entries = [decided(None, command) for command in SEED]
    kinds = {(e.kind, e.id): e for e in entries}
    assert kinds["route", "catch-all"].team == "default"
    assert kinds["team", "default"].regions == ("*",)
    assert [entry_id for kind, entry_id in kinds if kind == "team"] == ["default"]


def test_records_are_keyed_by_the_entrys_own_name() -> None:
    assert DIRECTORY_ENTRIES.key("dir_/crm/nanjing") == "/crm/nanjing"
