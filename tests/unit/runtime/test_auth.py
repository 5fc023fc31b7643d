"""Who gets in, and who does not."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI
from jwt.algorithms import ECAlgorithm
from starlette.datastructures import Headers
from starlette.responses import Response

from shared.kernel.aggregate import Actor
from shared.runtime.context import Unavailable
from shared.runtime.devkeys import ensure_keys, jwks_file, sign
from shared.runtime.http.auth import Authenticator
from shared.runtime.http.jwks import RemoteKeys
from shared.runtime.http.problems import ProblemError
from shared.runtime.http.server import listen, serve
from shared.runtime.settings import Settings

Make = Callable[..., Settings]
CLAIMS = {"sub": "anna", "roles": ["agent"], "teams": ["t1"], "regions": ["north"]}


def new_key(kid: str = "k1") -> tuple[Any, dict[str, Any]]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "ES256"}


def signed(key: Any, kid: str = "k1", algorithm: str = "ES256", **claims: Any) -> str:
    body = {"exp": int(time.time()) + 60, **CLAIMS, **claims}
    return jwt.encode({k: v for k, v in body.items() if v is not None}, key, algorithm, headers={"kid": kid})


def write(path: Path, content: Any) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content))


async def admitted(authenticator: Authenticator, token: str) -> Actor:
    return await authenticator.authenticate(Headers({"authorization": f"Bearer {token}"}))


async def refused(authenticator: Authenticator, token: str) -> bool:
    with pytest.raises(ProblemError) as problem:
        await admitted(authenticator, token)
    return problem.value.code == "unauthenticated"


@pytest.fixture
def key() -> tuple[Any, dict[str, Any]]:
    return new_key()


@pytest.fixture
def keys_file(tmp_path: Path, key: tuple[Any, dict[str, Any]]) -> Path:
    path = tmp_path / "keys.json"
    write(path, {"keys": [key[1]]})
    return path


@pytest.fixture
def door(make_settings: Make, keys_file: Path) -> Authenticator:
    auth = {"jwks": str(keys_file), "issuer": "https://id.example", "audience": "closedloop"}
    return Authenticator(make_settings(auth=auth, mode="external"))


GOOD = {"iss": "https://id.example", "aud": "closedloop"}


class TestTokens:
    async def test_claims_become_the_actor(self, door: Authenticator, key: Any) -> None:
        roles = ["agent", "a role of another system"]
        actor = await admitted(door, signed(key[0], **GOOD, roles=roles))
        assert actor == Actor("agent", "anna", None, frozenset({"agent"}), frozenset({"t1"}), frozenset({"north"}))

    async def test_a_system_is_a_system(self, door: Authenticator, key: Any) -> None:
        assert (await admitted(door, signed(key[0], **GOOD, roles=["system"]))).kind == "system"

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": int(time.time()) - 1},
            {"exp": None},
            {"nbf": int(time.time()) + 86_400},
            {"iss": "https://elsewhere.example"},
            {"aud": "another"},
            {"aud": None},
            {"sub": None},
            {"sub": ""},
            {"sub": "a\nb"},
            {"roles": "agent"},
            {"teams": [1]},
            {"regions": {"*": True}},
        ],
    )
    async def test_other_claims_are_refused(self, door: Authenticator, key: Any, claims: dict[str, Any]) -> None:
        assert await refused(door, signed(key[0], **{**GOOD, **claims}))

    async def test_other_keys_are_refused(self, door: Authenticator, key: Any) -> None:
        assert await refused(door, signed(new_key()[0], **GOOD))
        assert await refused(door, signed(key[0], kid="k2", **GOOD))

    async def test_only_the_keys_own_algorithm_counts(self, door: Authenticator, key: Any) -> None:
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert await refused(door, signed(rsa_key, algorithm="RS256", **GOOD))
        assert await refused(door, signed("a secret that is long enough for it", algorithm="HS256", **GOOD))
        assert await refused(door, signed(None, algorithm="none", **GOOD))

    @pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "", "Bearer é"])
    async def test_other_headers_are_refused(self, door: Authenticator, header: str) -> None:
        with pytest.raises(ProblemError):
            await door.authenticate(Headers({"authorization": header}))

    async def test_a_symmetric_key_in_the_set_is_ignored(self, door: Authenticator, keys_file: Path) -> None:
        secret = "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtZm9yLWhzMjU2"
        write(keys_file, {"keys": [{"kty": "oct", "k": secret, "kid": "k1"}, {"kty": "?"}]})
        assert await refused(door, signed(b"secret-that-is-long-enough-for-hs256", algorithm="HS256", **GOOD))

    async def test_a_changed_file_counts_at_once(self, door: Authenticator, keys_file: Path, key: Any) -> None:
        await admitted(door, signed(key[0], **GOOD))
        other, public = new_key("k2")
        write(keys_file, {"keys": [public]})
        assert await refused(door, signed(key[0], **GOOD))
        assert (await admitted(door, signed(other, kid="k2", **GOOD))).id == "anna"
        write(keys_file, "half a fi")
        assert (await admitted(door, signed(other, kid="k2", **GOOD))).id == "anna"

    async def test_without_keys_nobody_can_be_judged(self, make_settings: Make, key: Any) -> None:
        door = Authenticator(make_settings(auth={"jwks": "/nowhere/jwks.json"}))
        with pytest.raises(Unavailable):
            await admitted(door, signed(key[0]))

    async def test_without_a_key_source_no_token_counts(self, make_settings: Make, key: Any) -> None:
        assert await refused(Authenticator(make_settings(auth={})), signed(key[0]))


class TestDevelopmentKeys:
    async def test_they_count_in_their_own_state_directory(self, make_settings: Make, state_dir: Path) -> None:
        actor = await admitted(Authenticator(make_settings()), sign(state_dir, "dev", ["admin"], ["*"], ["*"], 60))
        assert (actor.id, *actor.roles, *actor.teams) == ("dev", "admin", "*")

    async def test_they_do_not_count_in_external_mode(self, make_settings: Make, state_dir: Path) -> None:
        door = Authenticator(make_settings(mode="external"))
        assert await refused(door, sign(state_dir, "dev", ["admin"], ["*"], ["*"], 60))

    async def test_they_do_not_count_elsewhere(self, make_settings: Make, state_dir: Path, tmp_path: Path) -> None:
        token = sign(state_dir, "dev", ["admin"], ["*"], ["*"], 60)
        copied = tmp_path / "copied.json"
        copied.write_bytes(jwks_file(state_dir).read_bytes())
        assert await refused(Authenticator(make_settings(auth={"jwks": str(copied)})), token)
        (entry,) = json.loads(copied.read_text())["keys"]
        del entry["closedloop_dev"]
        write(copied, {"keys": [{**entry, "kid": "innocent"}]})
        key = (state_dir / "auth" / "signing-key.pem").read_bytes()
        renamed = signed(key, kid="innocent", iss="closedloop-dev")
        assert await refused(Authenticator(make_settings(auth={"jwks": str(copied)})), renamed)

    def test_they_are_made_once_and_for_their_owner(self, state_dir: Path) -> None:
        jwks = ensure_keys(state_dir)
        before = jwks.read_bytes()
        assert ensure_keys(state_dir).read_bytes() == before
        assert (jwks.parent / "signing-key.pem").stat().st_mode & 0o777 == 0o600
        assert sorted(file.name for file in jwks.parent.iterdir()) == ["jwks.json", "signing-key.pem"]
        assert "d" not in json.loads(before)["keys"][0]


class TestApiKeys:
    async def test_a_known_key_is_its_actor(self, make_settings: Make, tmp_path: Path) -> None:
        file = tmp_path / "api-keys.json"
        write(file, {hashlib.sha256(b"open sesame").hexdigest(): {**CLAIMS, "roles": ["system"]}})
        door = Authenticator(make_settings(auth={"api_keys": str(file)}))
        actor = await door.authenticate(Headers({"x-api-key": "open sesame"}))
        assert (actor.kind, actor.id, *actor.teams) == ("system", "anna", "t1")
        with pytest.raises(ProblemError):
            await door.authenticate(Headers({"x-api-key": "open barley"}))
        write(file, {})
        with pytest.raises(ProblemError):
            await door.authenticate(Headers({"x-api-key": "open sesame"}))


class Provider:
    """An identity provider that counts how often its keys are fetched."""

    def __init__(self) -> None:
        self.key, public = new_key()
        self.document: dict[str, Any] = {"keys": [public]}
        self.fetched, self.status = 0, 200
        self.app = FastAPI()
        self.app.add_api_route("/jwks", self._answer)

    async def _answer(self) -> Response:
        self.fetched += 1
        return Response(json.dumps(self.document), self.status, media_type="application/json")


@pytest.fixture
async def provider() -> AsyncIterator[tuple[Provider, str]]:
    provider, listener, stop = Provider(), listen("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(provider.app, listener, stop))
    yield provider, f"http://127.0.0.1:{listener.getsockname()[1]}/jwks"
    stop.set()
    await serving


class TestRemoteKeys:
    async def test_keys_are_fetched_once(self, make_settings: Make, provider: tuple[Provider, str]) -> None:
        idp, address = provider
        door = Authenticator(make_settings(auth={"jwks": address}))
        tokens = [signed(idp.key, sub=f"s{number}") for number in range(5)]
        callers = await asyncio.gather(*(admitted(door, token) for token in tokens))
        assert [caller.id for caller in callers] == [f"s{number}" for number in range(5)]
        assert idp.fetched == 1

    async def test_an_unknown_key_is_asked_for_but_not_at_every_request(self, provider: tuple[Provider, str]) -> None:
        idp, address = provider
        patient, hasty = RemoteKeys(address), RemoteKeys(address, retry=0)
        assert await patient.key("k1")
        assert await hasty.key("k1")
        idp.document["keys"].append(new_key("k2")[1])
        assert not any([await patient.key("k2") for _ in range(3)])
        assert idp.fetched == 2
        assert await hasty.key("k2")
        assert idp.fetched == 3

    async def test_keys_outlive_their_provider(self, provider: tuple[Provider, str]) -> None:
        idp, address = provider
        keys = RemoteKeys(address, fresh=0, retry=0)
        idp.status = 500
        with pytest.raises(Unavailable):
            await keys.key("k1")
        idp.status = 200
        assert await keys.key("k1")
        idp.status = 500
        assert await keys.key("k1")
        assert idp.fetched == 3

    async def test_development_keys_never_come_from_an_address(
        self, provider: tuple[Provider, str], state_dir: Path
    ) -> None:
        idp, address = provider
        idp.document = json.loads(ensure_keys(state_dir).read_bytes())
        with pytest.raises(Unavailable):
            await RemoteKeys(address).key("closedloop-dev")
