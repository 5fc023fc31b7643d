"""Pieces of people's work that come up several times in the demo's day."""

from collections.abc import Sequence

from deploy.demo.cast import CALLER, REVIEWER, Colleague
from deploy.demo.play import Play


async def resolve(play: Play, who: Colleague, refs: Sequence[str]) -> None:
    await play.act(
        who,
        "submit_resolution",
        refs,
        root_cause="设备与账务核对后确认属实",
        measures="已处理并复核",
        remedy={"kind": "apology"},
        reply_text="您反映的问题已处理完毕，感谢您的谅解。",
    )


async def approve(play: Play, refs: Sequence[str]) -> None:
    """A reviewer approves; the answer is mailed, and that it was sent makes it communicated."""
    await play.act(REVIEWER, "approve", refs)
    await play.see(refs, flag="decision_communicated")
    await play.see_complaints(refs, status="answered")


async def call_satisfied(play: Play, refs: Sequence[str]) -> None:
    await play.act(CALLER, "record_callback", refs, outcome="satisfied", scores={"speed": 4, "attitude": 5})
    await play.see(refs, status="closed", closed_as="satisfied")
