"""What a service counts and measures, in Prometheus form; labels come from code, never from people's data."""

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

CONSUMED = Counter(
    "closedloop_records_consumed",
    "Records read, by what became of them: applied, skipped, duplicate, refused, parked, dead_lettered.",
    ["binding", "outcome"],
    registry=REGISTRY,
)
BATCH = Histogram(
    "closedloop_batch_records",
    "Records worked off together.",
    buckets=(1, 3, 10, 30, 100, 300, 1000),
    registry=REGISTRY,
)
APPENDS = Counter(
    "closedloop_appends",
    "Documents appended to the log; path: kafka, or unpublished (HTTP, timers, parked records).",
    ["aggregate", "path"],
    registry=REGISTRY,
)
PUBLISHED = Counter("closedloop_records_published", "Records acknowledged by Kafka.", ["topic"], registry=REGISTRY)
PARKED = Counter("closedloop_records_parked", "Records set aside.", ["binding", "reason"], registry=REGISTRY)
WAITING = Gauge("closedloop_parked_records", "Parked records waiting now.", registry=REGISTRY)
DEAD_LETTERS = Counter("closedloop_dead_letters", "Records given up.", ["topic", "reason"], registry=REGISTRY)
ALERTS = Counter("closedloop_alerts", "Things that a person should look at.", ["kind"], registry=REGISTRY)
LATENESS = Histogram(
    "closedloop_timer_lateness_seconds",
    "How long after it was due a timer fired.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "closedloop_http_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
HTTP_SECONDS = Histogram(
    "closedloop_http_request_seconds",
    "Time from a request's head to the end of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=REGISTRY,
)


def exposition() -> bytes:
    """Everything measured, in Prometheus text format."""
    return generate_latest(REGISTRY)
