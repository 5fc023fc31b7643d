"""`docs`: the pages made from the code, docs/events.md and docs/configuration.md; fails when they are stale."""

import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.events.topics import DAY_MS, TOPICS, Topic
from shared.kernel.aggregate import Event
from shared.kernel.personal import PersonalData
from shared.messaging.asyncapi import VIEWS
from shared.messaging.contract import BESIDE_CHANGE, ModelDecoder, catalogue, topic_of
from shared.runtime.context import ServiceDefinition
from shared.runtime.definitions import definitions

CHECKOUT = Path(__file__).parents[2]
Page = Callable[[Sequence[ServiceDefinition]], str]
_WORDS = {
    str: "string",
    int: "integer",
    bool: "true or false",
    float: "number",
    datetime: "time",
    type(None): "null",
    Any: "any value",
}


@click.command()
@click.option("--write", is_flag=True, help="Write the pages instead of checking them.")
def docs(write: bool) -> None:
    """Check (or --write) the pages that are made from the code."""
    stale = stale_pages(CHECKOUT, definitions())
    if write:
        for name, text in stale.items():
            (CHECKOUT / name).write_text(text)
            click.echo(f"wrote {name}", err=True)
    elif stale:
        click.echo(f"stale: {', '.join(stale)}; run `./closedloop docs --write`", err=True)
        sys.exit(1)


def stale_pages(root: Path, services: Sequence[ServiceDefinition]) -> dict[str, str]:
    """The pages that are not as the code has them, by path, with the text that they should have."""
    wanted = {name: page(services) for name, page in PAGES.items()}
    return {name: text for name, text in wanted.items() if not _holds(root / name, text)}


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


def events_page(services: Sequence[ServiceDefinition]) -> str:
    """Every topic and every event with its fields."""
    parts: dict[str, type] = {}
    topics = [line for topic in TOPICS.values() for line in _topic_section(topic, services, parts)]
    pieces = [line for name in sorted(parts) for line in ("", f"### {name}", "", *_fields(parts[name], parts))]
    return _page(
        "# Events",
        "Made from the code by `./closedloop docs --write`. Topic names stand without the installation's prefix. "
        "† marks personal data. Data of types with a view also carries `actor`, `occurred_at` and, where one was "
        "given, `reason` and `policy`.",
        *topics,
        "",
        "## Parts",
        *pieces,
    )


def _topic_section(topic: Topic, services: Sequence[ServiceDefinition], parts: dict[str, type]) -> Iterator[str]:
    kept = "compacted" if topic.retention_ms is None else f"kept {topic.retention_ms // DAY_MS} days"
    readers = [service.name for service in services if any(b.topic == topic.name for b in service.bindings)]
    yield from ("", f"## {topic.name}", "", f"{kept.capitalize()}. Read by: {', '.join(readers) or '–'}.")
    if topic.name in VIEWS:
        name, view = VIEWS[topic.name]
        parts[view.__name__] = view
        yield from ("", f"Every record carries `{name}`: {_link(view)}.")
    for wire, kind in catalogue().items():
        if topic_of(kind) == topic.name:
            yield from ("", f"### {wire}", "", _first_line(kind), "", *_fields(kind, parts))
    for wire, model in _foreign_types(topic, services).items():
        yield from ("", f"### {wire}", "")
        if model is None:
            yield "Its fields depend on what it asks for; the service's OpenAPI document has them."
        else:
            yield from (_first_line(model), "", *_model_fields(model))


def _foreign_types(topic: Topic, services: Sequence[ServiceDefinition]) -> Mapping[str, type[BaseModel] | None]:
    """Types that other systems send, with the model of their data if they have a single one."""
    found = {
        wire: on.decode.kind if on is not None and isinstance(on.decode, ModelDecoder) else None
        for service in services
        for binding in service.bindings
        if binding.topic == topic.name
        for wire, on in binding.on.items()
        if wire not in catalogue()
    }
    return dict(sorted(found.items()))


