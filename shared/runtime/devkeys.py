"""Signing keys of a development installation: made in its state directory, worth nothing outside it."""

import json
import os
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "closedloop-dev"
KEY_ID = "closedloop-dev"
MARKER = "closedloop_dev"


def jwks_file(state_dir: Path) -> Path:
    return state_dir / "auth" / "jwks.json"


def ensure_keys(state_dir: Path) -> Path:
    """Makes the ES256 key pair unless it is there; returns the JWKS file. Safe to call from several processes."""
    folder = state_dir / "auth"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = folder / "signing-key.pem"
    if not private.exists():
        _publish(_new_key(), private, replace=False)
    jwks = jwks_file(state_dir)
    if not jwks.exists():
        _publish(json.dumps({"keys": [_public(private)]}, indent=1).encode(), jwks, replace=True)
    return jwks


def sign(
    state_dir: Path,
    sub: str,
    roles: Sequence[str],
    teams: Sequence[str],
    regions: Sequence[str],
    ttl_seconds: int,
) -> str:
    """A token for `sub`, valid from now (machine time) for `ttl_seconds`."""
    ensure_keys(state_dir)
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": sub,
        "iat": now,
        "exp": now + ttl_seconds,
        "roles": list(roles),
        "teams": list(teams),
        "regions": list(regions),
    }
    key = (state_dir / "auth" / "signing-key.pem").read_bytes()
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": KEY_ID})


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public(private: Path) -> dict[str, Any]:
    key = serialization.load_pem_private_key(private.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{private} does not hold an elliptic-curve key")
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": KEY_ID, "alg": "ES256", "use": "sig", MARKER: True}


def _publish(content: bytes, target: Path, *, replace: bool) -> None:
    """Writes the file whole or not at all, readable by its owner only; without `replace` the first writer wins."""
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    if replace:
        draft.replace(target)
        return
    with suppress(FileExistsError):
        os.link(draft, target)
    draft.unlink()
