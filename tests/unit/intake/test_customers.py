"""Customer profiles over HTTP and the completion of what sources leave out."""

from typing import Any

from services.intake.customers import complete
from services.intake.domain.commands import Receive, Withdraw
from tests.unit.intake.complaints import a_source, a_submission, receipt_of, registered
from tests.unit.intake.conftest import Call
from tests.unit.intake.memory import MemoryContext

PROFILE: dict[str, Any] = {"name": "张三", "phone": "138", "tier": "gold", "region": "js/nj", "language": "zh"}


async def test_a_profile_is_put_and_read(caller: Call) -> None:
    anna = caller("agent")

    created = await anna.put("/v1/customers/c-7", json={**PROFILE, "email": "z@example.com"})
    replaced = await anna.put("/v1/customers/c-7", json={**PROFILE, "id": "c-7", "do_not_disturb": True})
    found = await anna.get("/v1/customers/c-7")

    assert (created.status_code, replaced.status_code) == (201, 200)
    assert found.json() == replaced.json() == {**PROFILE, "id": "c-7", "email": None, "do_not_disturb": True}


async def test_the_id_in_the_body_may_only_repeat_the_path(caller: Call) -> None:
    refused = await caller("agent").put("/v1/customers/c-7", json={**PROFILE, "id": "c-8"})

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/id")


async def test_profiles_are_kept_by_agents_and_registered_systems(caller: Call, context: MemoryContext) -> None:
    app = caller(sub="app")
    assert (await caller("handler").put("/v1/customers/c-7", json={})).status_code == 403
    assert (await app.put("/v1/customers/c-7", json=PROFILE)).status_code == 403

    context.reference = registered(a_source("app", "customer.profile_changed"))
    written = await app.put("/v1/customers/c-7", json=PROFILE)

    assert written.status_code == 201
    assert written.json()["name"] == "***"


async def test_a_customer_of_another_region_does_not_exist(caller: Call) -> None:
    await caller("agent").put("/v1/customers/c-7", json=PROFILE)
    there = caller("agent", regions=("zj",))

    assert (await there.get("/v1/customers/c-7")).status_code == 404
    assert (await there.put("/v1/customers/c-7", json={**PROFILE, "region": "zj"})).status_code == 404
    assert (await there.put("/v1/customers/c-8", json=PROFILE)).status_code == 403
    assert (await caller("agent").get("/v1/customers/c-9")).status_code == 404


async def test_a_forgotten_customer_completes_nothing_and_can_come_back(caller: Call, context: MemoryContext) -> None:
    anna = caller("agent")
    context.raw["customers"].documents["c-7"] = {"_id": "c-7", "order": 4, "forgotten": True}
    assert (await anna.get("/v1/customers/c-7")).status_code == 404
    (receive,) = await complete(context, [receipt_of(a_submission())])
    assert isinstance(receive, Receive)
    assert receive.profile.name is None

    assert (await anna.put("/v1/customers/c-7", json=PROFILE)).status_code == 201

    assert context.raw["customers"].documents["c-7"]["order"] == 4


async def test_completing_keeps_the_order_of_commands_and_touches_only_receipts(
    caller: Call, context: MemoryContext
) -> None:
    await caller("agent").put("/v1/customers/c-7", json=PROFILE)
    known, unknown = receipt_of(a_submission()), receipt_of(a_submission(customer={"id": "c-8"}))
    withdraw = Withdraw()

    completed = await complete(context, [withdraw, known, unknown, known])

    assert completed[0] is withdraw
    receipts = [command for command in completed[1:] if isinstance(command, Receive)]
    assert [receipt.profile.tier for receipt in receipts] == ["gold", None, "gold"]
    assert [receipt.submission for receipt in receipts] == [known.submission, unknown.submission, known.submission]
