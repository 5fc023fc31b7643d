"""Commands through Kafka: from registered sources only, once each, and answered on the replies' topic."""

from typing import Any
from uuid import uuid4

from tests.e2e.outside import Outside
from tests.e2e.seen import Seen


async def registered(outside: Outside, actions: list[str]) -> str:
    """A source of commands; it counts a minute after it was registered."""
    source = f"/oa/{uuid4().hex[:8]}"
    admin = outside.caller("admin")
    body = {"name": "OA", "types": [], "actions": actions}
    assert (await admin.send("PUT", "workflow", f"/v1/admin/sources/{source}", body)).status_code == 201
    await outside.record("directory", lambda seen: seen.data["id"] == source)
    await outside.later(seconds=61)
    return source


async def commanded(outside: Outside, source: str, order: str, action: str, **arguments: Any) -> tuple[str, str]:
    command = arguments.pop("command_id", uuid4().hex)
    actor = {"kind": "agent", "id": "oa-clerk", "org": "oa"}
    data = {"command_id": command, "work_order_id": order, "action": action, "actor": actor, **arguments}
    event = await outside.send("workorders.inbox", "workorder.command", data, source=source, key=order.encode())
    return command, event


async def replied(outside: Outside, command: str) -> Seen:
    return await outside.record("workorders.replies", lambda seen: seen.key == command.encode())


async def test_a_registered_source_commands_and_is_answered(outside: Outside) -> None:
    source = await registered(outside, ["accept", "respond", "suspend"])
    _, order = await outside.submit()
    command, _ = await commanded(outside, source, order, "accept")
    reply = await replied(outside, command)
    assert reply.kind == "command.applied"
    assert {"command_id": command, "work_order_id": order} == {
        k: reply.data[k] for k in ("command_id", "work_order_id")
    }
    after = await outside.caller("auditor").order(order)
    assert (after["status"], after["assignee"]) == ("in_progress", "oa-clerk")
    assert reply.data["version"] <= after["version"]
    accepted = await outside.record("workorders", lambda s: s.subject == order and s.kind == "workorder.accepted")
    assert accepted.data["actor"] == {"kind": "agent", "id": "oa-clerk", "org": "oa"}
    for action, arguments, code in (
        ("accept", {}, "already_accepted"),
        ("cancel", {"reason": "x"}, "forbidden"),
        ("merge", {"into": "x"}, "not_yet_supported"),
        ("respond", {"text": "x", "expected_version": 1}, "stale_version"),
        ("respond", {"text": "x", "occurred_at": "2020-01-01T00:00:00Z"}, "occurred_at_out_of_bounds"),
    ):
        refused = await replied(outside, (await commanded(outside, source, order, action, **arguments))[0])
        assert (refused.kind, refused.data["code"]) == ("command.refused", code)
        assert set(refused.data) >= {"command_id", "work_order_id", "code", "detail", "version"}


async def test_a_command_is_carried_out_once(outside: Outside) -> None:
    source = await registered(outside, ["accept", "respond"])
    _, order = await outside.submit()
    await replied(outside, (await commanded(outside, source, order, "accept"))[0])
    again = uuid4().hex
    for _ in range(3):
        await commanded(outside, source, order, "respond", text="once", command_id=again)
    last, _ = await commanded(outside, source, order, "respond", text="last")
    await replied(outside, last)
    texts = [
        seen.data["change"]["text"]
        for seen in outside.so_far("workorders", lambda s: s.subject == order and s.kind == "workorder.responded")
    ]
    assert texts == ["once", "last"]


async def test_commands_of_strangers_and_unknown_actions_are_dead_lettered(outside: Outside) -> None:
    source = await registered(outside, ["*"])
    _, order = await outside.submit()
    _, stranger = await commanded(outside, "/nobody", order, "accept")
    assert (await outside.dead_letter("workflow", stranger)).headers["dl_reason"] == "unknown_source"
    _, dance = await commanded(outside, source, order, "dance")
    assert "/action" in (await outside.dead_letter("workflow", dance)).headers["dl_detail"]
    _, wordless = await commanded(outside, source, order, "respond")
    assert "/text" in (await outside.dead_letter("workflow", wordless)).headers["dl_detail"]
    done, _ = await commanded(outside, source, order, "accept")
    assert (await replied(outside, done)).kind == "command.applied"
