"""What reports and their figures are called, in zh and en; commands and consoles show these."""

from collections.abc import Mapping

Text = tuple[str, str]

TITLE: Text = ("时限达成率", "Attainment of deadlines")
METHOD: Text = (
    "达成率 = 达标 ÷（达标 + 未达标），按到期时间归期；运行中且已逾期计为未达标；撤单、合并、作废不计入，另列；"
    "更正为及时完成的时钟计为达标。",
    "Attainment = met / (met + missed), by due date. Running and overdue is missed. Cancelled, merged and voided are "
    "left out and counted beside. A clock that turned out to have stopped in time is met.",
)
PARAMETERS: Mapping[str, Text] = {
    "from": ("到期时间起（含）", "due from, inclusive"),
    "to": ("到期时间止（不含）", "due before"),
    "group_by": ("分组，可用逗号并列", "groupings, several with commas between"),
    "kind": ("时钟类型", "kinds of clock"),
    "region": ("区域，含下级", "region with everything below it"),
    "team": ("班组", "teams"),
    "category": ("投诉分类，含下级", "category with everything below it"),
    "priority": ("优先级", "priorities"),
    "tier": ("客户等级", "customer tiers"),
    "zone": ("日期所用时区", "time zone of dates"),
    "language": ("名称语言：zh、en", "language of the labels: zh, en"),
    "format": ("json 或 csv", "json or csv"),
}
LABELS: Mapping[str, Text] = {
    "total": ("合计", "total"),
    "kind": ("时钟", "clock"),
    "team": ("班组", "team"),
    "region": ("区域", "region"),
    "cycle": ("轮次", "cycle"),
    "category": ("投诉分类", "category"),
    "priority": ("优先级", "priority"),
    "tier": ("客户等级", "tier"),
    "day": ("日", "day"),
    "week": ("周", "week"),
    "month": ("月", "month"),
    "clocks": ("时钟数", "clocks"),
    "attainment": ("达成率", "attainment"),
    "met": ("达标", "met"),
    "missed": ("未达标", "missed"),
    "overdue": ("其中运行中逾期", "still running"),
    "corrected": ("其中更正", "corrected"),
    "causes": ("未达标原因", "causes"),
    "pauses": ("暂停时长", "paused"),
    "beside": ("另列", "beside"),
    "breached_left_out": ("不计入但曾超时", "left out though breached"),
    "hours": ("小时", "h"),
    # causes
    "handling": ("处理", "handling"),
    "routing": ("流转", "routing"),
    "suspension": ("挂起", "suspension"),
    "retarget": ("时限变更", "retarget"),
    "late_intake": ("受理迟延", "late intake"),
    "outage": ("系统故障", "outage"),
    "unattributed": ("未归因", "not attributed"),
    # counted beside
    "open": ("未到期", "open"),
    "not_covered": ("日历未覆盖", "not covered"),
    "cancelled": ("撤单", "cancelled"),
    "merged": ("合并", "merged"),
    "voided": ("作废", "voided"),
    # pauses that need no reason code
    "resolution_submitted": ("审核中", "under review"),
    "unknown": ("未知", "unknown"),
}
KINDS: Mapping[str, Text] = {
    "acknowledge": ("告知", "acknowledge"),
    "dispatch": ("派单", "dispatch"),
    "accept": ("接单", "accept"),
    "first_response": ("首响", "first response"),
    "next_update": ("进展", "next update"),
    "resolve": ("处理", "resolve"),
    "review": ("审核", "review"),
    "callback": ("回访", "callback"),
    "suspension": ("挂起上限", "suspension cap"),
    "supervision": ("督办", "supervision"),
    "cooperation": ("协办", "cooperation"),
    "statutory": ("法定", "statutory"),
}


def say(text: Text, language: str) -> str:
    return text[0] if language == "zh" else text[1]


def labels(language: str) -> Mapping[str, Mapping[str, str]]:
    """`figures` names figures and their parts, `kinds` the kinds of clock."""
    return {
        "figures": {name: say(text, language) for name, text in LABELS.items()},
        "kinds": {name: say(text, language) for name, text in KINDS.items()},
    }
