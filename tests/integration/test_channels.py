"""The channels against real servers on loopback: what arrives, and what each kind of trouble is taken for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from deploy.local.sinks import Sinks, running
from services.notifier.channels.channel import Channel, Parcel
from services.notifier.channels.email import EmailChannel
from services.notifier.channels.webhook import WebhookChannel, http_client
from services.notifier.courier import Courier
from services.notifier.domain.commands import SUBSCRIBERS, Outcome, OutcomeKind
from services.notifier.domain.state import ARRIVED
from services.notifier.settings import EmailSettings, WebhookSettings
from services.notifier.subscriptions import Subscription
from shared.events.notifications import Message
from tests.unit.notifier.memory_service import MemoryService, some_settings
from tests.unit.notifier.notices import a_request

MESSAGE = Message(subject="关于您的投诉 C1 的答复", body="张三，您好：\n.\n已退费。\n", address="zhang@example.com")
PARCEL = Parcel("ntc_1", "ntc_1.1", "answer", "complainant:cmp_1", "zh", MESSAGE)
TO_HOOK = replace(PARCEL, recipient_ref="subscription:sub_1", message=Message(subject="", body='{"type":"x"}'))
HOOKS = WebhookSettings(allow_private=True, timeout_seconds=1.0)


@pytest.fixture
async def sinks(tmp_path: Path) -> AsyncIterator[Sinks]:
    async with running(tmp_path / "sinks") as sinks:
        yield sinks


def mail_channel(port: int) -> EmailChannel:
    return EmailChannel(
        EmailSettings(host="127.0.0.1", port=port, sender="service@operator.example", timeout_seconds=5.0)
    )


@asynccontextmanager
async def hook_channel(
    url: str, settings: WebhookSettings = HOOKS, active: bool = True
) -> AsyncIterator[WebhookChannel]:
    subscription = Subscription(
        id="sub_1",
        url=url,
        types=("workorder.closed",),
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        active=active,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        created_by="anna",
    )

    async def find(_: str) -> Subscription:
        return subscription

    async with http_client(settings) as client:
        yield WebhookChannel(settings, client, find)


async def items(sinks: Sinks, name: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False) as client:
        found: list[dict[str, Any]] = (await client.get(f"{sinks.url}/{name}")).json()["items"]
        return found


def told(outcome: Outcome) -> tuple[OutcomeKind, str]:
    return outcome.kind, outcome.code


# -- mail ------------


async def test_a_mail_arrives_word_for_word_with_the_same_id_each_time(sinks: Sinks) -> None:
    channel = mail_channel(sinks.smtp_port)
    assert [told(await channel.send(PARCEL)) for _ in range(2)] == [(OutcomeKind.SENT, "")] * 2
    first, second = await items(sinks, "mails")
    assert (first["to"], first["subject"]) == (["zhang@example.com"], MESSAGE.subject)
    assert first["body"].replace("\r\n", "\n") == MESSAGE.body
    assert first["message_id"] == second["message_id"] == "<ntc_1.1@operator.example>"
    assert (first["notification"], first["template"], first["language"]) == ("ntc_1", "answer", "zh")


class Moody:
    """A mail server that answers as it is told, and hangs up in the middle of a mail."""

    def __init__(self, rcpt: str = "250 ok", data: str | None = "250 ok") -> None:
        self.rcpt, self.data = rcpt, data

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802 - the library's name
        envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, _: Any, __: Any) -> str:  # noqa: N802 - the library's name
        if self.data is None:
            server.transport.abort()
        return self.data or ""


@pytest.mark.parametrize(
    ("server", "ended"),
    [
        (Moody(rcpt="451 4.7.1 zhang@example.com later"), (OutcomeKind.TEMPORARY, "smtp_451")),
        (Moody(rcpt="550 5.1.1 zhang@example.com unknown"), (OutcomeKind.PERMANENT, "smtp_550")),
        (Moody(data="452 full"), (OutcomeKind.TEMPORARY, "smtp_452")),
        (Moody(data="554 spam"), (OutcomeKind.PERMANENT, "smtp_554")),
        (Moody(data=None), (OutcomeKind.UNKNOWN, "smtp_lost")),
    ],
)
async def test_what_a_mail_server_says_is_understood_and_not_repeated(
    server: Moody, ended: tuple[OutcomeKind, str]
) -> None:
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(server), "127.0.0.1", 0)
    outcome = await mail_channel(listening.sockets[0].getsockname()[1]).send(PARCEL)
    listening.close()
    assert told(outcome) == ended
    assert "example.com" not in outcome.detail


async def test_a_mail_server_that_is_away_is_tried_later() -> None:
    assert told(await mail_channel(a_closed_port()).send(PARCEL)) == (OutcomeKind.TEMPORARY, "smtp_unreachable")


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@", "@b", "a@b\r\nBcc: c@d", "a b@c", "用户@example.com", "a@b, c@d", '"', None]
)
async def test_what_is_no_address_is_never_sent_to(sinks: Sinks, address: str | None) -> None:
    parcel = replace(PARCEL, message=replace(MESSAGE, address=address))
    assert told(await mail_channel(sinks.smtp_port).send(parcel)) == (OutcomeKind.PERMANENT, "address_invalid")
    assert await items(sinks, "mails") == []


# -- webhooks ------------


async def test_a_webhook_arrives_signed(sinks: Sinks) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        secret = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        await client.put(f"{sinks.url}/hooks/a/secret", json=secret)
    async with hook_channel(f"{sinks.url}/hooks/a") as channel:
        assert told(await channel.send(TO_HOOK)) == (OutcomeKind.DELIVERED, "")
    [arrived] = await items(sinks, "webhooks")
    assert (arrived["id"], arrived["verified"], arrived["content"]) == ("ntc_1.1", True, {"type": "x"})


async def test_a_receiver_that_does_not_know_the_secret_refuses(sinks: Sinks) -> None:
    async with hook_channel(f"{sinks.url}/hooks/stranger") as channel:
        assert told(await channel.send(TO_HOOK)) == (OutcomeKind.PERMANENT, "http_401")
    [arrived] = await items(sinks, "webhooks")
    assert (arrived["verified"], arrived["content"]) == (False, None)


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """A receiver that reads a request and answers with these bytes; None: it says nothing for ever."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await over.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    over.set()
    server.close()


