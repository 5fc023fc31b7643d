"""`submit`: sends a complaint as an agent does, by HTTP, or as another system does, through Kafka."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import click

from shared.cli.arguments import read_json
from shared.cli.clock import expected_now
from shared.cli.endpoints import Endpoints, find_endpoints
from shared.cli.failure import WrongUsage
from shared.cli.output import Columns, output_option, show_fields
from shared.events.catalogue import WireType
from shared.kernel.ids import WORK_ORDER, complaint_id, sibling
from shared.messaging.cloudevents import rfc3339

SUBMITTED = str(WireType("complaint.submitted", 1))
INBOX = "complaints.inbox"
DEFAULT_SOURCE = "/closedloop/cli"
CUSTOMER = ("id", "name", "phone", "email", "tier", "region")
CHANNELS = ("phone", "web", "app", "email", "im", "counter", "regulator", "media", "internal")
SHOWN: Columns = {
    "complaint": "id",
    "number": "number",
    "status": "status",
    "work order": "work_order_id",
    "source": "source",
    "external id": "external_id",
    "topic": "topic",
}


@click.command()
@click.option("--subject", help="What it is about, in a line.")
@click.option("--description", help="What the complainant says. [default: the subject]")
@click.option("--channel", type=click.Choice(CHANNELS), help="How it came in. [default: phone]")
@click.option("--customer", "customer_id", metavar="ID", help="The complainant. [default: cli]")
@click.option("--name", "customer_name")
@click.option("--phone", "customer_phone")
@click.option("--email", "customer_email")
@click.option("--tier", "customer_tier", help="platinum, gold, silver, standard.")
@click.option("--region", "customer_region", metavar="PATH")
@click.option("--category", metavar="A/B/C")
@click.option("--remedy", "remedy_sought", help="refund, repair, replace, compensation, apology, …")
@click.option("--flag", "severity_flags", multiple=True, help="safety, media, regulator, group; may be repeated.")
@click.option("--external-id", help="The source's own number. [default: made up]")
@click.option("--received-at", metavar="RFC3339", help="When the complainant complained. [default: now]")
@click.option("--json", "document", metavar="FILE", help="The complaint as a JSON object; - reads standard input.")
@click.option("--kafka", is_flag=True, help="Publish it to complaints.inbox, as another system would.")
@click.option("--source", help=f"With --kafka: who publishes. [default: {DEFAULT_SOURCE}]")
@click.option("--sub", help="By HTTP: who submits, and so its source. [default: dev-agent]")
@output_option
def submit(document: str | None, kafka: bool, source: str | None, sub: str | None, output: str, **given: Any) -> None:
    """Send a complaint. Options win over the JSON; a subject is the least that is needed."""
    if source and not kafka:
        raise WrongUsage("--source goes with --kafka; by HTTP the caller is the source (--sub)")
    endpoints = find_endpoints()
    complaint = complaint_of(read_json(document), given, rfc3339(expected_now(endpoints)))
    if kafka:
        answer = _publish(endpoints, source or DEFAULT_SOURCE, complaint)
    else:
        from shared.cli.client import Client

        with Client(endpoints, ("agent",), sub) as client:
            answer = client.post("intake", "/v1/complaints", complaint)
    show_fields(answer, SHOWN, output)


def complaint_of(base: Mapping[str, Any], options: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The data of complaint.submitted from `base` and what the options say. Raises WrongUsage."""
    said = {name: value for name, value in options.items() if value not in (None, ())}
    customer = {part: said.pop(f"customer_{part}") for part in CUSTOMER if f"customer_{part}" in said}
    complaint = {"channel": "phone", "received_at": now, "external_id": f"cli-{uuid4().hex[:12]}", **base, **said}
    if not complaint.get("subject"):
        raise WrongUsage("what is it about?", "Give --subject TEXT, or the whole complaint with --json FILE.")
    stated = base.get("customer") or {}
    return {
        "description": complaint["subject"],
        **complaint,
        "customer": {"id": "cli", **stated, **customer} if isinstance(stated, dict) else stated,
    }


def _publish(endpoints: Endpoints, source: str, complaint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Publishes and says where to look for it: nobody answers on a topic."""
    import asyncio
    import json

    from shared.cli.records import publish
    from shared.messaging.cloudevents import write
    from shared.messaging.records import Envelope

    number = str(complaint["external_id"])
    envelope = Envelope(id=uuid4().hex, source=source, type=SUBMITTED)
    record = write(INBOX, number, envelope, json.dumps(complaint, ensure_ascii=False).encode())
    asyncio.run(publish(endpoints, [record]))
    complaint_ = complaint_id(source, number)
    return {
        "id": complaint_,
        "work_order_id": sibling(complaint_, WORK_ORDER),
        "source": source,
        "external_id": number,
        "topic": endpoints.topic_prefix + INBOX,
    }
