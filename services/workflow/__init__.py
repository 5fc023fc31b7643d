"""Workflow (流转): the work order from its creation to its closing.

Owns: work orders and the directory (teams, people, routes, sources).
Consumes: complaints, workorders.inbox, sla, notifications; its own directory, as every other service does.
Publishes: workorders, workorders.replies, directory.
"""
