"""Records that no system should send and some will: what is wrong with each, and what has to become of it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SUBMITTED, WITHDRAWN = "closedloop.complaint.submitted.v1", "closedloop.complaint.withdrawn.v1"
COMMAND = "closedloop.workorder.command.v1"
STRUCTURED = "application/cloudevents+json; charset=UTF-8"
UNKNOWN_ORDER = "wo_" + "0" * 32
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Bad:
    """A record and its fate: `reason` of the dead letter with a `detail` that begins so, or of being parked."""

    name: str
    value: bytes | None
    reason: str
    detail: str = ""
    changed: Mapping[str, bytes | None] = field(default_factory=dict)
    parked: bool = False
    kind: str = SUBMITTED

    @property
    def key(self) -> bytes:
        return self.name.encode()

    @property
    def headers(self) -> Headers:
        plain = {"ce_specversion": "1.0", "ce_id": self.name, "ce_source": "crm", "ce_type": self.kind}
        named: dict[str, bytes | None] = {name: text.encode() for name, text in plain.items()}
        return [(name, value) for name, value in {**named, **self.changed}.items() if value != b"absent"]


def complaint(number: str, **changed: Any) -> dict[str, Any]:
    """The least that a complaint needs."""
    return {
        "external_id": number,
        "channel": "web",
        "customer": {"id": "c-1"},
        "subject": "No dial tone",
        "description": "Dead since Monday.",
        "received_at": "2026-11-02T09:00:00+08:00",
        **changed,
    }


def without(name: str) -> bytes:
    return json.dumps({field: value for field, value in complaint("x").items() if field != name}).encode()


def said(**changed: Any) -> bytes:
    return json.dumps(complaint("x", **changed)).encode()


def event(**members: Any) -> bytes:
    """A whole event in structured mode."""
    plain = {
        "specversion": "1.0",
        "id": "s",
        "source": "crm",
        "type": SUBMITTED,
        "datacontenttype": "application/json",
    }
    return json.dumps({**plain, **members}).encode()


structured = {"content-type": STRUCTURED.encode()}

UNREADABLE = (
    Bad("not-json", b"{'channel': 'web'}", "not_json"),
    Bad("cut-off", b'{"channel": "we', "not_json"),
    Bad("empty", b"", "not_json"),
    Bad("two-objects", b"{}{}", "not_json"),
    Bad("byte-order-mark", b"\xef\xbb\xbf{}", "not_json"),
    Bad("not-a-number", b'{"n": NaN}', "not_json"),
    Bad("not-utf8", b'{"channel": "\xff"}', "not_utf8"),
    Bad("utf16", '{"channel": "web"}'.encode("utf-16"), "not_utf8"),
    Bad("null-value", None, "null_value"),
    Bad("array", b"[1, 2]", "not_an_object", "/"),
    Bad("null", b"null", "not_an_object", "/"),
    Bad("deep", b'{"a":' * 33 + b"1" + b"}" * 33, "too_deep"),
    Bad("bottomless", b"[" * 100_000, "too_deep"),
    Bad("large", b'{"x": "' + b"a" * (900 * 1024) + b'"}', "too_large"),
    Bad("beyond-64-bits", b'{"n": 9223372036854775808}', "number_out_of_range", "/n"),
    Bad("below-64-bits", b'{"a": [{"n": -9223372036854775809}]}', "number_out_of_range", "/a/0/n"),
    Bad("endless-number", b'{"n": 1' + b"0" * 5_000 + b"}", "number_out_of_range"),
    Bad("lone-surrogate", b'{"subject": "\\ud800"}', "text_invalid"),
    Bad("lone-surrogate-in-name", b'{"\\udc00": 1}', "text_invalid"),
    Bad("nul", b'{"a": {"subject": "\\u0000"}}', "text_invalid", "/a/subject"),
    Bad("nul-in-name", b'{"a": {"\\u0000": 1}}', "text_invalid", "/a"),
)
ENVELOPES = (
    Bad("no-type", said(), "envelope_invalid", "/type", {"ce_type": b"absent"}),
    Bad("none-id", said(), "envelope_invalid", "/id", {"ce_id": None}),
    Bad("unreadable-source", said(), "envelope_invalid", "/source", {"ce_source": b"\xff\xfe"}),
    Bad("control-in-id", said(), "envelope_invalid", "/id", {"ce_id": b"a\x00b"}),
    Bad("long-id", said(), "envelope_invalid", "/id", {"ce_id": b"x" * 600}),
    Bad("bad-time", said(), "envelope_invalid", "/time", {"ce_time": b"yesterday"}),
    Bad("old-envelope", said(), "envelope_invalid", "/specversion", {"ce_specversion": b"0.3"}),
    Bad("structured-nonsense", b"{", "not_json", "", structured),
    Bad("structured-array", b"[]", "envelope_invalid", "/", structured),
    Bad("structured-without-data", event(), "null_value", "/data", structured),
    Bad("structured-null", event(data=None), "not_an_object", "", structured),
    Bad("structured-base64", event(data_base64="*"), "envelope_invalid", "/data_base64", structured),
    Bad(
        "structured-bytes",
        event(data_base64=base64.b64encode(b"\xff").decode()),
        "not_utf8",
        "",
        structured,
    ),
    Bad("foreign-structured", said(), "envelope_invalid", "/id", structured),
)
FIELDS = (
    Bad("missing", without("external_id"), "data_invalid", "/external_id"),
    Bad("missing-customer", without("customer"), "data_invalid", "/customer"),
    Bad("wrong-type", said(customer="c-1"), "data_invalid", "/customer"),
    Bad("wrong-inside", said(customer={"id": 7}), "data_invalid", "/customer/id"),
    Bad("null-field", said(subject=None), "data_invalid", "/subject"),
    Bad("unknown-choice", said(channel="pigeon"), "data_invalid", "/channel"),
    Bad("long-text", said(description="x" * 20_001), "data_invalid", "/description"),
    Bad("no-offset", said(received_at="2026-11-02T09:00:00"), "data_invalid", "/received_at"),
    Bad("no-such-day", said(received_at="2026-02-30T09:00:00Z"), "data_invalid", "/received_at"),
    Bad("case-needed", said(channel="regulator"), "data_invalid", "/regulator_case"),
    Bad("control-in-number", said(external_id="a\nb"), "data_invalid", "/external_id"),
    Bad("names-nobody", b"{}", "data_invalid", kind=WITHDRAWN),
)
REFUSED = (
    Bad("stranger", said(), "unknown_source", changed={"ce_source": b"nobody"}),
    Bad("contradiction", said(external_id="n-0", subject="Other"), "conflicting_duplicate", "/external_id"),
    Bad("future", said(external_id="future", received_at="2199-01-01T00:00:00Z"), "received_in_future"),
    Bad("not-for-inboxes", said(), "type_not_accepted", kind="closedloop.complaint.received.v1"),
)
WAITING = (
    Bad("unknown-type", b"{}", "unknown_type", parked=True, kind="com.example.greeting"),
    Bad("unknown-version", said(), "unknown_type", parked=True, kind="closedloop.complaint.submitted.v2"),
    Bad("later", b"{}", "not_yet_supported", parked=True, kind="closedloop.complaint.urged.v1"),
    Bad(
        "of-nobody",
        json.dumps({"external_id": "never-sent"}).encode(),
        "unknown_subject",
        parked=True,
        kind=WITHDRAWN,
    ),
)
COMPLAINTS = (*UNREADABLE, *ENVELOPES, *FIELDS, *REFUSED, *WAITING)


def command(**changed: Any) -> bytes:
    plain = {
        "command_id": "c",
        "work_order_id": UNKNOWN_ORDER,
        "action": "accept",
        "actor": {"kind": "agent", "id": "a"},
    }
    return json.dumps({**plain, **changed}).encode()


COMMANDS = (
    Bad("not-json", b"{", "not_json", kind=COMMAND),
    Bad("null-value", None, "null_value", kind=COMMAND),
    Bad("beyond-64-bits", b'{"expected_version": 9223372036854775808}', "number_out_of_range", kind=COMMAND),
    Bad("no-command-id", command(command_id=None), "data_invalid", "/command_id", kind=COMMAND),
    Bad("no-order", command(work_order_id="wo_1"), "data_invalid", "/work_order_id", kind=COMMAND),
    Bad("no-such-action", command(action="applaud"), "data_invalid", "/action", kind=COMMAND),
    Bad("no-actor", command(actor="a"), "data_invalid", "/actor", kind=COMMAND),
    Bad("arguments", command(action="dispatch", team=7), "data_invalid", "/team", kind=COMMAND),
    Bad("stranger", command(), "unknown_source", changed={"ce_source": b"nobody"}, kind=COMMAND),
    Bad("unknown-order", command(command_id="early"), "unknown_subject", parked=True, kind=COMMAND),
    Bad("unknown-version", command(), "unknown_type", parked=True, kind="closedloop.workorder.command.v2"),
)
