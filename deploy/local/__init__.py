"""The embedded stack: real MongoDB, real Apache Kafka and the services, supervised, without containers."""
