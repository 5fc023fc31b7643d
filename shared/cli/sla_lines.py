"""JSON Lines in, JSON Lines out for the SLA tools: one answer per line, a bad line gets an error line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import BinaryIO, Final

import msgspec

from shared.kernel.working_time import Calendar, SlaError, Unit, read_calendar

Fields = dict[str, msgspec.Raw]
Values = Mapping[str, object]
Answer = Callable[["Request"], Mapping[str, object]]

_NO_ID: Final = msgspec.Raw(b"null")
_encode: Final = msgspec.json.encode


def _number(text: str) -> object:
    """A JSON number keeps the decimal it was written as; None if it is beyond even that."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


_fields: Final = msgspec.json.Decoder(Fields)
_value: Final = msgspec.json.Decoder(float_hook=_number)


class Request:
    """The fields of one line, each read when it is asked for; what is missing or bad is `request_invalid`."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields

    def value(self, name: str) -> object:
        if name not in self._fields:
            raise invalid(f"{name}: missing")
        return _value.decode(self._fields[name])

    def get(self, name: str, default: object) -> object:
        return self.value(name) if name in self._fields else default

    def require(self, name: str) -> None:
        if name not in self._fields:
            raise invalid(f"{name}: missing")

    def calendar(self) -> Calendar:
        self.require("calendar")
        return _calendar_written(bytes(self._fields["calendar"]))


def answer_lines(source: BinaryIO, sink: BinaryIO, answer: Answer) -> None:
    """Answers line by line and passes each answer on at once, so that a program can hold a conversation."""
    for line in source:
        sink.write(answer_line(line, answer))
        sink.flush()


def answer_line(line: bytes, answer: Answer) -> bytes:
    """The answer to one line, ended by a newline; `id` is given back exactly as it was written."""
    line_id = _NO_ID
    try:
        fields = _read(line)
        line_id = fields.get("id", _NO_ID)
        request = Request(fields)
        request.require("id")
        answered = answer(request)
    except SlaError as error:
        answered = {"error": {"code": error.code, "detail": error.detail}}
    except (msgspec.DecodeError, RecursionError) as error:
        answered = {"error": {"code": "request_invalid", "detail": str(error)}}
    return _encode({"id": line_id, **answered}) + b"\n"


def object_of(value: object, where: str) -> Values:
    if not isinstance(value, dict):
        raise invalid(f"{where}: not an object")
    return value


def list_of(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise invalid(f"{where}: not a list")
    return value


def field_of(values: Values, name: str, where: str) -> object:
    if name not in values:
        raise invalid(f"{where}.{name}: missing")
    return values[name]


def integer(value: object, where: str, least: int | None = None) -> int:
    """An integer; true and false are none, nor is `1.0`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"{where}: not an integer")
    if least is not None and value < least:
        raise invalid(f"{where}: less than {least}")
    return value


def boolean(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(f"{where}: not true or false")
    return value


def text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise invalid(f"{where}: not a string")
    return value


def seconds_unit(value: object, where: str) -> Unit:
    if value == "business":
        return "business"
    if value == "natural":
        return "natural"
    raise invalid(f"{where}: not business or natural")


def invalid(detail: str) -> SlaError:
    return SlaError("request_invalid", detail)


def _read(line: bytes) -> Fields:
    try:
        if not line.isascii():
            line.decode()  # a field that is never read would let bad UTF-8 through
    except UnicodeDecodeError:
        raise invalid("the line is not UTF-8") from None
    try:
        return _fields.decode(line)
    except msgspec.ValidationError:
        raise invalid("the line is not a JSON object") from None


# Two steps: the same text need not be read again, and the same content written otherwise shares what
# has been laid out. Both are bounded because a line may bring any calendar.
@lru_cache(maxsize=256)
def _calendar_written(raw: bytes) -> Calendar:
    return _calendar_shared(read_calendar(object_of(_value.decode(raw), "calendar")))


@lru_cache(maxsize=256)
def _calendar_shared(calendar: Calendar) -> Calendar:
    return calendar
