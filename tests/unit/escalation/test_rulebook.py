"""Publishing policies: every version is kept, none is changed, a new one takes effect a minute later."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.escalation.domain.rules import Rule
from services.escalation.policy_files import InvalidPolicies, Written, read_document, read_folder
from services.escalation.rulebook import load, publish, rules, seed
from shared.events.parts import VersionedRef
from shared.persistence.codec import read, written
from tests.unit.escalation.memory_service import MemoryContext
from tests.unit.escalation.story import POLICIES, Story, instant

SHIPPED = read_folder(POLICIES)
LATER = "2026-03-05T09:00:00+08:00"


@pytest.fixture
async def context(tmp_path: Path) -> MemoryContext:
    return await MemoryContext(Story(), tmp_path).seeded()


def another_version(text: str, version: int) -> Written:
    return read_document(text.replace('"version": 1', f'"version": {version}'))


def the_policy() -> Written:
    return next(written for written in SHIPPED if written.id == "policy/default/1")


async def test_a_first_installation_has_its_rules_at_once(context: MemoryContext) -> None:
    assert {policy.ref for policy in (await load(context)).policies_at(context.clock.now())} == {
        VersionedRef("default", 1),
        VersionedRef("statutory", 1),
    }


async def test_starting_again_or_twice_at_once_changes_nothing(context: MemoryContext) -> None:
    before = await rules(context)
    context.clock.set(instant(LATER))
    await seed(context)
    assert await rules(context) == before


async def test_a_process_that_seeds_on_an_old_picture_finds_what_the_other_published(tmp_path: Path) -> None:
    one = MemoryContext(Story(), tmp_path)
    other = MemoryContext(Story(), tmp_path, log=one.log)  # with a projection that saw nothing
    await one.seeded()
    await other.seeded()
    assert await rules(other) == await rules(one)


async def test_a_new_version_takes_effect_a_minute_later_and_the_old_one_stays(context: MemoryContext) -> None:
    context.clock.set(instant(LATER))
    await publish(context, another_version(the_policy().text, 2))
    rulebook = await load(context)
    newest = {VersionedRef("default", 2), VersionedRef("statutory", 1)}
    assert {p.ref for p in rulebook.policies_at(instant("2026-03-05T09:00:59+08:00"))} != newest
    assert {p.ref for p in rulebook.policies_at(instant("2026-03-05T09:01:00+08:00"))} == newest
    assert VersionedRef("default", 1) in rulebook.policies


async def test_a_published_version_cannot_be_changed(context: MemoryContext) -> None:
    changed = read_document(the_policy().text.replace("48h", "72h"))
    with pytest.raises(InvalidPolicies, match="policy/default/1: differs from what was published"):
        await publish(context, changed)


async def test_a_version_that_was_left_out_comes_too_late(context: MemoryContext) -> None:
    await publish(context, another_version(the_policy().text, 3))
    with pytest.raises(InvalidPolicies, match="policy/default/2: differs"):
        await publish(context, another_version(the_policy().text, 2))


async def test_a_rule_comes_back_from_storage_as_it_was(context: MemoryContext) -> None:
    for rule in await rules(context):
        assert read(written(rule), Rule) == rule


async def test_a_calendar_that_did_not_change_is_the_same_value(context: MemoryContext) -> None:
    before = (await load(context)).calendars[VersionedRef("default", 1)]
    await publish(context, another_version(the_policy().text, 2))
    assert (await load(context)).calendars[VersionedRef("default", 1)] is before


async def test_what_is_added_by_a_later_start_waits_for_the_other_processes(context: MemoryContext) -> None:
    context.clock.set(instant(LATER))
    context.clock.advance(timedelta(minutes=2).total_seconds())
    text = (
        the_policy()
        .text.replace('"id": "default"', '"id": "gold"')
        .replace('"match": {}', '"match": {"tier": "gold"}')
    )
    await publish(context, read_document(text))
    added = (await load(context)).policies[VersionedRef("gold", 1)]
    assert added.effective_from == context.clock.now() + timedelta(minutes=1)
