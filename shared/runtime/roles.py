"""The roles that a token can give; the set is part of the contract."""

ROLES = (
    "agent",
    "dispatcher",
    "handler",
    "leader",
    "supervisor",
    "reviewer",
    "callback",
    "admin",
    "auditor",
    "system",
)