def _fields(kind: type, parts: dict[str, type]) -> Iterator[str]:
    hints = get_type_hints(kind, include_extras=True)
    hidden = kind.LOG_ONLY if issubclass(kind, Event) else frozenset()
    shown = [field for field in fields(kind) if field.name not in hidden]
    rows = [_row(field, hints[field.name], parts, issubclass(kind, Event)) for field in shown]
    yield from ("| field | type | |", "|---|---|---|", *rows) if rows else ("No fields.",)


def _row(field: Field[Any], hint: Any, parts: dict[str, type], in_event: bool) -> str:
    optional = field.default is not MISSING or field.default_factory is not MISSING
    beside = " beside `change`" if in_event and field.name in BESIDE_CHANGE else ""
    notes = f"{'' if optional else 'required'}{beside}".strip()
    return f"| `{field.name}` | {type_words(hint, parts)} | {notes} |"


def type_words(hint: Any, parts: dict[str, type]) -> str:
    """A type for readers; dataclasses in it are added to `parts`."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in _WORDS:
        return _WORDS[hint]
    if origin is Annotated:
        return type_words(inner[0], parts) + " †" * any(isinstance(mark, PersonalData) for mark in inner[1:])
    if origin in (types.UnionType, Union):
        return " or ".join(type_words(option, parts) for option in inner)
    if origin in (tuple, frozenset, list):
        return f"list of {type_words(inner[0], parts)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"map of {type_words(inner[1], parts)}"
    if is_dataclass(hint) and isinstance(hint, type) and hint.__name__ not in parts:
        parts[hint.__name__] = hint
        for field in get_type_hints(hint, include_extras=True).values():
            type_words(field, parts)
    return _link(hint)


def _model_fields(model: type[BaseModel]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    yield from _schema_fields(schema)
    for name, part in schema.get("$defs", {}).items():
        yield from ("", f"**{name}**", "", *_schema_fields(part))


def _schema_fields(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| field | type | |", "|---|---|---|")
    for name, part in schema.get("properties", {}).items():
        yield f"| `{name}` | {_schema_words(part)} | {'required' if name in schema.get('required', ()) else ''} |"


def _schema_words(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(str(value) for value in part["enum"])
    if "anyOf" in part:
        return " or ".join(_schema_words(option) for option in part["anyOf"])
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    if part.get("type") == "array":
        return f"list of {_schema_words(part.get('items', {}))}"
    words = {"date-time": "time"}.get(part.get("format", ""), str(part.get("type", "any")))
    return f"{words} ≤ {part['maxLength']}" if "maxLength" in part else words


def configuration_page(services: Sequence[ServiceDefinition]) -> str:
    """Every setting, its default and what it does."""
    from shared.runtime.settings import PREFIX, Settings

    sections = [("All services", Settings, list(Settings.model_fields))]
    sections += [(service.name, service.settings, _own_settings(service.settings)) for service in services]
    lines = []
    for title, settings, names in sections:
        rows = [row for name in names for row in _settings_rows(settings, name, PREFIX)]
        lines += ["", f"## {title}", "", "| variable | default | |", "|---|---|---|", *rows]
    return _page("# Configuration", "Environment variables. Made from the code: `./closedloop docs --write`.", *lines)


def _own_settings(settings: type[BaseModel]) -> list[str]:
    """What a service adds to the shared settings, or gives another default."""
    from shared.runtime.settings import Settings

    shared_fields = Settings.model_fields
    return [
        name
        for name, field in settings.model_fields.items()
        if name not in shared_fields or field.default != shared_fields[name].default
    ]


def _settings_rows(model: type[BaseModel], name: str, prefix: str) -> Iterator[str]:
    from shared.runtime.settings import NESTING

    field, variable = model.model_fields[name], prefix + name.upper()
    inner = field.annotation
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        for nested in inner.model_fields:
            yield from _settings_rows(inner, nested, variable + NESTING)
    else:
        yield f"| `{variable}` | {_default(field)} | {field.description or ''} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    return "" if default is None else f"`{default}`"


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _link(kind: Any) -> str:
    name = getattr(kind, "__name__", str(kind))
    return f"[{name}](#{name.lower()})"


def _page(*lines: str) -> str:
    return "\n".join([lines[0], "", *lines[1:]]) + "\n"


PAGES: dict[str, Page] = {"docs/events.md": events_page, "docs/configuration.md": configuration_page}
