"""Intake and workflow, the real ones, in this process: on topics of one partition, so that a batch is a batch."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from services.intake.main import SERVICE as INTAKE
from services.workflow.main import SERVICE as WORKFLOW
from shared.messaging.admin import ensure_topics
from shared.runtime.context import ServiceDefinition
from shared.runtime.devkeys import ensure_keys, sign
from shared.runtime.http.app import build_app
from shared.runtime.service import RunningService
from tests.e2e.bad_records import COMMAND, Bad, complaint
from tests.integration.mechanism.servers import Sending, Servers, until_seen

A_MINUTE = 61  # after which what the directory says takes effect


class TwoServices(Servers):
    """The servers, with services that know each other's tokens and trust only the source `crm`."""

    def service(self, definition: ServiceDefinition, **settings: Any) -> RunningService:
        keys = {"jwks": str(ensure_keys(self.state_dir))}
        closed = {"intake": {"open_sources": False}} if definition is INTAKE else {}
        return super().service(definition, mode="embedded", auth=keys, **closed, **settings)

    @asynccontextmanager
    async def both(self) -> AsyncIterator[tuple[RunningService, RunningService]]:
        """Intake and workflow at work, at a time when what was registered counts."""
        async with AsyncExitStack() as stack:
            intake, workflow = [
                await stack.enter_async_context(self.running(definition)) for definition in (INTAKE, WORKFLOW)
            ]
            for service in (intake, workflow):
                service.clock.advance(A_MINUTE)
            await until_seen(lambda: (_trusts(intake), _trusts(workflow)), all)
            yield intake, workflow

    async def ask(
        self, service: RunningService, method: str, path: str, role: str | None = "agent", **rest: Any
    ) -> httpx.Response:
        """One request to a service's own application; `role` None: without credentials."""
        app = build_app(service.definition, service, checks={})
        headers = dict(rest.pop("headers", {}))
        if role is not None:
            token = sign(self.state_dir, f"dev-{role}", (role,), rest.pop("teams", ("*",)), ("*",), 600)
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://services") as client:
            return await client.request(method, path, headers=headers, **rest)

    async def prepare(self) -> None:
        """Makes the topics and registers the source."""
        await ensure_topics(self.kafka, self.topic_prefix, partitions=1)
        async with self.running(WORKFLOW) as workflow:
            entry = {"types": ["*"], "actions": ["*"]}
            answer = await self.ask(workflow, "PUT", "/v1/admin/sources/crm", "admin", json=entry)
            assert answer.status_code == 201, answer.text


def _trusts(service: RunningService) -> bool:
    facts = service.facts()
    if service.definition is INTAKE:
        return facts.reference.source("crm", facts.now) is not None
    return facts.reference.at(facts.now).source("crm") is not None


def good(number: str) -> Sending:
    """A complaint as it should be."""
    return bad(Bad(number, json.dumps(complaint(number)).encode(), ""))


def bad(record: Bad) -> Sending:
    return record.key, record.value, record.headers


def accept(command_id: str, order: str) -> Sending:
    actor = {"kind": "agent", "id": "wang"}
    data = {"command_id": command_id, "work_order_id": order, "action": "accept", "actor": actor}
    return bad(Bad(command_id, json.dumps(data).encode(), "", kind=COMMAND))
