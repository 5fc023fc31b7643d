"""A mail server and a webhook receiver for the demo and for tests: they keep what arrives, and deliver nothing.

Never part of a production path. Everything goes to JSON lines in one directory, for its owner's eyes only.
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError
from starlette.responses import Response

from shared.runtime.http.server import listen, serve

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Shelf:
    """What arrived, kept across restarts: `mails.jsonl`, `webhooks.jsonl` and the secrets of the receivers."""

    directory: Path

    @classmethod
    def opened(cls, directory: Path) -> "Shelf":
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(directory)

    def put(self, name: str, record: dict[str, Any]) -> None:
        with self._owned(f"{name}.jsonl", os.O_APPEND) as file:
            file.write(json.dumps({"at": datetime.now(UTC).isoformat(), **record}, ensure_ascii=False) + "\n")

    def read(self, name: str) -> list[dict[str, Any]]:
        path = self.directory / f"{name}.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def secret(self, receiver: str) -> str | None:
        return self._secrets().get(receiver)

    def set_secret(self, receiver: str, secret: str) -> None:
        known = {**self._secrets(), receiver: secret}
        with self._owned("secrets.json", os.O_TRUNC) as file:
            json.dump(known, file)

    def _secrets(self) -> dict[str, str]:
        path = self.directory / "secrets.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _owned(self, name: str, flags: int) -> Any:
        descriptor = os.open(self.directory / name, os.O_WRONLY | os.O_CREAT | flags, 0o600)
        return os.fdopen(descriptor, "w")


@dataclass(frozen=True)
class MailKeeper:
    """Takes every mail; aiosmtpd calls it."""

    shelf: Shelf

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        mail = message_from_bytes(envelope.original_content or b"", EmailMessage, policy=default)
        text = mail.get_body(("plain",))
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(mail["Subject"]),
            "body": text.get_content() if text is not None else "",
            "message_id": str(mail["Message-ID"]),
            "notification": str(mail["X-Closedloop-Notification"]),
            "template": str(mail["X-Closedloop-Template"]),
            "language": str(mail["Content-Language"]),
        }
        self.shelf.put("mails", record)
        return "250 kept"


def receiver(shelf: Shelf) -> FastAPI:
    """`POST /hooks/{name}` receives, after `PUT /hooks/{name}/secret` told its secret; `GET /mails`, `/webhooks`."""
    app = FastAPI(title="Sinks", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/readyz")
    async def ready() -> Response:
        return JSONResponse({"ready": True})

    @app.get("/{name}")
    async def arrived(name: str) -> Response:
        if name not in ("mails", "webhooks"):
            return JSONResponse({"detail": "mails or webhooks"}, 404)
        return JSONResponse({"items": shelf.read(name)})

    @app.put("/hooks/{name}/secret")
    async def learn(name: str, request: Request) -> Response:
        shelf.set_secret(name, str((await request.json())["secret"]))
        return Response(status_code=204)

    @app.post("/hooks/{name}")
    async def receive(name: str, request: Request) -> Response:
        secret, body = shelf.secret(name), await request.body()
        verified = secret is not None and is_genuine(secret, body, dict(request.headers))
        content = json.loads(body) if verified else None
        identity = request.headers.get("webhook-id")
        shelf.put("webhooks", {"receiver": name, "id": identity, "verified": verified, "content": content})
        return Response(status_code=204 if verified else 401)

    return app


def is_genuine(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # the library raises ValueError for a malformed signature
        return False
    return True


@dataclass(frozen=True)
class Sinks:
    """Where the running sinks listen; `stop` is set by a signal, or by whoever wants them to end."""

    smtp_port: int
    http_port: int
    stop: asyncio.Event

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"


@asynccontextmanager
async def running(directory: Path, smtp_port: int = 0, http_port: int = 0) -> AsyncIterator[Sinks]:
    """Both sinks on loopback until the block ends; port 0 means any free one."""
    shelf = Shelf.opened(directory)
    keeper, stop = MailKeeper(shelf), asyncio.Event()
    mails = await asyncio.get_running_loop().create_server(lambda: SMTP(keeper), LOOPBACK, smtp_port)
    listener = listen(LOOPBACK, http_port)
    answering = asyncio.create_task(serve(receiver(shelf), listener, stop))
    try:
        yield Sinks(mails.sockets[0].getsockname()[1], listener.getsockname()[1], stop)
    finally:
        stop.set()
        mails.close()
        await asyncio.gather(answering, return_exceptions=True)


async def _run(directory: Path, smtp_port: int, http_port: int) -> None:
    async with running(directory, smtp_port, http_port) as sinks:
        print(json.dumps({"smtp_port": sinks.smtp_port, "http_port": sinks.http_port}), flush=True)  # noqa: T201 - whoever started us reads it
        await sinks.stop.wait()


def main() -> None:
    """`python -m deploy.local.sinks DIRECTORY [--smtp-port N] [--http-port N]`; prints the ports as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--http-port", type=int, default=0)
    chosen = parser.parse_args()
    asyncio.run(_run(chosen.directory, chosen.smtp_port, chosen.http_port))


if __name__ == "__main__":
    main()