def http(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "", ""]).encode()


@pytest.mark.parametrize(
    ("answer", "ended", "wait"),
    [
        (http("200 OK"), (OutcomeKind.DELIVERED, ""), 0),
        (http("302 Found", "Location: http://169.254.169.254/"), (OutcomeKind.PERMANENT, "http_302"), 0),
        (http("404 Not Found"), (OutcomeKind.PERMANENT, "http_404"), 0),
        (http("429 Slow down", "Retry-After: 90"), (OutcomeKind.TEMPORARY, "http_429"), 90),
        (http("503 Away", "Retry-After: 999999"), (OutcomeKind.TEMPORARY, "http_503"), 3600),
        (http("503 Away", "Retry-After: Wed, 01 Jan 2020 00:00:00 GMT"), (OutcomeKind.TEMPORARY, "http_503"), 0),
        (http("500 Oops", "Retry-After: soon"), (OutcomeKind.TEMPORARY, "http_500"), 0),
        (b"", (OutcomeKind.UNKNOWN, "webhook_no_answer"), 0),
        (b"not http at all\r\n\r\n", (OutcomeKind.UNKNOWN, "webhook_no_answer"), 0),
        (None, (OutcomeKind.UNKNOWN, "webhook_no_answer"), 0),
    ],
)
async def test_what_a_receiver_answers_is_understood(
    answer: bytes | None, ended: tuple[OutcomeKind, str], wait: int
) -> None:
    async with answering(answer) as url, hook_channel(url) as channel:
        outcome = await channel.send(TO_HOOK)
    assert told(outcome) == ended
    assert outcome.retry_after == wait


async def test_an_answer_without_end_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000
    async with answering(endless) as url, hook_channel(url) as channel:
        assert told(await channel.send(TO_HOOK)) == (OutcomeKind.DELIVERED, "")


async def test_a_receiver_that_is_away_is_tried_later() -> None:
    async with hook_channel(f"http://127.0.0.1:{a_closed_port()}/") as channel:
        assert told(await channel.send(TO_HOOK)) == (OutcomeKind.TEMPORARY, "webhook_unreachable")


async def test_without_leave_nothing_goes_to_this_host() -> None:
    async with answering(http("200 OK")) as url, hook_channel(url, WebhookSettings(allow_private=False)) as channel:
        assert told(await channel.send(TO_HOOK)) == (OutcomeKind.PERMANENT, "target_forbidden")


async def test_an_ended_subscription_gets_nothing(sinks: Sinks) -> None:
    async with hook_channel(f"{sinks.url}/hooks/a", active=False) as channel:
        assert told(await channel.send(TO_HOOK)) == (OutcomeKind.PERMANENT, "subscription_ended")
    assert await items(sinks, "webhooks") == []


# -- together ------------


async def test_the_courier_brings_notices_to_mailbox_and_webhook(sinks: Sinks) -> None:
    service = MemoryService(some_settings())
    async with hook_channel(f"{sinks.url}/hooks/a") as hook, httpx.AsyncClient(trust_env=False) as client:
        await client.put(f"{sinks.url}/hooks/a/secret", json={"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
        webhook = a_request(audience=SUBSCRIBERS, template="workorder.closed", payload="{}", subscriptions=("sub_1",))
        notices = [await service.hear(a_request()), await service.hear(webhook)]
        channels: dict[str, Channel] = {"email": mail_channel(sinks.smtp_port), "webhook": hook}
        courier = asyncio.create_task(Courier(service, channels, 4, timedelta(seconds=60)).run())
        async with asyncio.timeout(10):
            while not all(service.delivery(each).status in ARRIVED for each in notices):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
        courier.cancel()
        await asyncio.gather(courier, return_exceptions=True)
    [mail], [hooked] = await items(sinks, "mails"), await items(sinks, "webhooks")
    assert mail["notification"] == notices[0]
    assert hooked["id"] == f"{notices[1]}.1"


def a_closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
