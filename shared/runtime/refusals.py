"""Every refusal code with its HTTP status and what it tells people, in Chinese and English."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusalText:
    """How a refusal is answered: HTTP status and one sentence in each language."""

    status: int
    zh: str
    en: str

    def text(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


_UNKNOWN = RefusalText(422, "操作被拒绝", "The request was refused")
_texts: dict[str, RefusalText] = {}


def register(texts: Mapping[str, RefusalText]) -> None:
    """Adds a service's codes. Raises ValueError when one of them means something else already."""
    for code, text in texts.items():
        if _texts.setdefault(code, text) != text:
            raise ValueError(f"refusal code {code} is registered twice with different meanings")


def text_of(code: str) -> RefusalText:
    return _texts.get(code, _UNKNOWN)


def registered() -> Mapping[str, RefusalText]:
    """All codes known to this process, for the guards and the documentation."""
    return dict(_texts)


register(
    {
        "malformed": RefusalText(400, "请求格式错误", "The request is malformed"),
        "unauthenticated": RefusalText(401, "未通过身份认证", "Authentication is missing or not valid"),
        "forbidden": RefusalText(403, "无权执行此操作", "Your role does not allow this"),
        "not_found": RefusalText(404, "未找到", "There is nothing here, or it is out of your scope"),
        "method_not_allowed": RefusalText(405, "不支持该方法", "The resource does not support this method"),
        "in_progress": RefusalText(
            409, "相同幂等键的请求正在处理", "A request with this idempotency key is still being worked on"
        ),
        "conflicting_duplicate": RefusalText(
            409, "同一编号已存在，内容不同", "The same number is known already with different content"
        ),
        "stale_version": RefusalText(412, "版本已变化，请刷新后重试", "The version has changed; read it again"),
        "too_large": RefusalText(413, "内容过大", "The content is too large"),
        "unsupported_media_type": RefusalText(415, "不支持的内容类型", "The content type is not supported"),
        "request_invalid": RefusalText(422, "请求内容无效", "The request does not fit what is expected here"),
        "not_storable": RefusalText(422, "内容无法保存", "The content cannot be stored"),
        "idempotency_key_reused": RefusalText(
            422, "幂等键已用于不同内容的请求", "The idempotency key was used for a different request"
        ),
        "occurred_at_out_of_bounds": RefusalText(
            422, "发生时间超出允许范围", "The time of occurrence is before receipt or in the future"
        ),
        "not_yet_supported": RefusalText(422, "本版本尚不支持", "This version does not support it yet"),
        "job_ended": RefusalText(409, "任务已结束", "The job has ended already"),
        "job_given_up": RefusalText(422, "任务多次中断，已放弃", "The job was interrupted too often and given up"),
        "result_too_large": RefusalText(422, "结果过大", "The result is too large to be kept"),
        "precondition_required": RefusalText(428, "需要提供 If-Match", "If-Match is required here"),
        "rate_limited": RefusalText(429, "请求过于频繁", "Too many requests"),
        "internal": RefusalText(500, "内部错误", "Something went wrong on our side"),
        "unavailable": RefusalText(503, "服务暂不可用，请稍后重试", "A dependency does not answer; try again"),
    }
)
