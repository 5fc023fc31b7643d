"""Publishing policies: every version is kept, none is changed, a new one takes effect a minute later."""

from pathlib import Path

import pytest

from services.escalation.policy_files import InvalidPolicies, Written, read_document, read_folder
from services.escalation.rulebook import RulebookSource, publish, published, rulebook_of
from shared.events.parts import VersionedRef
from tests.unit.escalation.memory_service import MemoryContext, a_database
from tests.unit.escalation.story import MONDAY, POLICIES, Story, instant

SHIPPED = read_folder(POLICIES)
LATER = "2026-03-05T09:00:00+08:00"


def another_version(text: str, version: int) -> Written:
    return read_document(text.replace('"version": 1', f'"version": {version}'))


def the_policy() -> Written:
    return next(written for written in SHIPPED if written.id == "policy/default/1")


async def test_a_first_installation_has_its_rules_at_once() -> None:
    database = a_database()
    await publish(database, SHIPPED, instant(MONDAY))
    rules = rulebook_of(tuple(await published(database)))
    assert {policy.ref for policy in rules.policies_at(instant(MONDAY))} == {
        VersionedRef("default", 1),
        VersionedRef("statutory", 1),
    }


async def test_publishing_again_changes_nothing() -> None:
    database = a_database()
    await publish(database, SHIPPED, instant(MONDAY))
    before = await published(database)
    await publish(database, SHIPPED, instant(LATER))
    assert await published(database) == before


async def test_a_new_version_takes_effect_a_minute_later_and_the_old_one_stays() -> None:
    database = a_database()
    await publish(database, SHIPPED, instant(MONDAY))
    await publish(database, [another_version(the_policy().text, 2)], instant(LATER))
    rules = rulebook_of(tuple(await published(database)))
    newest = {VersionedRef("default", 2), VersionedRef("statutory", 1)}
    assert {p.ref for p in rules.policies_at(instant("2026-03-05T09:00:59+08:00"))} != newest
    assert {p.ref for p in rules.policies_at(instant("2026-03-05T09:01:00+08:00"))} == newest
    assert VersionedRef("default", 1) in rules.policies


async def test_a_published_version_cannot_be_changed() -> None:
    database = a_database()
    await publish(database, SHIPPED, instant(MONDAY))
    changed = read_document(the_policy().text.replace("48h", "72h"))
    with pytest.raises(InvalidPolicies, match="policy/default/1: differs from what was published"):
        await publish(database, [changed], instant(LATER))


async def test_the_service_reads_its_folder_once_and_then_what_is_published(tmp_path: Path) -> None:
    context, source = MemoryContext(Story(), tmp_path), RulebookSource()
    first = await source.load(context)
    assert await source.load(context) is first
    await publish(context.database, [another_version(the_policy().text, 2)], instant(LATER))
    assert VersionedRef("default", 2) in (await source.load(context)).policies
