"""One order across the Spring Festival of 2025 and both its make-up days; `python -m` this module writes its page."""

from pathlib import Path

from services.escalation.explain import explained
from services.escalation.explain_parts import Explanation
from services.escalation.explain_svg import bar
from services.escalation.explain_text import lines
from tests.unit.escalation.story import POLICIES, Story, an_order, instant, rules_of

PAGE = Path(__file__).parents[3] / "docs" / "explain.md"
PICTURE = PAGE.with_name("explain-spring-festival.svg")
BEGINS = "<!-- made by tests/unit/escalation/spring_festival.py -->\n"
ENDS = "<!-- end of what is made -->\n"
POLICY = """
kind: policy
id: {id}
version: {version}
effective_from: "2025-01-01T00:00:00+08:00"
rank: {rank}
match: {match}
calendar: default
pauses: {{waiting_complainant: {{clocks: [resolve], max: 72h, times: 2}}}}
ladders:
  resolve:
    - {{ key: "50%", at_percent: 50, audience: [handler] }}
    - {{ key: "75%", at_percent: 75, audience: [handler, leader] }}
    - {{ key: "100%", at_percent: 100, audience: [department] }}
clocks:
  resolve: {{ budget: {budget}, unit: business, ladder: resolve, retarget: keep_elapsed }}
"""


def written(name: str, budget: str, version: int = 1, rank: int = 0, match: str = "{}") -> str:
    return POLICY.format(id=name, budget=budget, version=version, rank=rank, match=match)


def the_story() -> Story:
    """40 working hours from a Friday evening, with a day in between in which the complainant was waited for."""
    rules = rules_of(
        (POLICIES / "calendar-default.yaml").read_text(),
        written("standard", "48h"),
        written("platinum", "40h", rank=10, match="{tier: platinum}"),
        written("regulator", "16h", rank=20, match="{regulator_case: true}"),
    )
    received = "2025-01-24T17:00:00+08:00"
    order = an_order(tier="platinum", received_at=instant(received))
    story = Story(order=order, rules=rules, now=instant(received)).created()
    story.dispatched("2025-01-24T17:05:00+08:00").accepted("2025-01-24T17:20:00+08:00")
    story.timers_until("2025-02-05T10:00:00+08:00").suspended(wake_up_at="2025-02-06T14:00:00+08:00")
    story.timers_until("2025-02-06T14:00:00+08:00").resumed()
    return story.timers_until("2025-02-08T12:00:00+08:00")


def the_explanation() -> Explanation:
    story = the_story()
    return explained(story.clock("resolve"), story.rules, story.decisions, story.now)


def the_section() -> str:
    """The part of the page that is made."""
    told = (f"```text\n{chr(10).join(lines(the_explanation(), language))}\n```\n" for language in ("en", "zh"))
    return BEGINS + f"![The clock as a bar]({PICTURE.name})\n\n" + "\n".join(told) + ENDS


def the_page(page: str) -> str:
    before, _, rest = page.partition(BEGINS)
    return before + the_section() + rest.partition(ENDS)[2]


def the_picture() -> str:
    return bar(the_explanation(), "en")


if __name__ == "__main__":
    PAGE.write_text(the_page(PAGE.read_text()))
    PICTURE.write_text(the_picture())
