"""Notifier (通知): who is told what, by which channel, and whether it arrived.

Owns: notices with their deliveries, webhook subscriptions, texts.
Consumes: workorders, sla; complaints and directory for contacts, languages and audiences.
Publishes: notifications.
"""
