"""Reads a folder of policies and calendars; every fault is told with file, line and field."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.escalation.schemas import CalendarDocument, PolicyDocument, rule_document
from services.escalation.yaml_lines import Document, InvalidYaml, read_yaml


class InvalidPolicies(Exception):
    """One line per fault."""


@dataclass(frozen=True, slots=True)
class Written:
    """One checked document. `text` is its content in one canonical form, whatever its file looks like."""

    content: PolicyDocument | CalendarDocument
    text: str

    @property
    def id(self) -> str:
        content = self.content
        return f"{content.kind}/{content.id}/{content.version}"


def read_folder(folder: Path) -> tuple[Written, ...]:
    """Every `*.yaml` of the folder, one document each. Raises InvalidPolicies."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InvalidPolicies(f"{folder}: there are no policies")
    written: list[Written] = []
    faults: list[str] = []
    for file in files:
        try:
            written.append(read_document(file.read_text(encoding="utf-8")))
        except InvalidPolicies as error:
            faults += [f"{file.name}: {fault}" for fault in str(error).splitlines()]
    faults += faults_between(written)
    if faults:
        raise InvalidPolicies("\n".join(faults))
    return tuple(written)


def read_document(text: str) -> Written:
    """Raises InvalidPolicies with a line per fault: `line 12: clocks.resolve.budget: …`."""
    try:
        document = read_yaml(text)
    except InvalidYaml as error:
        raise InvalidPolicies(str(error)) from None
    try:
        content = rule_document.validate_python(document.value)
    except ValidationError as error:
        raise InvalidPolicies("\n".join(_faults(error, document))) from None
    return Written(content, json.dumps(document.value, ensure_ascii=False, sort_keys=True))


def faults_between(written: Iterable[Written]) -> Iterator[str]:
    """What is wrong with documents that are right by themselves."""
    documents = list(written)
    for identity, times in Counter(document.id for document in documents).items():
        if times > 1:
            yield f"{identity}: this version is written {times} times"
    calendars = {d.content.id for d in documents if isinstance(d.content, CalendarDocument)}
    for document in documents:
        if isinstance(document.content, PolicyDocument) and document.content.calendar not in calendars:
            yield f"{document.id}: calendar: there is no calendar {document.content.calendar}"


def _faults(error: ValidationError, document: Document) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_input=False):
        # The first place is the kind of document that was tried.
        path = (*fault["loc"][1:], *_below(fault))
        field = ".".join(str(step) for step in path) or "document"
        yield f"line {document.line_of(path)}: {field}: {fault['msg']}"


def _below(fault: Any) -> tuple[str | int, ...]:
    """Where a check across fields says that the fault is."""
    return tuple(fault.get("ctx", {}).get("path", ()))
