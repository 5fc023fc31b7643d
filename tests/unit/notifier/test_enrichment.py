"""Requests are completed from the notifier's own copies, in one query for each kind of fact."""

from datetime import timedelta

from services.notifier.domain.commands import SUBSCRIBERS, Contact, OrderFacts
from services.notifier.enrichment import complete
from services.notifier.reference import directory
from tests.unit.notifier.memory_service import MemoryService, some_settings
from tests.unit.notifier.notices import COMPLAINT, NOON, WORK_ORDER, a_request, an_assignment


def a_service() -> MemoryService:
    service = MemoryService(some_settings())
    service.raw["contacts"].documents[COMPLAINT] = {
        "_id": COMPLAINT, "order": 1, "number": "C1", "name": "张三", "email": None, "language": "en",
    }  # fmt: skip
    service.raw["orders"].documents[WORK_ORDER] = {
        "_id": WORK_ORDER, "order": 4, "team": "billing", "assignee": "chen", "region": "sh",
        "category": "billing/fee", "priority": "P2",
    }  # fmt: skip
    for name, types, active, made in (
        ("sub_a", ["workorder.closed", "clock.breached"], True, NOON),
        ("sub_b", ["workorder.closed"], False, NOON),
        ("sub_c", ["clock.breached"], True, NOON),
        ("sub_d", ["workorder.closed"], True, NOON + timedelta(seconds=1)),  # does not hear of what was before it
    ):
        fields = {"types": types, "active": active, "created_at": made}
        service.raw["subscriptions"].documents[name] = {"_id": name, **fields}
    return service


async def test_each_request_gets_what_it_lacks_in_the_same_order() -> None:
    requests = [
        a_request(contact=None),
        an_assignment(order=None),
        a_request(audience=SUBSCRIBERS, template="workorder.closed", contact=None),
        a_request(contact=None, work_order_id="wo_unknown", order=None),
    ]
    answer, assignment, webhook, unknown = await complete(a_service(), requests)
    assert answer == a_request(contact=Contact(number="C1", name="张三", email=None, language="en"))
    facts = OrderFacts(team="billing", assignee="chen", region="sh", category="billing/fee", priority="P2")
    assert assignment == an_assignment(order=facts)
    assert webhook == a_request(
        audience=SUBSCRIBERS, template="workorder.closed", contact=None, subscriptions=("sub_a",)
    )
    assert unknown == requests[3]


async def test_what_a_record_says_itself_is_not_replaced() -> None:
    said = OrderFacts(team="other")
    [request] = await complete(a_service(), [an_assignment(order=said)])
    assert request == an_assignment(order=said)


def test_the_directory_is_made_of_teams_and_people() -> None:
    blank = {"parent_team": None, "leader_id": None, "email": None, "language": "en", "name": "n"}
    known = directory(
        [{**blank, "kind": "team", "entry": "t", "leader_id": "p"}, {**blank, "kind": "person", "entry": "p"}]
    )
    found = known.resolve("leader", OrderFacts(team="t"))
    assert found is not None
    assert (found.id, found.language) == ("p", "en")
