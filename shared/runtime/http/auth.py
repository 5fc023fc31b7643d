"""Who calls: a bearer token or an API key becomes the actor of the request; nobody else gets past the door."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from shared.kernel.aggregate import Actor
from shared.runtime import devkeys
from shared.runtime.http.jwks import FileKeys, KeySource, RemoteKeys
from shared.runtime.http.problems import ProblemError
from shared.runtime.http.watched_file import WatchedFile
from shared.runtime.roles import ROLES
from shared.runtime.settings import Settings

OPEN_PATHS = frozenset({"/livez", "/readyz"})
LOOPBACK_PATHS = frozenset({"/metrics", "/openapi.json", "/asyncapi.json", "/test/clock"})
FEEDBACK = re.compile(r"/v1/feedback/[^/]+")
CLOCK_SKEW_SECONDS = 5.0
_IDENTITY = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


class Authenticator:
    """Turns credentials into an actor by the keys that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._issuer, self._audience = settings.auth.issuer, settings.auth.audience
        self._development = _uses_own_keys(settings)
        self._keys = _key_source(settings.auth.jwks, development=self._development)
        self._api_keys = WatchedFile(settings.auth.api_keys, _read_api_keys) if settings.auth.api_keys else None

    async def authenticate(self, headers: Headers) -> Actor:
        """Raises ProblemError unauthenticated; Unavailable when the keys cannot be had."""
        authorization, api_key = headers.get("authorization"), headers.get("x-api-key")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise ProblemError("unauthenticated", "Authorization must be of type Bearer")
            return await self._by_token(token.strip())
        if api_key is not None:
            return self._by_api_key(api_key)
        raise ProblemError("unauthenticated", "Authorization: Bearer or X-API-Key is required")

    async def _by_token(self, token: str) -> Actor:
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await self._keys.key(kid) if self._keys else None
            if key is None:
                raise ProblemError("unauthenticated", "the token is signed with an unknown key")
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise ProblemError("unauthenticated", f"the token is not valid: {type(error).__name__}") from None
        if (
            int(claims["exp"]) <= time.time()
        ):  # the leeway is for clocks that differ about the beginning, not for this
            raise ProblemError("unauthenticated", "the token has expired")
        if claims.get("iss") == devkeys.ISSUER and not self._development:
            raise ProblemError("unauthenticated", "development tokens are not accepted here")
        return _actor(claims)

    def _by_api_key(self, api_key: str) -> Actor:
        known = self._api_keys.value() if self._api_keys else {}
        found = known.get(hashlib.sha256(api_key.encode()).hexdigest())
        if found is None:
            raise ProblemError("unauthenticated", "the API key is not known")
        return found


def needs_authentication(scope: Scope) -> bool:
    """Whether the door asks for credentials; the exceptions are these few and no route can add itself."""
    path, method = scope["path"], scope["method"]
    if path in OPEN_PATHS or (method == "POST" and FEEDBACK.fullmatch(path)):
        return False
    return not (path in LOOPBACK_PATHS and _is_local(scope))


def require_role(actor: Actor, *roles: str) -> None:
    """Raises ProblemError forbidden unless the actor has one of `roles`."""
    if actor.roles.isdisjoint(roles):
        raise ProblemError("forbidden")


async def _caller(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


Caller = Annotated[Actor, Depends(_caller)]


def _is_local(scope: Scope) -> bool:
    """Whether the peer is this machine itself, and not a proxy on it that speaks for somebody else."""
    headers = Headers(scope=scope)
    if scope.get("client") is None or "forwarded" in headers or "x-forwarded-for" in headers:
        return False
    try:
        return ip_address(scope["client"][0]).is_loopback
    except ValueError:
        return False


def _uses_own_keys(settings: Settings) -> bool:
    jwks, own = settings.auth.jwks, devkeys.jwks_file(settings.state_dir).parent.resolve()
    return settings.mode == "embedded" and jwks is not None and Path(jwks).resolve().is_relative_to(own)


def _key_source(jwks: str | None, *, development: bool) -> KeySource | None:
    if jwks is None:
        return None
    if jwks.startswith(("http://", "https://")):
        return RemoteKeys(jwks)
    return FileKeys(Path(jwks), development=development)


def _read_api_keys(content: bytes) -> Mapping[str, Actor]:
    try:
        return {digest.lower(): _actor(claims) for digest, claims in json.loads(content).items()}
    except (ProblemError, AttributeError):
        raise ValueError("API keys need {sub, roles, teams, regions} by the SHA-256 of the key") from None


def _actor(claims: Mapping[str, Any]) -> Actor:
    sub, org = claims.get("sub"), claims.get("org")
    if not isinstance(sub, str) or not _IDENTITY.fullmatch(sub):
        raise ProblemError("unauthenticated", "claim sub must be printable text")
    roles = _texts(claims, "roles") & set(ROLES)  # an identity provider may know roles of other systems
    return Actor(
        kind="system" if "system" in roles else "agent",
        id=sub,
        org=org if isinstance(org, str) else None,
        roles=roles,
        teams=_texts(claims, "teams"),
        regions=_texts(claims, "regions"),
    )


def _texts(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    found = claims.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
        raise ProblemError("unauthenticated", f"claim {name} must be a list of texts")
    return frozenset(found)
