"""Marks the fields that hold personal data or a complainant's free text, so that one codec can mask or erase them."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class PersonalData:
    """`mask` is what logs and refused readers see instead."""

    mask: str = "***"


Personal = Annotated[str, PersonalData()]
