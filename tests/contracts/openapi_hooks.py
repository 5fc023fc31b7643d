"""What Schemathesis, the fuzzer of the HTTP contract, has to know of ours beside the OpenAPI documents."""

from datetime import UTC, datetime

import schemathesis
from hypothesis import strategies as st

REFUSED_AS_WRITTEN = (400, 413, 415, 422)
BY_OTHER_RULES = {
    "/cursor": "only what we gave out as next_cursor is one",
    "/external_id": "needed only where there is no Idempotency-Key, whose length is another",
    "/id": "has to be the one in the path",
    "/from": "has to be before to, and not too long before",
    "/to": "has to be after from",
    "/zone": "has to be in the zone database",
}
"""Faults for which a schema has no words, by the pointers to them."""
LIMITS = ("number_out_of_range", "text_invalid", "If-Match must be")
"""Of every body, wherever in it: integers of 64 bits, text without NUL and lone surrogates. And of entity tags, whose
pattern the fuzzer does not keep to when it tries the edges of everything else."""
JUDGED_OTHERWISE = (
    # Policies and calendars are checked as a whole, by rules that name lines and reasons.
    *("/v1/policies/{rule_id}", "/v1/calendars/{rule_id}", "/v1/simulations"),
    # The arguments are those of the action in the path.
    "/v1/work-orders/{order_id}/actions/",
)
"""Operations, by the beginning of their paths, whose bodies no schema describes completely."""
PLAUSIBLE = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))

schemathesis.openapi.format("date-time", PLAUSIBLE.map(datetime.isoformat))


@schemathesis.check
def valid_requests_are_understood(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """What fits the document is not called malformed; that the domain refuses it is another matter."""
    valid = case.meta is not None and case.meta.generation.mode.is_positive
    described = not case.operation.path.startswith(JUDGED_OTHERWISE)
    if not valid or not described or response.status_code not in REFUSED_AS_WRITTEN:
        return
    problem = response.json()
    if problem["code"] not in ("malformed", "request_invalid") or problem["detail"].startswith(LIMITS):
        return
    pointers = {error["pointer"] for error in problem["errors"]}
    assert pointers, problem["detail"]
    assert pointers <= BY_OTHER_RULES.keys(), problem["errors"]


@schemathesis.check
def refusals_are_whole_problems(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """With a code, and without a word of our inside."""
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"], response.headers
        assert response.json()["status"] == response.status_code
        assert not {"Traceback", ".py", "shared.", "Error:"} & set(response.text.split())
