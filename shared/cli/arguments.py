"""From `name=value` on the command line to JSON, by the JSON Schema of what is wanted."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from shared.cli.failure import WrongUsage

Schema = Mapping[str, Any]
TRUE, FALSE = ("true", "yes"), ("false", "no")


def arguments_of(given: Iterable[str], schema: Schema) -> dict[str, Any]:
    """The object that `name=value` texts make; `a.b=value` makes a nested one. Raises WrongUsage."""
    made: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise WrongUsage(f"{text[:50]!r} is not name=value")
        path = name.split(".")
        place = made
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise WrongUsage(f"{name} is given both as a whole and in parts")
        place[path[-1]] = _typed(name, value, _schema_of(path, schema))
    return made


def read_json(place: str | None) -> dict[str, Any]:
    """The object in a file, or on standard input (`-`); empty when none is named. Raises WrongUsage."""
    if place is None:
        return {}
    try:
        raw = sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes()
        found = json.loads(raw)
    except OSError as error:
        raise WrongUsage(f"{place} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise WrongUsage(f"{'standard input' if place == '-' else place} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise WrongUsage("the JSON must be one object")
    return found


def _schema_of(path: Sequence[str], schema: Schema) -> Schema:
    """The schema of a field; of an object that takes any name, that of its values."""
    definitions = schema.get("$defs", {})
    for part in path:
        options = _options(schema, definitions)
        named = {name: one for option in options for name, one in option.get("properties", {}).items()}
        of_any_name = [one for option in options for one in _of_any_name(option)]
        if part not in named and not of_any_name:
            raise WrongUsage(f"there is no argument {'.'.join(path)}", _hint(part, named))
        schema = named.get(part) or of_any_name[0]
    return {"anyOf": _options(schema, definitions)}


def _of_any_name(schema: Schema) -> list[Schema]:
    """What an object has under names that its schema does not list; the service judges the names."""
    rest = schema.get("additionalProperties")
    return [
        *schema.get("patternProperties", {}).values(),
        *([rest] if isinstance(rest, dict) else [{}] if rest else []),
    ]


def _hint(name: str, known: Mapping[str, Schema]) -> str:
    if not known:
        return "It takes none by that name."
    near = get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."


def _options(schema: Schema, definitions: Mapping[str, Schema]) -> list[Schema]:
    """The schema itself, or each alternative of it, with references followed."""
    if "$ref" in schema:
        return _options(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return [inner for one in schema["anyOf"] for inner in _options(one, definitions)]
    return [schema]


def _typed(name: str, text: str, schema: Schema) -> Any:
    kinds = {option.get("type", "string") for option in schema["anyOf"]}
    if "string" in kinds:
        return text
    if "boolean" in kinds:
        if text.lower() not in TRUE + FALSE:
            raise WrongUsage(f"{name} must be true or false")
        return text.lower() in TRUE
    try:
        return json.loads(text)  # a number, a list or an object
    except ValueError:
        wanted = " or ".join(sorted(kinds - {"null"}))
        raise WrongUsage(f"{name} must be {wanted}, in JSON") from None
