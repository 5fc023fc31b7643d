"""What intake's refusals tell people."""

from shared.runtime.refusals import RefusalText, register

register(
    {
        "received_in_future": RefusalText(422, "受理时间晚于当前时间", "The time of receipt is in the future"),
        "complaint_ended": RefusalText(422, "投诉已结束，不能再撤诉", "The complaint has ended"),
        "unknown_source": RefusalText(403, "来源系统未登记", "The source is not registered"),
        "type_not_registered": RefusalText(
            403, "来源系统未登记此类消息", "The source is not registered for this type of record"
        ),
    }
)
