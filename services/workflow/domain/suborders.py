"""协办/会签: other teams are asked, one sub-order each; what is no longer needed once enough answered is released."""

from dataclasses import replace

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.assignment import cannot_take
from services.workflow.domain.decisions import Deciders, Evolvers, Result
from services.workflow.domain.limits import SUBORDERS
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.states import Status
from services.workflow.domain.subresources import ANSWERED, OPEN, RELEASED, SubOrder
from services.workflow.domain.transitions import move
from shared.events import workorders as e
from shared.kernel.aggregate import Actor, Facts, Stamp
from shared.kernel.alteration import altered
from shared.kernel.refusal import Refusal


def consult(order: WorkOrder, command: a.Consult, facts: Facts) -> Result:
    """One sub-order for each participant, all in one decision, or none."""
    refusal = _senseless(order, command, facts) or _unfit(order, command, facts)
    if refusal is not None:
        return refusal
    request = max((suborder.request for suborder in order.suborders), default=0) + 1
    return [
        e.SubOrderOpened(
            suborder_id=str(number),
            request=request,
            kind=command.ACTION,
            team=participant.team,
            assignee=participant.assignee,
            question=command.question,
            rule=command.rule,
            needed=_needed(command),
            due_at=command.due_at,
        )
        for number, participant in enumerate(command.participants, start=len(order.suborders) + 1)
    ]


def _senseless(order: WorkOrder, command: a.Consult, facts: Facts) -> Refusal | None:
    if len(set(command.participants)) < len(command.participants):
        return Refusal("request_invalid", "somebody is asked twice", pointer="/participants")
    if (command.rule == "k") != (command.k is not None):
        return Refusal("request_invalid", "k belongs to rule k, and rule k needs it", pointer="/k")
    if _needed(command) > len(command.participants):
        return Refusal("request_invalid", "more answers than participants", pointer="/k")
    if command.due_at is not None and command.due_at <= facts.now:
        return Refusal("not_in_the_future", "nobody could answer by then", pointer="/due_at")
    if len(order.suborders) + len(command.participants) > SUBORDERS:
        return Refusal(
            "suborder_limit", f"{len(order.suborders)} of {SUBORDERS} were opened", pointer="/participants"
        )
    return None


def _unfit(order: WorkOrder, command: a.Consult, facts: Facts) -> Refusal | None:
    """The first participant who cannot be asked."""
    directory = facts.reference.at(facts.now)
    for number, participant in enumerate(command.participants):
        refusal = cannot_take(participant.team, order, directory)
        if refusal is not None:
            return replace(refusal, pointer=f"/participants/{number}/team")
    return None


def _needed(command: a.Consult) -> int:
    return {"all": len(command.participants), "any": 1}.get(command.rule, command.k or 0)


def answer_suborder(order: WorkOrder, command: a.AnswerSubOrder, _facts: Facts) -> Result:
    suborder = next((one for one in order.suborders if one.id == command.suborder_id), None)
    if suborder is None:
        return Refusal("unknown_suborder", f"there is no {command.suborder_id}", pointer="/suborder_id")
    if suborder.status != OPEN:
        return Refusal("suborder_ended", f"{suborder.id} is {suborder.status}", pointer="/suborder_id")
    refusal = _not_asked(suborder, command.actor)
    if refusal is not None:
        return refusal
    if suborder.kind == a.Countersign.ACTION and command.opinion is None:
        return Refusal("opinion_required", "a countersignature agrees or disagrees", pointer="/opinion")
    return [
        e.SubOrderAnswered(
            suborder_id=suborder.id,
            team=suborder.team,
            text=command.text,
            opinion=command.opinion,
            released=_released(order, suborder),
        )
    ]


def _not_asked(suborder: SubOrder, actor: Actor) -> Refusal | None:
    if not actor.teams & {suborder.team, "*"}:
        return Refusal("not_a_participant", f"{suborder.team} was asked", pointer="/suborder_id")
    if suborder.assignee not in (None, actor.id) and "leader" not in actor.roles:
        return Refusal("assigned_to_another", f"{suborder.assignee} was asked", pointer="/suborder_id")
    return None


def _released(order: WorkOrder, answered: SubOrder) -> tuple[str, ...]:
    """The others of the request, if this answer is the last one that it needs."""
    others = [one for one in order.suborders if one.request == answered.request and one.id != answered.id]
    if sum(one.status == ANSWERED for one in others) + 1 < answered.needed:
        return ()
    return tuple(one.id for one in others if one.status == OPEN)


def opened(order: WorkOrder, event: e.SubOrderOpened, _stamp: Stamp) -> WorkOrder:
    suborder = SubOrder(
        id=event.suborder_id,
        request=event.request,
        kind=event.kind,
        team=event.team,
        assignee=event.assignee,
        question=event.question,
        rule=event.rule,
        needed=event.needed,
        due_at=event.due_at,
    )
    return altered(move(order, event.kind, Status.IN_PROGRESS), suborders=(*order.suborders, suborder))


def answered(order: WorkOrder, event: e.SubOrderAnswered, _stamp: Stamp) -> WorkOrder:
    def after(one: SubOrder) -> SubOrder:
        if one.id == event.suborder_id:
            return replace(one, status=ANSWERED, opinion=event.opinion)
        return replace(one, status=RELEASED) if one.id in event.released else one

    return altered(
        move(order, "answer_suborder", order.status), suborders=tuple(after(one) for one in order.suborders)
    )


DECIDERS: Deciders = {a.Consult: consult, a.Countersign: consult, a.AnswerSubOrder: answer_suborder}
EVOLVERS: Evolvers = {e.SubOrderOpened: opened, e.SubOrderAnswered: answered}
