"""The keys that tokens are signed with, from a JWKS file or address; only asymmetric ones count."""

import asyncio
import json
import math
import time
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from shared.runtime.context import Unavailable
from shared.runtime.devkeys import KEY_ID, MARKER
from shared.runtime.http.watched_file import WatchedFile
from shared.runtime.logging import get_logger

ALGORITHMS = frozenset({"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"})
FRESH_SECONDS = 600.0
RETRY_SECONDS = 5.0
FETCH_TIMEOUT_SECONDS = 3.0

log = get_logger()
Keys = Mapping[str | None, PyJWK]


class KeySource(Protocol):
    async def key(self, kid: str | None) -> PyJWK | None:
        """The key with this id (None: the only one). Raises Unavailable when no keys could be had at all."""
        ...


class FileKeys:
    """Keys of a file; development keys count only where `development` says that the file is an installation's own."""

    def __init__(self, path: Path, *, development: bool) -> None:
        self._file = WatchedFile(path, lambda content: read_keys(content, development=development))

    async def key(self, kid: str | None) -> PyJWK | None:
        return _choose(self._file.value(), kid)


class RemoteKeys:
    """Keys of an address, kept and fetched again when old or when an unknown key is asked for, but not too often.

    `fresh` and `retry` are seconds of machine time: how long keys count as new, and between two fetches.
    """

    def __init__(self, address: str, fresh: float = FRESH_SECONDS, retry: float = RETRY_SECONDS) -> None:
        self._address, self._fresh, self._retry = address, fresh, retry
        self._keys: Keys = {}
        self._fetched = self._tried = -math.inf
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None) -> PyJWK | None:
        found = _choose(self._keys, kid)
        if found is None or time.monotonic() - self._fetched > self._fresh:
            async with self._lock:
                await self._refresh()
            found = _choose(self._keys, kid)
        if not self._keys:
            raise Unavailable("the signing keys cannot be fetched")
        return found

    async def _refresh(self) -> None:
        if time.monotonic() - self._tried < self._retry:
            return
        self._tried = time.monotonic()
        try:
            async with httpx.AsyncClient(
                timeout=FETCH_TIMEOUT_SECONDS, trust_env=not _loopback(self._address)
            ) as web:
                answer = await web.get(self._address)
            answer.raise_for_status()
            self._keys = read_keys(answer.content, development=False)
        except (httpx.HTTPError, ValueError) as error:
            log.warning("jwks_unreachable", error=type(error).__name__)
        else:
            self._fetched = time.monotonic()


def read_keys(content: bytes, *, development: bool) -> Keys:
    """The usable signing keys of a JWKS by their id. Raises ValueError when it is no JWKS."""
    document = json.loads(content)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("a JWKS needs a list of keys")
    usable = [entry for entry in entries if isinstance(entry, dict) and (development or not _is_development(entry))]
    keys = [key for entry in usable if entry.get("use", "sig") == "sig" and (key := _key(entry)) is not None]
    return {key.key_id: key for key in keys}


def _is_development(entry: Mapping[str, Any]) -> bool:
    return MARKER in entry or entry.get("kid") == KEY_ID


def _key(entry: Mapping[str, Any]) -> PyJWK | None:
    try:
        key = PyJWK.from_dict(dict(entry))
    except (PyJWTError, ValueError, TypeError):
        return None  # a kind of key that we cannot use says nothing about the others
    return key if key.algorithm_name in ALGORITHMS else None


def _choose(keys: Keys, kid: str | None) -> PyJWK | None:
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(kid)


def _loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
