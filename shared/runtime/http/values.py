"""Values as callers write them: times in RFC 3339, whole numbers however JSON spells them, one segment of a path."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field
from starlette.convertors import Convertor, register_url_convertor

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})")

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _instant(value: object) -> object:
    """Without this a bare number, also as text, would be seconds since 1970."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a time in RFC 3339 with an offset, such as 2026-03-02T09:00:00+08:00")
    return value


def _date(value: object) -> object:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("must be a date, such as 2026-03-02")
    return value


def _whole(value: object) -> object:
    """JSON knows one kind of number: 3.0 is as whole as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WrittenDate = Annotated[str, Field(json_schema_extra={"format": "date"})]
Date = Annotated[date, BeforeValidator(_date, json_schema_input_type=_WrittenDate)]
_Written = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant, json_schema_input_type=_Written)]
WHOLE = BeforeValidator(_whole)
"""Stands behind the bounds of a strict integer: `Annotated[StrictInt, Field(ge=0), WHOLE]`."""


class Segment(Convertor[str]):
    """`{name:segment}`: a part of a path that ends before a verb, as in `/v1/policies/{rule_id:segment}:publish`."""

    regex = "[^/:]+"

    def convert(self, value: str) -> Any:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("segment", Segment())
