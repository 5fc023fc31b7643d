"""What every service can be told from outside, by environment variables that begin with CLOSEDLOOP_."""

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.events.topics import DEFAULT_PARTITIONS, SERVICES
from shared.runtime.logging import get_logger

PREFIX = "CLOSEDLOOP_"
NESTING = "__"
READ_ELSEWHERE = (PREFIX + "CACHE_DIR", PREFIX + "TEST_STACK", PREFIX + "TOKEN")

log = get_logger()


class InvalidSettings(Exception):
    """The environment does not make valid settings; the text names variables and faults, never values."""


class AuthSettings(BaseModel):
    """Who may call."""

    issuer: str | None = Field(default=None, description="Issuer that tokens must name; unset: not checked.")
    audience: str | None = Field(default=None, description="Audience that tokens must name; unset: not checked.")
    jwks: str | None = Field(default=None, description="Keys that sign tokens: a JWKS file, or its http(s) address.")
    api_keys: Path | None = Field(
        default=None, description="JSON file of API keys: SHA-256 of the key in hex → {sub, roles, teams, regions}."
    )


class Settings(BaseSettings):
    """The settings that all services share; a service adds its own section under its name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=NESTING, extra="ignore")

    kafka_bootstrap: str = Field(description="Kafka brokers, host:port, comma-separated.")
    mongo_uri: str = Field(description="MongoDB connection string; a replica set is needed.")
    mongo_driver: Literal["motor", "pymongo"] = Field(
        default="motor", description="Driver for MongoDB: Motor, or PyMongo's own asyncio API."
    )
    topic_prefix: str = Field(default="closedloop.", description="Prefix of every topic and consumer group.")
    database_prefix: str = Field(
        default="closedloop_", description="Prefix of every database; each service owns one."
    )
    state_dir: Path = Field(
        default=Path(".closedloop"), description="Directory of an embedded installation's data and keys."
    )
    test_mode: bool = Field(
        default=False, description="Lets /test/clock move the service's time. Never in production."
    )
    mode: Literal["embedded", "external"] = Field(
        default="external",
        description="embedded: started by `up` with its own Kafka and MongoDB; external: given ones.",
    )
    kafka_compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        default="lz4",
        description="Compression of what we publish; some JavaScript clients can read only none and gzip.",
    )
    kafka_partitions: int = Field(
        default=DEFAULT_PARTITIONS, ge=1, le=960, description="Partitions of newly made topics; a divisor of 960."
    )
    instance: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Name of this process among those of its service that survives restarts, such as a pod's: its "
        "partitions come back to it at once. Unset: it joins as a new member each time.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address to listen on.")
    http_port: int = Field(default=0, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    http_reuse_port: bool = Field(default=False, description="Lets several processes of one service share its port.")
    http_rate: float = Field(
        default=200.0,
        ge=0,
        description="Requests a second for each caller of a process, ten seconds' worth at once; 0: no limit.",
    )
    auth: AuthSettings = Field(default_factory=AuthSettings, description="Who may call.")
    intake_url: str = Field(default="http://127.0.0.1:8101", description="Where intake answers.")
    workflow_url: str = Field(default="http://127.0.0.1:8102", description="Where workflow answers.")
    escalation_url: str = Field(default="http://127.0.0.1:8103", description="Where escalation answers.")
    notifier_url: str = Field(default="http://127.0.0.1:8104", description="Where the notifier answers.")

    @property
    def kafka_servers(self) -> list[str]:
        """The brokers one by one: the clients do not split the list themselves."""
        return [server.strip() for server in self.kafka_bootstrap.split(",") if server.strip()]

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Settings from the environment (`given` wins). Logs every unknown name; raises InvalidSettings."""
        for name, nearest in unknown_names(os.environ, known_names(cls)):
            log.warning("unknown_setting", name=name, nearest=nearest)
        try:
            return cls(**given)
        except ValidationError as error:
            raise InvalidSettings(_faults(error)) from None  # the original quotes values, passwords among them


def known_names(settings: type[BaseSettings]) -> set[str]:
    """Every variable that means something to `settings` or to another part; an entry ending in `__` is a section."""
    own = set(_variables(settings, PREFIX))
    sections = {f"{PREFIX}{service.upper()}{NESTING}" for service in (*SERVICES, "console")}
    others = {section for section in sections if section.removesuffix(NESTING) not in own}
    return own | others | set(READ_ELSEWHERE)


def unknown_names(environ: Mapping[str, str], known: Collection[str]) -> list[tuple[str, str]]:
    """(name, nearest known one) of every CLOSEDLOOP_ variable that nothing reads."""
    sections = tuple(name for name in known if name.endswith(NESTING))
    names = sorted(set(known) - set(sections))
    strangers = (
        name
        for name in sorted(environ)
        if name.upper().startswith(PREFIX) and name.upper() not in known and not name.upper().startswith(sections)
    )
    return [(name, "".join(difflib.get_close_matches(name.upper(), names, n=1, cutoff=0.0))) for name in strangers]


def _variables(model: type[BaseModel], prefix: str) -> Iterable[str]:
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _variables(field.annotation, variable + NESTING)


def _faults(error: ValidationError) -> str:
    return "; ".join(
        f"{PREFIX}{NESTING.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
