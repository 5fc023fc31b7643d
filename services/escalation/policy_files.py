"""Reads policies and calendars, from YAML or JSON; every fault is told with line and field."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.escalation.domain.completeness import holes
from services.escalation.domain.policies import CalendarVersion, Policy, Rulebook
from services.escalation.schemas import CalendarDocument, PolicyDocument, rule_document
from services.escalation.yaml_lines import Document, InvalidYaml, read_yaml

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at which field; `line` where the text is known. `of`: the document, where there are several."""

    what: str
    path: Steps = ()
    line: int | None = None
    of: str | None = None

    def __str__(self) -> str:
        before = [] if self.of is None else [self.of]
        before += [] if self.line is None else [f"line {self.line}"]
        before += [".".join(map(str, self.path))] if self.path else ([] if self.line is None else ["document"])
        return ": ".join((*before, self.what))

    @property
    def pointer(self) -> str:
        """As JSON pointer into the document."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.path)


class InvalidPolicies(Exception):
    """One line per fault."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


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
    """Every `*.yaml` of the folder, one document each, that together are whole. Raises InvalidPolicies."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InvalidPolicies(Fault(f"{folder}: there are no policies"))
    written, faults = read_files(files)
    faults += dict.fromkeys(faults_between(written))
    if faults:
        raise InvalidPolicies(*faults)
    return tuple(written)


def read_files(files: Iterable[Path]) -> tuple[list[Written], list[Fault]]:
    """The documents that can be read, and what is wrong with the others."""
    written: list[Written] = []
    faults: list[Fault] = []
    for file in files:
        try:
            written.append(read_document(file.read_text(encoding="utf-8")))
        except InvalidPolicies as error:
            faults += [Fault(fault.what, fault.path, fault.line, file.name) for fault in error.faults]
        except UnicodeDecodeError as error:
            faults.append(Fault(f"byte {error.start} is no UTF-8", of=file.name))
    return written, faults


def read_document(text: str) -> Written:
    """Raises InvalidPolicies with a line per fault: `line 12: clocks.resolve.budget: …`."""
    document = yaml_of(text)
    return checked(document.value, document)


def yaml_of(text: str) -> Document:
    """Raises InvalidPolicies."""
    try:
        return read_yaml(text)
    except InvalidYaml as error:
        raise InvalidPolicies(Fault(error.detail, line=error.line)) from None


def checked(value: Any, lines: Document | None = None) -> Written:
    """A document as a value. Raises InvalidPolicies; with `lines` its faults know where they stand."""
    try:
        content = rule_document.validate_python(value)
    except ValidationError as error:
        raise InvalidPolicies(*_faults(error, lines)) from None
    return Written(content, canonical(value))


def canonical(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def faults_between(written: Iterable[Written]) -> Iterator[Fault]:
    """What is wrong with documents that are right by themselves."""
    documents = list(written)
    for identity, times in Counter(document.id for document in documents).items():
        if times > 1:
            yield Fault(f"this version is written {times} times", of=identity)
    yield from _disorder(documents)
    rules = rulebook(documents)
    policies = {document.id: document for document in documents if isinstance(document.content, PolicyDocument)}
    for document in policies.values():
        if not any(ref.id == document.content.calendar for ref in rules.calendars):
            yield Fault(f"there is no calendar {document.content.calendar}", ("calendar",), of=document.id)
    if documents:
        for hole in holes(rules, max(document.content.effective_from for document in documents)):
            yield Fault(hole.what, hole.path, of=hole.of)


def _disorder(documents: Sequence[Written]) -> Iterator[Fault]:
    """A version cannot take effect before its forerunner."""
    newest: dict[str, datetime] = {}
    for document in sorted(documents, key=lambda one: (one.content.kind, one.content.id, one.content.version)):
        name, since = document.id.rpartition("/")[0], document.content.effective_from
        if name in newest and since < newest[name]:
            yield Fault("takes effect before the version before it", ("effective_from",), of=document.id)
        newest[name] = since


def rulebook(documents: Iterable[Written]) -> Rulebook:
    """The documents as they would be in force by their own dates."""
    policies: list[Policy] = []
    calendars: list[CalendarVersion] = []
    for document in documents:
        if isinstance(document.content, PolicyDocument):
            policies.append(document.content.policy())
        else:
            calendars.append(document.content.calendar())
    return Rulebook({one.ref: one for one in policies}, {one.ref: one for one in calendars})


def _faults(error: ValidationError, lines: Document | None) -> Iterator[Fault]:
    for found in error.errors(include_url=False, include_input=False):
        # The first place is the kind of document that was tried.
        around = tuple(found["loc"][1:])
        context = found.get("ctx", {})
        for each in context.get("faults") or [{"what": found["msg"], "path": context.get("path", ())}]:
            path = (*around, *each["path"])
            yield Fault(each["what"], path, None if lines is None else lines.line_of(path))
