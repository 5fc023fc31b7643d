"""Logs: one JSON object a line, with the trace, and never with what an exception quotes."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from shared.runtime.logging import get_logger
from shared.runtime.tracing import continued, current_trace, trace_id, tracing


def lines(logs: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logs.getvalue().splitlines()]


def fail() -> None:
    try:
        raise ConnectionError("the broker is gone")
    except ConnectionError as error:
        raise ValueError("13800138000") from error


def test_a_line_names_service_event_and_time(logs: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(trace_id="abc"):
        get_logger().warning("parcel_lost", parcel_id="prc_1", found=False)
    (line,) = lines(logs)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "service": "parcels", "event": "parcel_lost", "level": "warning",
        "parcel_id": "prc_1", "found": False, "trace_id": "abc",
    }  # fmt: skip


@pytest.mark.parametrize("logger", [get_logger, lambda: logging.getLogger("library")])
def test_an_exception_is_told_by_type_and_place(logs: io.StringIO, logger: Any) -> None:
    try:
        fail()
    except ValueError:
        logger().error("parcel_failed", exc_info=True)
    (line,) = lines(logs)
    assert [told["type"] for told in line["exception"]] == ["ValueError", "ConnectionError"]
    assert line["exception"][1]["message"] == "the broker is gone"
    assert line["exception"][0]["frames"][-1].endswith(" fail")
    assert "13800138000" not in logs.getvalue()


def test_values_that_are_no_json_show_their_type_only(logs: io.StringIO) -> None:
    get_logger().info("odd", value=ValueError("13800138000"))
    assert lines(logs)[0]["value"] == "<ValueError>"


def test_a_trace_goes_on_with_a_new_span() -> None:
    incoming = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    outgoing = continued(incoming)
    assert trace_id(outgoing) == trace_id(incoming)
    assert outgoing != incoming
    assert outgoing.endswith("-00")
    with tracing(outgoing):
        assert current_trace() == outgoing
    assert current_trace() is None


@pytest.mark.parametrize(
    "damaged", [None, "", "x", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{'a' * 32}-{'b' * 16}-01"]
)
def test_a_damaged_trace_is_replaced(damaged: str | None) -> None:
    assert continued(damaged) != continued(damaged)
