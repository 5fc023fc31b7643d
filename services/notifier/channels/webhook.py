"""Signed webhooks (Standard Webhooks): the receiver checks who sent it and recognises a copy by `webhook-id`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook

from services.notifier.channels.channel import Parcel
from services.notifier.channels.targets import ForbiddenTarget, resolve
from services.notifier.domain.commands import Outcome, OutcomeKind
from services.notifier.settings import WebhookSettings
from services.notifier.subscriptions import Subscription

LATER = frozenset({408, 425, 429})
LONGEST_WAIT = 3600  # seconds that a receiver may ask us to wait

ENDED = Outcome(OutcomeKind.PERMANENT, "subscription_ended", "the subscription is not active any more")
UNREACHABLE = Outcome(OutcomeKind.TEMPORARY, "webhook_unreachable", "the receiver cannot be connected to")
NO_ANSWER = Outcome(OutcomeKind.UNKNOWN, "webhook_no_answer", "no answer came after the request was sent")


def http_client(settings: WebhookSettings) -> httpx.AsyncClient:
    """Follows no redirects, and no proxy of the environment: a proxy would look the checked name up again."""
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=settings.timeout_seconds,
        headers={"User-Agent": "closedloop", "Content-Type": "application/json"},
    )


class WebhookChannel:
    def __init__(
        self,
        settings: WebhookSettings,
        client: httpx.AsyncClient,
        subscription: Callable[[str], Awaitable[Subscription | None]],
    ) -> None:
        self._settings, self._client, self._subscription = settings, client, subscription

    async def send(self, parcel: Parcel) -> Outcome:
        subscription = await self._subscription(parcel.recipient_ref.partition(":")[2])
        if subscription is None or not subscription.active:
            return ENDED
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return await self._call(subscription, parcel)
        except TimeoutError:
            return NO_ANSWER

    async def _call(self, subscription: Subscription, parcel: Parcel) -> Outcome:
        try:
            target = await resolve(subscription.url, bool(self._settings.allow_private))
        except ForbiddenTarget as error:
            return Outcome(OutcomeKind.PERMANENT, "target_forbidden", str(error))
        except OSError:
            return UNREACHABLE
        body = parcel.message.body
        request = self._client.build_request(
            "POST",
            target.url,
            content=body.encode(),
            headers={"Host": target.host_header, **signed(subscription.secret, parcel.delivery_id, body)},
            extensions={"sni_hostname": target.host},
        )
        try:
            # The answer's body says nothing that we need, so it is not read, however long it is.
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return UNREACHABLE
        except httpx.TransportError:
            return NO_ANSWER
        await response.aclose()
        return _judged(response)


def signed(secret: str, message_id: str, body: str) -> dict[str, str]:
    now = datetime.now(UTC)  # the library signs any other zone's time wrongly; receivers compare with real time
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }


def _judged(response: httpx.Response) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(OutcomeKind.DELIVERED)
    code, detail = f"http_{status}", "the receiver refused"
    if status in LATER or status >= 500:
        return Outcome(OutcomeKind.TEMPORARY, code, detail, _retry_after(response.headers.get("retry-after", "")))
    return Outcome(OutcomeKind.PERMANENT, code, detail)


def _retry_after(header: str) -> int:
    """Seconds, given as a number or as a date; 0 when neither."""
    try:
        asked = int(header) if header.isdigit() else _seconds_until(parsedate_to_datetime(header))
    except ValueError:
        return 0
    return max(0, min(asked, LONGEST_WAIT))


def _seconds_until(instant: datetime) -> int:
    known = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return int((known - datetime.now(UTC)).total_seconds())
