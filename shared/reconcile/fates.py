"""I8: what became of every record at a service that consumes its topic; what cannot be told is asked again later."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.kernel.aggregate import Cause, Facts
from shared.kernel.refusal import Refusal
from shared.messaging.bindings import Binding, Follow, Replied, Trigger
from shared.messaging.cloudevents import read_envelope
from shared.messaging.reading import Copying, Dead, Reader, Reading, Skipped, Work
from shared.messaging.records import InRecord, Rejected
from shared.persistence.parking import Parked
from shared.reconcile.traces import Traces, place_of
from shared.reconcile.verdict import Fate, Violation

NO_FACTS = Facts(datetime(1970, 1, 1, tzinfo=UTC))
_LEADS_NOWHERE = Refusal("asked_again")
_ORDER = tuple(Fate)


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A trigger's work without any trace: lost, or one of the few that leave none by rule."""

    work: Work
    place: str


@dataclass(slots=True)
class Expected:
    """A replica's document and how new it has to be at least."""

    order: int
    place: str


@dataclass(slots=True)
class Fates:
    """Of the records that one service consumes."""

    service: str
    bindings: Sequence[Binding]
    traces: Traces
    consumed: Callable[[InRecord], bool]
    counts: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    lost: dict[str, str] = field(default_factory=dict)  # place -> why
    unexplained: list[Unexplained] = field(default_factory=list)
    unanswered: list[tuple[Work, str, str]] = field(default_factory=list)  # with place and id of the reply
    copies: dict[tuple[str, str], Expected] = field(default_factory=dict)  # (collection, document)
    late_twins: list[str] = field(default_factory=list)
    _open: dict[str, Fate] = field(default_factory=dict)  # as what a record was counted that may be lost after all
    _reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        # Who may send what changes with time; whatever was declined for it stands in the dead letters.
        self._reader = Reader(
            binding if isinstance(binding, Follow) else replace(binding, may_send=None) for binding in self.bindings
        )

    @property
    def topics(self) -> Iterable[str]:
        return self._reader.by_topic

    def judge(self, record: InRecord) -> None:
        place = place_of(record.topic, record.partition, record.offset)
        if not self.consumed(record):
            self.counts[record.topic, Fate.WAITING] += 1
            return
        readings = self._reader.read(record, NO_FACTS)
        if place in self.traces.buried:
            self._check_twin(place, readings)
            fate = Fate.DEAD_LETTERED
        else:
            found = [self._fate(reading, place) for reading in readings]
            fate = min(found, key=_ORDER.index, default=Fate.SKIPPED)
            if place in self._open:
                self._open[place] = fate
        self.counts[record.topic, fate] += 1

    def _fate(self, reading: Reading, place: str) -> Fate:
        match reading:
            case Skipped():
                return Fate.SKIPPED
            case Copying():
                self._expect_copies(reading, place)
                return Fate.COPIED
            case Dead():
                return self._lose(place, f"cannot be read ({reading.reason}) and is no dead letter")
            case Parked():
                if self.traces.aside(reading.binding, place, reading.cause):
                    return Fate.PARKED
                return self._lose(place, f"should be parked ({reading.reason}) and is not")
            case Work():
                return self._fate_of_work(reading, place)

    def _fate_of_work(self, work: Work, place: str) -> Fate:
        cause = cause_of(work)
        decided = self.traces.decided(work.aggregate_id, cause)
        if decided is not None:
            return decided
        if self._is_passed(work):
            return Fate.DUPLICATE
        if self.traces.aside(work.binding.name, place, (cause.source, cause.id)):
            return Fate.PARKED
        if (work.delivery.envelope.source, work.delivery.envelope.id) in self.traces.given_up:
            return Fate.DUPLICATE
        if isinstance(work.binding, Follow):
            return self._lose(place, f"was not applied to {work.aggregate_id}")
        self._open[place] = Fate.DUPLICATE
        if work.binding.reply is not None:
            self.unanswered.append((work, place, _reply_id(work)))
        else:
            self.unexplained.append(Unexplained(work, place))
        return Fate.DUPLICATE

    def _is_passed(self, work: Work) -> bool:
        sequence = work.delivery.envelope.sequence
        if not isinstance(work.binding, Follow) or sequence is None:
            return False
        return sequence <= self.traces.marks.get((work.binding.name, work.aggregate_id), 0)

    def _expect_copies(self, copying: Copying, place: str) -> None:
        for document, _ in copying.copies:
            known = self.copies.get((copying.binding.collection, document))
            if known is None or known.order < copying.order:
                self._open[place] = Fate.COPIED
                self.copies[copying.binding.collection, document] = Expected(copying.order, place)

    def _check_twin(self, place: str, readings: Sequence[Reading]) -> None:
        for reading in readings:
            if isinstance(reading, Work):
                decided = self.traces.decided(reading.aggregate_id, cause_of(reading))
                if decided in (Fate.APPLIED, Fate.DUPLICATE):
                    self.late_twins.append(f"{self.service} {place}")
                    return

    def _lose(self, place: str, why: str) -> Fate:
        self.lost.setdefault(place, why)
        return Fate.LOST

    def lose_late(self, place: str, why: str) -> None:
        """A record that had been counted as explained by rule is lost after all."""
        if place in self.lost:
            return
        topic = place.rpartition("/")[0].rpartition("/")[0]
        self.counts[topic, self._open[place]] -= 1
        self.counts[topic, self._lose(place, why)] += 1

    def check_replies(self) -> None:
        """A command whose refusal is final leaves nothing in the log; its sender was answered all the same."""
        for _, place, reply in self.unanswered:
            if reply not in self.traces.answered:
                self.lose_late(place, "was neither decided nor answered")

    def violations(self) -> list[Violation]:
        return [Violation("I8", place, f"lost at {self.service}: {why}") for place, why in self.lost.items()]


def cause_of(work: Work) -> Cause:
    record = work.delivery.record
    return Cause(work.delivery.envelope.source, work.cause_id, record.topic, record.partition, record.offset)


def _reply_id(work: Work) -> str:
    binding = work.binding
    if not isinstance(binding, Trigger) or binding.reply is None:
        return ""
    answer = binding.reply(work.delivery, Replied(work.aggregate_id, 0, _LEADS_NOWHERE, None))
    record = InRecord(answer.topic, 0, 0, answer.key, answer.value, answer.headers, work.delivery.record.timestamp)
    envelope = read_envelope(record)
    return "" if isinstance(envelope, Rejected) else envelope.id
