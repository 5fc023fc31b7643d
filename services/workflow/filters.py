"""The query of a list of orders, from text in an address to conditions on the projection."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from services.workflow.domain.states import Status
from services.workflow.queries import SORTS, Wanted, Where, below, visible
from shared.kernel.aggregate import Actor
from shared.runtime.http.openapi import several_of
from shared.runtime.http.problems import invalid
from shared.runtime.http.requests import encode_cursor
from shared.runtime.http.values import Instant

PLAIN = r"^[^\x00]*$"  # the database refuses to look for anything else
Choice = Annotated[str | None, Field(max_length=500, description="One value, or several with commas between.")]
Subtree = Annotated[
    str | None, Field(max_length=200, pattern=PLAIN, description="A path; what lies below it belongs to it.")
]


class Filters(BaseModel):
    status: Annotated[Choice, Field(json_schema_extra={"pattern": several_of(Status)})] = None
    team: Choice = None
    assignee: Choice = None
    priority: Choice = None
    tier: Choice = None
    category: Subtree = None
    region: Subtree = None
    due_before: Instant | None = Field(default=None, description="A clock of the order is due before.")
    breached: bool | None = Field(default=None, description="Whether a clock of the order has breached.")
    q: str | None = Field(
        default=None, max_length=200, pattern=PLAIN, description="Part of number, customer or subject."
    )
    sort: str = Field(
        default="-created_at",
        description=f"One of {', '.join(SORTS)}; with - before it: descending.",
        json_schema_extra={"enum": [sign + name for name in SORTS for sign in ("", "-")]},
    )

    def wanted(self, caller: Actor, limit: int, cursor: tuple[Any, ...] | None) -> Wanted:
        """Raises ProblemError request_invalid."""
        if self.sort.removeprefix("-") not in SORTS:
            raise invalid("/sort", f"must be among {', '.join(SORTS)}, with - before it for descending")
        return Wanted(
            where=[*visible(caller), *self._chosen(), *self._below(), *self._search()],
            due_before=self.due_before,
            breached=self.breached,
            sort=self.sort,
            place=self._place(cursor),
            limit=limit,
        )

    def cursor(self, place: tuple[Any, ...] | None) -> str | None:
        return None if place is None else encode_cursor((self.sort, *place))

    def _chosen(self) -> list[Where]:
        names = ("status", "team", "assignee", "priority", "tier")
        wanted = {name: text.split(",") for name in names if (text := getattr(self, name)) is not None}
        if any(status not in set(Status) for status in wanted.get("status", [])):
            raise invalid("/status", f"must be among {', '.join(Status)}")
        return [{name: {"$in": values}} for name, values in wanted.items()]

    def _below(self) -> list[Where]:
        subtrees = {"category": self.category, "region": self.region}
        return [below(name, subtree.strip("/")) for name, subtree in subtrees.items() if subtree is not None]

    def _search(self) -> list[Where]:
        return [] if self.q is None else [{"text": {"$regex": re.escape(self.q.lower())}}]

    def _place(self, cursor: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        """What came as a cursor may have been made up: only what a database can compare goes on to it."""
        if cursor is None:
            return None
        if len(cursor) != 3 or cursor[0] != self.sort:
            raise invalid("/cursor", "belongs to a list in another order")
        _, value, order_id = cursor
        fits = isinstance(value, str) if self.sort.endswith("priority") else isinstance(value, datetime)
        storable = not isinstance(value, datetime) or 1 < value.year < 9999
        if not fits or not storable or not isinstance(order_id, str):
            raise invalid("/cursor", "is no place in this list")
        return value, order_id
