"""The routes over the real edge: who sees which notices, redelivery, subscriptions, templates."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.notifier.domain.commands import Outcome as Ended
from services.notifier.domain.commands import OutcomeKind, RecordOutcome, StartAttempt
from services.notifier.domain.notice import NOTICE
from services.notifier.main import SERVICE
from shared.kernel.aggregate import Cause
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from tests.unit.notifier.memory_service import MemoryService, some_settings
from tests.unit.notifier.notices import LEASE, MACHINE, ORDER, a_request, an_assignment

ClientOf = Callable[..., httpx.AsyncClient]


@pytest.fixture
def service(tmp_path: Path) -> MemoryService:
    keys = {"jwks": str(ensure_keys(tmp_path))}
    return MemoryService(some_settings(state_dir=tmp_path, mode="embedded", auth=keys))


@pytest.fixture
async def client_of(service: MemoryService, tmp_path: Path) -> AsyncIterator[ClientOf]:
    app = build_app(SERVICE, service, checks={})
    opened: list[httpx.AsyncClient] = []

    def make(
        *roles: str, sub: str = "anna", teams: Sequence[str] = ("*",), regions: Sequence[str] = ("*",)
    ) -> httpx.AsyncClient:
        token = sign(tmp_path, sub, roles, teams, regions, 60)
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        opened.append(httpx.AsyncClient(transport=transport, base_url="http://notifier", headers=headers))
        return opened[-1]

    yield make
    for client in opened:
        await client.aclose()


async def a_failed_mail(service: MemoryService) -> str:
    notice = await service.hear(a_request())
    claim = StartAttempt(delivery=f"{notice}.1", machine_now=MACHINE, lease_until=MACHINE + LEASE)
    outcome = RecordOutcome(
        delivery=f"{notice}.1",
        attempt=1,
        outcome=Ended(OutcomeKind.PERMANENT, "smtp_550", "the recipient is refused"),
        machine_now=MACHINE,
    )
    for number, command in enumerate((claim, outcome)):
        await service.execute(NOTICE, notice, command, Cause("test", str(number)))
    return notice


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_the_list_goes_page_by_page_newest_first(service: MemoryService, client_of: ClientOf) -> None:
    made = []
    for number in range(5):
        made.append(await service.hear(a_request(cause=f"wo:{number}")))
        service.clock.advance(1)
    admin = client_of("admin")
    first = await admin.get("/v1/notifications", params={"limit": 3})
    second = await admin.get("/v1/notifications", params={"limit": 3, "cursor": first.json()["next_cursor"]})
    assert ids(first) + ids(second) == made[::-1]
    assert second.json()["next_cursor"] is None


async def test_the_list_can_be_narrowed(service: MemoryService, client_of: ClientOf) -> None:
    mail, assigned = await service.hear(a_request()), await service.hear(an_assignment())
    admin = client_of("admin")

    async def found(**wanted: str) -> list[str]:
        return sorted(ids(await admin.get("/v1/notifications", params=wanted)))

    assert await found(template="answer") == [mail]
    assert await found(status="delivered") == [assigned]
    assert await found(channel="in_app", recipient="person:chen") == [assigned]
    assert await found(status="pending") == sorted([mail, assigned])
    assert (await admin.get("/v1/notifications", params={"status": "lost"})).status_code == 422


@pytest.mark.parametrize(
    ("caller", "sees"),
    [
        ({"roles": ("leader",)}, True),
        ({"roles": ("leader",), "teams": ("billing",), "regions": ("sh",)}, True),
        ({"roles": ("leader",), "teams": ("other",)}, False),
        ({"roles": ("leader",), "regions": ("bj",)}, False),
        ({"roles": ("auditor",), "teams": (), "regions": ()}, True),
        ({"roles": ("handler",), "sub": "chen", "teams": (), "regions": ()}, True),
    ],
)
async def test_notices_are_seen_in_scope_only(
    service: MemoryService, client_of: ClientOf, caller: dict[str, Any], sees: bool
) -> None:
    notice = await service.hear(an_assignment())
    client = client_of(*caller.pop("roles"), **caller)
    assert (await client.get(f"/v1/notifications/{notice}")).status_code == (200 if sees else 404)
    assert ids(await client.get("/v1/notifications")) == ([notice] if sees else [])


async def test_before_a_team_has_the_order_its_region_decides(service: MemoryService, client_of: ClientOf) -> None:
    notice = await service.hear(a_request(order=replace(ORDER, team=None)))
    near, far = client_of("agent", teams=("x",), regions=("sh",)), client_of("agent", teams=("x",), regions=("bj",))
    assert ids(await near.get("/v1/notifications")) == [notice]
    assert ids(await far.get("/v1/notifications")) == []


async def test_an_inbox_shows_texts_and_nobodys_address(service: MemoryService, client_of: ClientOf) -> None:
    mail, assigned = await service.hear(a_request()), await service.hear(an_assignment())
    admin = client_of("admin")
    seen = (await admin.get(f"/v1/notifications/{assigned}")).json()
    assert "新工单待接" in seen["deliveries"][0]["subject"]
    everything = (await admin.get(f"/v1/notifications/{mail}")).text + str(seen)
    assert not any(secret in everything for secret in ("example.com", "话费", "张三"))


async def test_what_was_given_up_is_redelivered(service: MemoryService, client_of: ClientOf) -> None:
    notice = await a_failed_mail(service)
    leader = client_of("leader")
    answer = await leader.post(f"/v1/notifications/{notice}/redeliver", headers={"If-Match": '"3"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"4"')
    assert answer.json()["deliveries"][0]["status"] == "pending"
    assert (await service.events(notice))[-1] == "RedeliveryRequested"


@pytest.mark.parametrize(
    ("roles", "teams", "body", "headers", "status", "code"),
    [
        (("leader",), ("other",), {}, {}, 404, "not_found"),
        (("agent",), ("*",), {}, {}, 403, "forbidden"),
        (("leader",), ("*",), {}, {"If-Match": '"1"'}, 412, "stale_version"),
        (("leader",), ("*",), {"delivery": 7}, {}, 422, "request_invalid"),
        (("leader",), ("*",), {"delivery": "ntc_x.9"}, {}, 404, "unknown_delivery"),
    ],
)
async def test_redelivery_is_refused_in_the_order_of_checks(
    service: MemoryService,
    client_of: ClientOf,
    roles: tuple[str, ...],
    teams: tuple[str, ...],
    body: Any,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    notice = await a_failed_mail(service)
    client = client_of(*roles, teams=teams)
    answer = await client.post(f"/v1/notifications/{notice}/redeliver", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


WANTED = {"url": "http://127.0.0.1:9/hooks/a", "types": ["workorder.closed", "clock.breached"]}


async def test_a_subscription_shows_its_secret_once(client_of: ClientOf) -> None:
    admin = client_of("admin")
    made = await admin.post("/v1/subscriptions", json=WANTED)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    [listed] = (await admin.get("/v1/subscriptions")).json()["items"]
    assert listed == {name: value for name, value in made.json().items() if name != "secret"}
    assert "secret" not in (await admin.get(made.headers["Location"])).json()


async def test_a_repeated_request_makes_one_subscription(client_of: ClientOf) -> None:
    admin, key = client_of("admin"), {"Idempotency-Key": "k1"}
    first = await admin.post("/v1/subscriptions", json=WANTED, headers=key)
    again = await admin.post("/v1/subscriptions", json=WANTED, headers=key)
    other = await admin.post("/v1/subscriptions", json={**WANTED, "types": ["workorder.closed"]}, headers=key)
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_an_ended_subscription_is_not_active(client_of: ClientOf) -> None:
    admin = client_of("admin")
    place = (await admin.post("/v1/subscriptions", json=WANTED)).headers["Location"]
    assert (await admin.delete(place)).status_code == 204
    assert (await admin.get(place)).json()["active"] is False
    assert (await admin.delete("/v1/subscriptions/sub_none")).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({**WANTED, "types": []}, "request_invalid"),
        ({**WANTED, "types": ["workorder.created"]}, "request_invalid"),
        ({**WANTED, "url": "ftp://example.com/x"}, "target_forbidden"),
        ({**WANTED, "url": "http://user:pw@example.com/x"}, "target_forbidden"),
        ({**WANTED, "url": "http:///nowhere"}, "target_forbidden"),
    ],
)
async def test_a_wrong_subscription_is_refused(client_of: ClientOf, body: Any, code: str) -> None:
    answer = await client_of("admin").post("/v1/subscriptions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_only_administrators_subscribe(client_of: ClientOf) -> None:
    assert (await client_of("leader").post("/v1/subscriptions", json=WANTED)).status_code == 403
    assert (await client_of("leader").get("/v1/subscriptions")).status_code == 403
    assert (await client_of("auditor").get("/v1/subscriptions")).status_code == 200


async def test_templates_are_listed_with_their_versions(client_of: ClientOf) -> None:
    items = (await client_of("agent").get("/v1/templates")).json()["items"]
    assert {"id": "answer", "version": 1, "languages": ["zh", "en"]} in items
