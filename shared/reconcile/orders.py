"""I1, I11 to I13 and I16: what spans services, seen through the events and views that they publish."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from shared.events.complaints import Received
from shared.events.parts import WorkOrderView
from shared.events.workorders import Created
from shared.kernel.ids import CLOCK_SET, sibling
from shared.reconcile.closing import open_loops
from shared.reconcile.duties import mixed_duties
from shared.reconcile.histories import History
from shared.reconcile.rungs import Rungs
from shared.reconcile.statutory import StatutoryClocks
from shared.reconcile.verdict import Violation

OPEN = frozenset({"dispatching", "assigned", "in_progress", "suspended", "pending_review", "pending_callback"})
QUEUED = "dispatching"  # the dispatchers' queue has it
WITHOUT_ORDER = frozenset({"complaint.rejected", "complaint.merged"})
ORDERS_TOPIC = "workorders"


@dataclass(frozen=True, slots=True)
class Order:
    """The newest view of a work order, and how many events it took."""

    view: WorkOrderView
    sequence: int


@dataclass(slots=True)
class Orders:
    """Complaints, orders and clocks as their logs show them."""

    rungs: Rungs = field(default_factory=Rungs)
    statutory: StatutoryClocks = field(default_factory=StatutoryClocks)
    received: dict[str, str] = field(default_factory=dict)  # complaint -> its work order
    exempt: set[str] = field(default_factory=set)
    created: Counter[str] = field(default_factory=Counter)  # by complaint
    orders: dict[str, Order] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)  # clock set -> last sequence of its order
    violations: list[Violation] = field(default_factory=list)

    def see(self, history: History) -> None:
        for each in history.steps:
            self.rungs.see(each.decision)
            for event in each.decision.events:
                if isinstance(event, Received):
                    self.received[history.id] = event.work_order_id
                elif isinstance(event, Created):
                    self.created[event.complaint_id] += 1
                elif event.TYPE in WITHOUT_ORDER:
                    self.exempt.add(history.id)
                self.statutory.see(event)
        if history.kind.topic == ORDERS_TOPIC:
            self._see_order(history)
        elif history.id.startswith(CLOCK_SET):
            marks = history.snapshot.marks.items()
            self.heard[history.id] = max((n for name, n in marks if name.startswith(f"{ORDERS_TOPIC}>")), default=0)

    def _see_order(self, history: History) -> None:
        newest = next((each for each in reversed(history.steps) if each.states), None)
        if newest is None or history.kind.view is None:
            return
        view = history.kind.view(newest.states[-1], newest.decision)
        if not isinstance(view, WorkOrderView):
            return
        self.orders[history.id] = Order(view, history.snapshot.sequence)
        told = [(event, each.decision.actor) for each in history.steps for event in each.decision.events]
        self.violations += [Violation("I13", history.id, fault) for fault in open_loops(told)]
        self.violations += [Violation("I16", history.id, fault) for fault in mixed_duties(told)]

    def without_order(self, waits: Callable[[str, str], bool]) -> Iterator[Violation]:
        """I1. `waits`: whether the record of a complaint may not have reached its order yet."""
        for complaint, order in self.received.items():
            made = self.created[complaint]
            if made > 1:
                yield Violation("I1", complaint, f"has {made} work orders")
            elif not made and complaint not in self.exempt and not waits(complaint, order):
                yield Violation("I1", complaint, "has no work order")
        for complaint in self.created.keys() - self.received.keys():
            yield Violation("I1", complaint, "has a work order and was never received")

    def unattended(self) -> Iterator[Violation]:
        """I11. Orders of which escalation has not heard everything yet are left out."""
        running: dict[str, list[str]] = {}
        for clock_id, clock in self.rungs.running.items():
            if not clock.is_alarm:
                running.setdefault(clock.work_order_id, []).append(clock_id)
        for order_id, order in self.orders.items():
            view, clocks = order.view, sorted(running.get(order_id, ()))
            if view.status in OPEN and view.status != QUEUED and not (view.team or view.assignee):
                yield Violation("I11", order_id, f"is {view.status} and nobody has it")
            if self.heard.get(sibling(order_id, CLOCK_SET)) != order.sequence:
                continue
            if view.status in OPEN and not clocks:
                yield Violation("I11", order_id, f"is {view.status} and no clock of it runs")
            if view.status not in OPEN and clocks:
                yield Violation("I11", order_id, f"is {view.status} and clocks run: {', '.join(clocks)}")
