"""E-mail by SMTP. Step by step, because until the text itself goes out nothing can have arrived."""

from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientRefused, SMTPResponseException

from services.notifier.channels.channel import Parcel
from services.notifier.domain.commands import Outcome, OutcomeKind
from services.notifier.settings import EmailSettings

UNREACHABLE = Outcome(OutcomeKind.TEMPORARY, "smtp_unreachable", "the mail server does not answer")
LOST = Outcome(OutcomeKind.UNKNOWN, "smtp_lost", "the connection was lost while the mail was handed over")
BAD_ADDRESS = Outcome(OutcomeKind.PERMANENT, "address_invalid", "this is no e-mail address that can be sent to")


class EmailChannel:
    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._domain = settings.sender.rpartition("@")[2]

    async def send(self, parcel: Parcel) -> Outcome:
        recipient = _address(parcel.message.address)
        if recipient is None:
            return BAD_ADDRESS
        client = self._client()
        try:
            refused = await self._open(client)
            return refused or await self._hand_over(client, recipient, self._mail(parcel, recipient))
        finally:
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            start_tls=settings.starttls,
            timeout=settings.timeout_seconds,
            local_hostname=self._domain,
        )

    async def _open(self, client: aiosmtplib.SMTP) -> Outcome | None:
        """Up to here a refusal is about us or the server, never about the recipient: it can be mended."""
        try:
            await client.connect()
            await client.mail(self._settings.sender)
        except SMTPResponseException as error:
            return Outcome(OutcomeKind.TEMPORARY, f"smtp_{error.code}", "the mail server refuses us")
        except (SMTPException, OSError):
            return UNREACHABLE
        return None

    async def _hand_over(self, client: aiosmtplib.SMTP, recipient: str, mail: bytes) -> Outcome:
        try:
            await client.rcpt(recipient)
        except SMTPRecipientRefused as error:
            return _refused(error.code, "the recipient is refused")
        except (SMTPException, OSError):
            return UNREACHABLE
        try:
            await client.data(mail)
        except SMTPResponseException as error:
            return _refused(error.code, "the mail is refused")
        except (SMTPException, OSError):
            return LOST
        with suppress(SMTPException, OSError):  # it has the mail already
            await client.quit()
        return Outcome(OutcomeKind.SENT)

    def _mail(self, parcel: Parcel, recipient: str) -> bytes:
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._settings.sender
        mail["To"] = recipient
        mail["Subject"] = parcel.message.subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{parcel.delivery_id}@{self._domain}>"  # the same again when sent again
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Closedloop-Notification"] = parcel.notice_id
        mail["X-Closedloop-Template"] = parcel.template
        mail.set_content(parcel.message.body, cte="base64")  # which takes away every Content- header set before
        mail["Content-Language"] = parcel.language
        return mail.as_bytes()


def _refused(code: int, detail: str) -> Outcome:
    """4yz may pass later, 5yz will not. The server's own words may hold the address and are left out."""
    kind = OutcomeKind.TEMPORARY if code < 500 else OutcomeKind.PERMANENT
    return Outcome(kind, f"smtp_{code}", detail)


def _address(raw: str | None) -> str | None:
    """A plain ASCII address, or None; whoever wrote it may have meant to write a second header."""
    try:
        parsed = Address(addr_spec=raw or "")
    except (ValueError, MessageError, IndexError):  # the parser trips over some malformed texts
        return None
    plain = parsed.addr_spec
    return plain if plain.isascii() and plain.isprintable() and parsed.username and parsed.domain else None
