"""Kafka: CloudEvents at the edge, batches in, ordered publication out, dead letters and parked records."""
