"""Intake (投诉受理): the customer's voice, from whatever channel it comes.

Owns: complaints with their classification, the copied customer profiles.
Consumes: complaints.inbox, customers.inbox, workorders (a complaint follows its order), directory (sources).
Publishes: complaints.
"""
