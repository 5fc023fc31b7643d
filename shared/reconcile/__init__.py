"""Holds logs, topics and projections of all services against each other: do the invariants of the system hold?

Every check is pure and sees plain data: histories from the logs, records from the topics, what was set aside.
"""
