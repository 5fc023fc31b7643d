"""Escalation (时限与升级): what is due when, and who is told when it is not done.

Owns: the clocks and alarms of every work order, policies and calendars in every version.
Consumes: workorders (every record of an order, in sequence).
Publishes: sla (clocks, breaches, rungs; a rung may carry a command for the order), rules (their versions and drafts).
"""
