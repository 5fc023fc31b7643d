"""Texts from template files: a sandbox that knows names, filters and conditions, and nothing that could run away."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notifier.domain.commands import Value
from services.notifier.domain.reference import Text

FOLDER = Path(__file__).with_name("templates")
LANGUAGES = ("zh", "en")
PARTS = ("subject", "body")
LONGEST_SUBJECT, LONGEST_BODY = 200, 64 * 1024  # characters

ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Filter,
    nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
)  # fmt: skip
"""No loops, calls, attributes or arithmetic: `{{ 'a' * 10**9 }}` passes Jinja's own sandbox and takes the memory."""

CLOCK_NAMES: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "acknowledge": "告知",
        "dispatch": "派单",
        "accept": "接单",
        "first_response": "首次响应",
        "next_update": "进展反馈",
        "resolve": "处理",
        "review": "审核",
        "callback": "回访",
        "suspension": "挂起",
        "supervision": "督办",
        "cooperation": "协办",
        "statutory": "法定答复",
        "alarm.wake_up": "解挂提醒",
        "alarm.callback_attempt": "回访提醒",
        "alarm.survey_close": "调查截止",
        "alarm.archive": "归档",
        "alarm.appeal_window": "申诉期",
        "alarm.extension_expiry": "延期审批",
    },
    "en": {
        "acknowledge": "acknowledgement",
        "dispatch": "dispatch",
        "accept": "acceptance",
        "first_response": "first response",
        "next_update": "next update",
        "resolve": "handling",
        "review": "review",
        "callback": "callback",
        "suspension": "suspension",
        "supervision": "supervision",
        "cooperation": "cooperation",
        "statutory": "statutory answer",
        "alarm.wake_up": "wake-up",
        "alarm.callback_attempt": "callback attempt",
        "alarm.survey_close": "survey",
        "alarm.archive": "archiving",
        "alarm.appeal_window": "appeal",
        "alarm.extension_expiry": "extension request",
    },
}
_UNITS = {
    "zh": ((86400, "天", "天"), (3600, "小时", "小时"), (60, "分钟", "分钟"), (1, "秒", "秒")),
    "en": ((86400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"), (1, "second", "seconds")),
}


class InvalidTemplate(Exception):
    """A template file that does not parse, uses what is not allowed, or is not the version that it claims to be."""


@dataclass(frozen=True, slots=True)
class _Shipped:
    """One template in every language: (language, part) -> what renders it."""

    version: int
    parts: Mapping[tuple[str, str], Template]


class FileTemplates:
    """The templates of a folder: `<name>/<language>.<part>.txt`, and `versions.json` with the hash of each."""

    def __init__(self, timezone: str, folder: Path = FOLDER) -> None:
        """`timezone` is an IANA name; times in texts are shown in it. Raises InvalidTemplate."""
        environments = {language: _environment(language, ZoneInfo(timezone)) for language in LANGUAGES}
        versions: Mapping[str, Any] = json.loads((folder / "versions.json").read_text())
        self._shipped = {name: _load(folder / name, claim, environments) for name, claim in versions.items()}

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._shipped)

    def version(self, name: str) -> int:
        return self._shipped[name].version

    def render(self, name: str, language: str, values: Mapping[str, Value]) -> Text:
        """Raises jinja2.UndefinedError for a name that `values` lacks: a fault of ours, never of the data."""
        parts = self._shipped[name].parts
        subject = " ".join(_capped(parts[language, "subject"], values, LONGEST_SUBJECT).split())
        return Text(subject, _capped(parts[language, "body"], values, LONGEST_BODY))


@cache
def file_templates(timezone: str) -> FileTemplates:
    """The shipped templates, compiled once in a process."""
    return FileTemplates(timezone)


def fingerprint(folder: Path) -> str:
    """SHA-256 of one template's files, in every language."""
    digest = hashlib.sha256()
    for language in LANGUAGES:
        for part in PARTS:
            digest.update(_file(folder, language, part).read_bytes() + b"\0")
    return digest.hexdigest()


def span(later: datetime, earlier: datetime, language: str) -> str:
    """The time between in its two largest units, cut down: `3 小时 20 分钟`, `2 days 5 hours`; never negative."""
    rest = max(0, int((later - earlier).total_seconds()))
    counted: list[tuple[int, str]] = []
    for seconds, one, many in _UNITS[language]:
        count, rest = divmod(rest, seconds)
        counted.append((count, one if count == 1 else many))
    largest = next((n for n, (count, _) in enumerate(counted) if count), len(counted) - 1)
    first, *second = counted[largest : largest + 2]
    return " ".join(f"{count} {unit}" for count, unit in (first, *(each for each in second if each[0])))


def _load(folder: Path, claim: Mapping[str, Any], environments: Mapping[str, Any]) -> _Shipped:
    if fingerprint(folder) != claim["sha256"]:
        raise InvalidTemplate(f"{folder.name}: changed since version {claim['version']}; give it a new one")
    parts = {
        (language, part): _compile(environments[language], _file(folder, language, part))
        for language in LANGUAGES
        for part in PARTS
    }
    return _Shipped(claim["version"], parts)


def _file(folder: Path, language: str, part: str) -> Path:
    return folder / f"{language}.{part}.txt"


def _compile(environment: ImmutableSandboxedEnvironment, file: Path) -> Template:
    source = file.read_text()
    try:
        tree = environment.parse(source)
        strange = next((node for node in _walk(tree) if not isinstance(node, ALLOWED)), None)
        if strange is not None:
            raise InvalidTemplate(f"{file}:{strange.lineno}: {type(strange).__name__} is not allowed")
        return environment.from_string(source)
    except TemplateSyntaxError as error:
        raise InvalidTemplate(f"{file}:{error.lineno}: {error.message}") from error


def _walk(node: nodes.Node) -> list[nodes.Node]:
    return [node, *(found for child in node.iter_child_nodes() for found in _walk(child))]


def _environment(language: str, zone: ZoneInfo) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update(
        local=partial(_local, zone=zone),
        until=partial(span, language=language),
        clock_name=lambda kind: CLOCK_NAMES[language].get(kind, kind),
    )
    return environment


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def _capped(template: Template, values: Mapping[str, Value], limit: int) -> str:
    """What the template makes of `values`, at most `limit` characters; no more of it is made either."""
    made, length = [], 0
    for piece in template.generate(**values):
        made.append(piece)
        length += len(piece)
        if length > limit:
            return "".join(made)[: limit - 1] + "…"
    return "".join(made)
