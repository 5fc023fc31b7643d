"""A simulation under the rules that were in force finds what was recorded: every due, every outcome, no flip."""

import os
from random import Random

import pytest

from services.escalation.domain.instants import to_instant, to_seconds
from services.escalation.simulation_replay import Replayer
from services.escalation.simulation_story import Story as Extracted
from services.escalation.simulation_story import packed, story_of, unpacked
from tests.unit.escalation.random_stories import a_story, decoded, log_of, rules
from tests.unit.escalation.story import Story

STORIES = int(os.environ.get("CLOSEDLOOP_SIMULATED_STORIES", "400"))


def extracted(story: Story) -> Extracted:
    found = unpacked(packed(story_of(decoded(log_of(story)))))
    assert found.whole
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_rules_in_force_reproduce_what_was_recorded(seed: int) -> None:
    random = Random(seed)
    for number in range(STORIES // 4):
        story = a_story(random)
        found, now = extracted(story), to_seconds(story.now)
        replayed = {clock.number: clock for clock in Replayer(rules(), rules(), now).replay(found)}
        assert replayed.keys() == found.clocks.keys(), (seed, number)
        for clock in (clock for clock in story.state.clocks if clock.number in found.clocks):
            again, recorded = replayed[clock.number], found.clocks[clock.number]
            place = (seed, number, clock.kind, clock.number)
            if clock.state in ("running", "paused") or not recorded.breached:
                assert again.outcome == recorded.outcome(now) or recorded.breached, place
            else:
                assert again.outcome == recorded.outcome(now), place
            assert to_instant(again.due) == clock.due_at, place
