"""The demo's day, step by step: when, what a person is told, what is done, what is then to be seen."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from deploy.demo import cast
from deploy.demo.cast import ACCOUNTS, ADMIN, CALLER, DISPATCHER, FIELD, RECEPTION
from deploy.demo.eventually import eventually
from deploy.demo.play import Play
from deploy.demo.scenario import scenario, submissions
from deploy.demo.work import approve, call_satisfied, resolve

NETWORK = ("H-1001", "E-6001")
MONEY = ("W-2001", "R-4001", "K-5001")
PLAIN = (*NETWORK, *MONEY)
OUTAGE, NOBODY, UNHAPPY, SILENT, TAKEN_BACK = "A-3001", "H-1002", "W-2003", "A-3002", "W-2004"
EVENTS = ("clock.at_risk", "clock.breached", "workorder.closed", "workorder.escalated", "workorder.redispatched")


@dataclass(frozen=True)
class Step:
    """`name` marks it as done in the state directory. Every step may be played again from its beginning."""

    name: str
    at: datetime
    told: str
    play: Callable[[Play], Awaitable[None]]


def _on(day: int, time: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{time}+08:00")


async def register(play: Play) -> None:
    entries = {
        **{f"teams/{team}": cast.team_entry(team) for team in cast.TEAMS},
        **{f"people/{person}": cast.person_entry(person) for person in cast.PEOPLE},
        **{f"routes/{route}": entry for route, entry in cast.ROUTES.items()},
        **{f"sources/{source}": entry for source, entry in scenario()["sources"].items()},
    }
    await asyncio.gather(*(play.put(ADMIN, f"/v1/admin/{path}", entry) for path, entry in entries.items()))


async def subscribe(play: Play) -> None:
    hook = "service-desk"
    body = {"url": f"{play.office.sinks_url}/hooks/{hook}", "types": list(EVENTS)}
    made = await play.office.send(ADMIN, "POST", "notifier", "/v1/subscriptions", body, play.step)
    await play.office.tell_sinks(f"/hooks/{hook}/secret", {"secret": made["secret"]})


async def see_rules_in_force(play: Play) -> None:
    await _see_in_force(play, "workflow", "/v1/teams", set(cast.TEAMS))
    await _see_in_force(play, "workflow", "/v1/routing", set(cast.ROUTES))
    await _see_in_force(play, "escalation", "/v1/policies", {"platinum"})


async def _see_in_force(play: Play, service: str, path: str, wanted: set[str]) -> None:
    await eventually(
        f"{sorted(wanted)} in {path}",
        lambda: play.office.every(service, path),
        lambda found: wanted <= {entry["id"] for entry in found},
    )


async def tell_customers(play: Play) -> None:
    await play.publish("customers")
    await asyncio.gather(*(_see_customer(play, record["key"]) for record in scenario()["kafka"]["customers"]))


async def _see_customer(play: Play, customer: str) -> None:
    await eventually(
        f"customer {customer}", lambda: play.office.find("intake", f"/v1/customers/{customer}"), lambda found: found
    )


async def complain_by_kafka(play: Play) -> None:
    await play.publish("morning")
    refs = [one.ref for one in submissions().values() if one.via == "Kafka" and one.readable]
    await play.see(refs, status="assigned", flag="acknowledged")
    await play.see_complaints(refs, status="acknowledged")


async def complain_by_http(play: Play) -> None:
    bodies = scenario()["http"]
    sends = [
        play.office.send(RECEPTION, "POST", "intake", "/v1/complaints", body, f"{play.step}-{body['external_id']}")
        for body in bodies
    ]
    await asyncio.gather(*sends)
    await play.see([body["external_id"] for body in bodies], status="assigned", flag="acknowledged")


async def accept(play: Play) -> None:
    await asyncio.gather(
        play.act(FIELD, "accept", (*NETWORK, OUTAGE)), play.act(ACCOUNTS, "accept", (*MONEY, UNHAPPY, SILENT))
    )
    await play.see_complaints((*PLAIN, OUTAGE, UNHAPPY, SILENT), status="in_handling")


async def respond(play: Play) -> None:
    text = "已联系客户，正在核实。"
    await asyncio.gather(
        play.act(FIELD, "respond", (*NETWORK, OUTAGE), text=text),
        play.act(ACCOUNTS, "respond", (*MONEY, UNHAPPY, SILENT), text=text),
    )


async def withdraw(play: Play) -> None:
    await play.publish("withdrawal")
    await play.see((TAKEN_BACK,), status="cancelled")
    await play.see_complaints((TAKEN_BACK,), status="withdrawn")


async def resolve_most(play: Play) -> None:
    await asyncio.gather(resolve(play, FIELD, NETWORK), resolve(play, ACCOUNTS, (*MONEY, UNHAPPY, SILENT)))
    await play.see_clock(NOBODY, "accept", fired="50%")


async def approve_most(play: Play) -> None:
    await approve(play, (*PLAIN, UNHAPPY, SILENT))
    await play.see_clock(NOBODY, "accept", fired="75%")


async def call_back_most(play: Play) -> None:
    await call_satisfied(play, PLAIN)
    await play.act(CALLER, "record_callback", (UNHAPPY,), outcome="dissatisfied", text="钱还是没有到账。")
    await play.act(CALLER, "record_callback", (SILENT,), outcome="no_answer")
    await play.see((UNHAPPY,), status="assigned", cycle=2, team="billing")
    await play.see_complaints(PLAIN, status="closed", outcome="satisfied")
    await play.see_clock(NOBODY, "accept", fired="90%")


async def recall(play: Play) -> None:
    await play.see((NOBODY,), status="dispatching", team=None)
    await play.see_clock(NOBODY, "accept", state="stopped", breached=True)


async def dispatch_again(play: Play) -> None:
    await play.act(DISPATCHER, "dispatch", (NOBODY,), team="broadband", reason="移动网络班无人接单")
    await play.act(FIELD, "accept", (NOBODY,))
    await play.act(ACCOUNTS, "accept", (UNHAPPY,))
    await play.see_clock(NOBODY, "accept", state="stopped", breached=False)


async def half_gone(play: Play) -> None:
    await play.see_clock(OUTAGE, "resolve", fired="50%")
    await play.act(FIELD, "respond", (NOBODY,), text="基站今天下午检修。")
    await resolve(play, FIELD, (NOBODY,))
    await resolve(play, ACCOUNTS, (UNHAPPY,))


async def at_risk(play: Play) -> None:
    await play.see_clock(OUTAGE, "resolve", fired="75%")
    await approve(play, (NOBODY, UNHAPPY))


async def to_the_leader(play: Play) -> None:
    await play.see_clock(OUTAGE, "resolve", fired="90%")
    await call_satisfied(play, (NOBODY, UNHAPPY))
    await play.see_complaints((NOBODY, UNHAPPY), status="closed", outcome="satisfied")


async def breached(play: Play) -> None:
    await play.see_clock(OUTAGE, "resolve", fired="100%", breached=True)
    await play.see((OUTAGE,), escalation_level=2)


async def resolve_outage(play: Play) -> None:
    await resolve(play, FIELD, (OUTAGE,))


async def approve_outage(play: Play) -> None:
    await approve(play, (OUTAGE,))


async def call_back_outage(play: Play) -> None:
    await call_satisfied(play, (OUTAGE,))
    await play.see_complaints((OUTAGE,), status="closed", outcome="satisfied")


async def call_in_vain(play: Play) -> None:
    await play.see_clock(SILENT, "alarm.callback_attempt", fired="due")
    await play.act(CALLER, "record_callback", (SILENT,), outcome="no_answer")


async def give_up_calling(play: Play) -> None:
    await call_in_vain(play)
    await play.see((SILENT,), status="closed", closed_as="unreachable")
    await play.see_complaints((SILENT,), status="closed", outcome="unreachable")


DAY = (
    Step("register", _on(24, "09:00"), "an administrator registers teams, people, routes and sources", register),
    Step("subscribe", _on(24, "09:00"), "the service desk subscribes to webhooks", subscribe),
    Step("in-force", _on(24, "09:01:01"), "a minute later all of it is in force", see_rules_in_force),
    Step("customers", _on(24, "09:05"), "the customer system publishes profiles", tell_customers),
    Step(
        "kafka", _on(24, "09:05"), "complaints through Kafka, a duplicate and a malformed one too", complain_by_kafka
    ),
    Step("http", _on(24, "09:05"), "complaints from the counter and the mail room, by HTTP", complain_by_http),
    Step("accept", _on(24, "09:20"), "the teams accept; nobody accepts H-1002", accept),
    Step("respond", _on(24, "09:40"), "first answers to the complainants", respond),
    Step("withdraw", _on(24, "09:40"), "W-2004 is withdrawn through Kafka", withdraw),
    Step("resolve", _on(24, "10:05"), "resolutions; half of H-1002's time to be accepted is gone", resolve_most),
    Step("approve", _on(24, "10:35"), "another person reviews; answers go out; H-1002 is at risk", approve_most),
    Step("callback", _on(24, "10:53"), "a third one calls back: W-2003 is dissatisfied, A-3002 away", call_back_most),
    Step("recall", _on(24, "11:05:01"), "nobody accepted H-1002 in time: breached and recalled", recall),
    Step("dispatch", _on(24, "11:10"), "H-1002 goes to another team, W-2003 into its second cycle", dispatch_again),
    Step("half", _on(24, "14:00"), "half of platinum A-3001's time is gone: its handler is told", half_gone),
    Step("risk", _on(24, "16:00"), "three quarters: handler and leader are told", at_risk),
    Step("leader", _on(24, "17:12"), "90 %: the leader; H-1002 and W-2003 are closed", to_the_leader),
    Step("breach", _on(24, "18:00:01"), "A-3001 is overdue: escalated to leader and department", breached),
    Step("late", _on(24, "18:30"), "A-3001 is resolved after all", resolve_outage),
    Step("review", _on(24, "18:40"), "and approved", approve_outage),
    Step("satisfied", _on(24, "19:00"), "its complainant is satisfied", call_back_outage),
    Step("second-call", _on(25, "10:53"), "next day: A-3002 does not answer again", call_in_vain),
    Step("third-call", _on(26, "10:53"), "third attempt in vain: closed, with a written notice", give_up_calling),
)
