"""A notice on its way to MongoDB and back, and what the topic shows of it."""

import json

import bson
from bson.codec_options import CodecOptions

from services.notifier.domain import NOTICE
from services.notifier.domain.commands import OutcomeKind
from shared.events import notifications as events
from shared.kernel.aggregate import SYSTEM, Cause, Decision, Snapshot
from shared.messaging import contract
from shared.persistence.codec import read, written
from shared.persistence.snapshots import snapshot_document, snapshot_of
from tests.unit.notifier.notices import NOON, Told, a_request, an_assignment

AWARE: CodecOptions[dict[str, object]] = CodecOptions(tz_aware=True)


def test_a_notice_comes_back_from_the_database_as_it_was() -> None:
    for told in (
        Told.by(an_assignment()),
        Told.by(a_request()).claimed(),
        Told.by(a_request(rung="r")).claimed().ended(OutcomeKind.UNKNOWN, "smtp_lost"),
    ):
        snapshot = Snapshot(told.notice.id, told.notice, 1, 1, NOON)
        raw = bson.decode(bson.encode(snapshot_document(NOTICE, snapshot)), AWARE)
        assert snapshot_of(NOTICE, raw) == snapshot


def test_the_log_keeps_the_text_and_the_topic_never_shows_it() -> None:
    [requested] = Told.by(a_request()).published
    assert read(written(requested), events.Requested) == requested
    decision = Decision(1, 0, NOON, NOON, SYSTEM, Cause("s", "c"), (requested,))
    record = contract.record_of(NOTICE, decision, 0, Told.by(a_request()).notice, a_request().notice_id, "notifier")
    assert record.value is not None
    shown = json.loads(record.value)
    assert set(shown) == {"notification", "error", "quiet_until"}
    assert not any(secret in record.value.decode() for secret in ("张三", "zhang@", "话费"))
    again = contract.change(events.Requested)(shown)
    assert again.notification == requested.notification
