"""通知: what a notice is, who gets it and what becomes of each delivery. Pure."""

from services.notifier.domain.notice import NOTICE

__all__ = ["NOTICE"]
