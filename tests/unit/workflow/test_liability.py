"""定责: attributed, appealed against, revised or settled; until then nothing is archived."""

from services.workflow.domain import aftercare_commands as a
from services.workflow.domain.scope import in_scope
from shared.events.parts import Reason
from shared.kernel.aggregate import SYSTEM, Actor
from tests.unit.workflow.builders import (
    ARBITRATOR,
    DISPATCHER,
    LEADER,
    REVIEWER,
    SUPERVISOR,
    Order,
    an_order,
    person,
)

BILLING_LEAD = person("bea", "leader", teams=frozenset({"billing"}))
OTHER_LEAD = person("otto", "leader", teams=frozenset({"default"}))
APPEAL = a.AppealLiability(actor=BILLING_LEAD, text="The cable is not ours.")


def attribute(unit: str = "billing", by: Actor = REVIEWER) -> a.AttributeLiability:
    return a.AttributeLiability(actor=by, valid=True, unit=unit, degree="primary", text="wrong bill")


def revise(by: Actor = SUPERVISOR, unit: str = "default") -> a.ReviseLiability:
    return a.ReviseLiability(actor=by, valid=True, unit=unit, degree="secondary", text="both")


def standing(order: Order) -> tuple[str, str]:
    assert order.state.liability is not None
    return order.state.liability.unit, order.state.liability.status


def test_the_reviewer_names_a_team_from_the_review_on() -> None:
    order = an_order().in_review()
    assert order.refuses(attribute("nobody")) == "unknown_team"
    assert order.refuses(attribute(by=LEADER)) == "forbidden"
    assert order.does(attribute()) == ["LiabilityAssigned"]
    assert standing(order) == ("billing", "assigned")
    assert order.refuses(attribute()) == "liability_attributed"


def test_the_liable_unit_appeals_although_the_order_is_anothers() -> None:
    order = an_order().closed()
    assert not in_scope(order.state, BILLING_LEAD)
    order.blamed()
    assert order.refuses(a.AppealLiability(actor=OTHER_LEAD, text="-")) == "not_the_liable_unit"
    assert order.refuses(a.Reopen(actor=BILLING_LEAD, reason=Reason("other"))) == "forbidden"
    assert order.does(APPEAL) == ["LiabilityAppealed"]
    assert order.refuses(APPEAL) == "liability_status"


def test_an_arbitrator_has_the_last_word() -> None:
    order = an_order().closed().blamed()
    assert order.refuses(revise()) == "liability_status"
    order.does(APPEAL)
    assert order.refuses(revise(DISPATCHER)) == "leader_required"
    assert order.refuses(revise(unit="nobody")) == "unknown_team"
    assert order.refuses(revise(person("bea", "supervisor"))) == "own_appeal"
    assert order.does(revise(ARBITRATOR)) == ["LiabilityRevised"]
    assert standing(order) == ("default", "revised")
    assert order.refuses(APPEAL) == "not_found", "the unit has no part in it any more"


def test_who_was_silent_through_the_window_has_agreed() -> None:
    order = an_order().closed().blamed()
    assert order.refuses(a.SettleLiability(actor=LEADER)) == "forbidden"
    assert order.does(a.SettleLiability(clock_started_at=order.now)) == ["LiabilitySettled"]
    assert order.refuses(APPEAL) == "liability_status"


def test_nothing_is_archived_while_the_liability_can_change() -> None:
    order = an_order().closed().blamed()
    assert order.refuses(a.Archive()) == "liability_not_final"
    order.does(APPEAL)
    assert order.refuses(a.Archive()) == "liability_not_final"
    order.does(revise())
    assert order.does(a.Archive()) == ["Archived"]


def test_the_window_runs_on_while_the_order_is_handled_again() -> None:
    order = an_order().closed().blamed()
    order.reopened().in_progress()
    assert order.does(APPEAL) == ["LiabilityAppealed"]
    assert order.does(revise()) == ["LiabilityRevised"]


def test_a_later_cycle_may_attribute_anew_what_is_final() -> None:
    order = an_order().closed().blamed()
    first = order.now
    order.later(days=1).reopened().in_review()
    assert order.refuses(attribute("default")) == "liability_attributed"
    order.does(a.SettleLiability(actor=SYSTEM))
    order.does(attribute("default"))
    assert standing(order) == ("default", "assigned")
    assert order.refuses(a.SettleLiability(clock_started_at=first)) == "liability_changed"
