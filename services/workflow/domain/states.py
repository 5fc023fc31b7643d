"""The statuses of a work order (工单状态) and the facts about them that everything else asks for."""

from enum import StrEnum


class Status(StrEnum):
    DISPATCHING = "dispatching"  # 待派
    ASSIGNED = "assigned"  # 待接
    IN_PROGRESS = "in_progress"  # 处理中
    SUSPENDED = "suspended"  # 挂起
    PENDING_REVIEW = "pending_review"  # 待审核
    PENDING_CALLBACK = "pending_callback"  # 待回访
    CLOSED = "closed"  # 已办结
    ARCHIVED = "archived"  # 归档
    CANCELLED = "cancelled"  # 撤单
    MERGED = "merged"  # 合并
    VOIDED = "voided"  # 作废


OPEN = frozenset(
    {
        Status.DISPATCHING,
        Status.ASSIGNED,
        Status.IN_PROGRESS,
        Status.SUSPENDED,
        Status.PENDING_REVIEW,
        Status.PENDING_CALLBACK,
    }
)
TERMINAL = frozenset(Status) - OPEN
