"""The sentences of an explanation in Chinese and English, and how times and durations are told."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from services.escalation.explain_names import NAMES, Pair

LANGUAGES = ("zh", "en")
MINUTE, HOUR, DAY = 60, 3600, 86_400
WHOLE_DAYS_FROM = 2 * DAY

SENTENCES: Mapping[str, Pair] = {
    "title": (
        "时限解释：{kind}（第 {number} 号时钟，第 {cycle} 轮）",
        "{kind} (clock {number}, cycle {cycle}) explained",
    ),
    "order": (
        "工单 {order}，状态：{state}；截至 {as_of}，时区 {zone}",
        "order {order}, {state}; as of {as_of}, {zone}",
    ),
    "subject": ("对象：{subject}", "about {subject}"),
    "provisional": ("已暂停计时，审核驳回则继续计时", "stopped for now: counts on if the review rejects"),
    "corrected": (
        "停止的消息到得晚：实际按时，超时记录保留在历史中",
        "corrected: the stop came in late but was in time; the breach stays in the history",
    ),
    "budget": ("时限：{budget}，按{unit}；{source}", "budget: {budget} of {unit}; {source}"),
    "days": (
        "时限：{count} 个{unit}，来自策略 {policy}；起始日不计，末日 24:00 届满，自开始起合 {budget}",
        "budget: {count} {unit} from policy {policy}; the first day is not counted, the last ends at 24:00: {budget}",
    ),
    "from_rule": ("来自策略 {policy}", "from policy {policy}"),
    "from_retarget": ("由上一次时限变更得出（策略 {policy}）", "as the last retarget left it (policy {policy})"),
    "from_given": ("由当时的操作给定（策略 {policy}）", "given by the action, not by the rule (policy {policy})"),
    "calendar": ("日历：{calendar}，完整至 {until}", "calendar: {calendar}, complete until {until}"),
    "not_covered": (
        "日历只到 {until}，该时钟超出其范围：不给出到期时间，绝不猜测",
        "the calendar ends on {until} and this clock reaches beyond it: no due is given, nothing is guessed",
    ),
    "heading_policies": ("为何是这条策略（{at} 匹配）", "Why this policy (matched {at})"),
    "heading_intervals": ("逐段计时", "Interval by interval"),
    "heading_retargets": ("时限变更", "Retargets"),
    "heading_due": ("到期时间的推算", "How the due follows"),
    "heading_rungs": ("升级档", "Rungs"),
    "chosen": ("✓ {policy}（等级 {rank}）：{conditions}", "✓ {policy} (rank {rank}): {conditions}"),
    "passed_over": ("✗ {policy}（等级 {rank}）：{why}", "✗ {policy} (rank {rank}): {why}"),
    "no_conditions": ("适用于所有工单", "holds for every order"),
    "condition": ("{trait} 要求 {wanted}，工单为 {has}", "{trait} wants {wanted}, order has {has}"),
    "why_not_yet_effective": ("当时尚未生效（{at} 起生效）", "not in force then (from {at})"),
    "why_superseded": ("已被 {by} 取代", "superseded by {by}"),
    "why_no_such_clock": ("没有这种时钟", "has no clock of this kind"),
    "why_condition_not_met": ("条件不符：{conditions}", "conditions not met: {conditions}"),
    "why_order_unknown": ("当时的工单特征没有记录", "what the order was like then is not on record"),
    "why_lower_rank": ("等级低于 {by}", "lower rank than {by}"),
    "why_less_specific": ("条件不如 {by} 具体", "less specific than {by}"),
    "why_later_id": ("与 {by} 同等，按编号让位", "equal to {by}, which comes first by its id"),
    "interval": (
        "{place}. {what} {since} → {until}：计 {seconds}，累计 {total} / {budget}",
        "{place}. {what} {since} → {until}: counts {seconds}, in all {total} of {budget}",
    ),
    "gap": (
        "{place}. {what} {since} → {until}：历时 {real}，不计时",
        "{place}. {what} {since} → {until}: lasts {real}, counts nothing",
    ),
    "began": ("起因：{turn}", "began: {turn}"),
    "ended": ("止因：{turn}", "ended: {turn}"),
    "turn": ("{event}，{actor}", "{event}, {actor}"),
    "turn_reason": ("{event}，{actor}，原因 {reason}", "{event}, {actor}, reason {reason}"),
    "span": ("{since} → {until} {what}，{layer}：{seconds}", "{since} → {until} {what}, {layer}: {seconds}"),
    "span_natural": ("{since} → {until} {what}：{seconds}", "{since} → {until} {what}: {seconds}"),
    "layer_of": ("{layer}（属 {date}）", "{layer} (of {date})"),
    "day_run_natural": ("{first} 至 {last}：计 {counted} 天", "{first} to {last}: {counted} days count"),
    "day_run": ("{first} 至 {last} {layer}：计 {counted} 天", "{first} to {last} {layer}: {counted} days count"),
    "sum_exact": ("合计 {total}，与时钟所计逐秒相符", "sum {total}, to the second what the clock counts"),
    "sum_unknown": ("合计不可知：日历未覆盖", "the sum is not known: the calendar does not reach so far"),
    "sum_differs": ("合计与时钟所记不符，请报告", "the sum is NOT what the clock recorded: please report this"),
    "retarget": (
        "{at} {mode}：{old} → {new}，到期 {old_due} → {new_due}，已计 {elapsed}；"
        "策略 {old_policy} → {new_policy}，日历 {old_calendar} → {new_calendar}",
        "{at} {mode}: {old} → {new}, due {old_due} → {new_due}, used {elapsed}; "
        "policy {old_policy} → {new_policy}, calendar {old_calendar} → {new_calendar}",
    ),
    "first_due": ("最初承诺的到期时间：{at}", "due as promised first: {at}"),
    "due_from": (
        "自 {since} 起，此前已计 {used}，剩余 {remaining}，排到 {due} 用完",
        "from {since}, with {used} used before, the remaining {remaining} are used up at {due}",
    ),
    "due_open": ("暂停中，到期时间取决于何时恢复", "paused: the due depends on when it resumes"),
    "would_be_due": ("若此刻恢复，将于 {at} 到期", "resumed now it would be due at {at}"),
    "no_due": ("没有到期时间", "there is no due"),
    "remaining": ("尚余 {seconds}", "{seconds} are left"),
    "overdrawn": ("已超 {seconds}", "overdrawn by {seconds}"),
    "breached": ("超时：{at}", "breached: {at}"),
    "breached_cause": ("超时：{at}，原因：{cause}", "breached: {at}, because of {cause}"),
    "rung": ("{name} {status}：应于 {planned}", "{name} {status}: due {planned}"),
    "rung_decided": (
        "{name} {status}：应于 {planned}，实际 {decided}",
        "{name} {status}: due {planned}, decided {decided}",
    ),
    "rung_repeat": ("{name}（第 {occurrence} 次）", "{name} (no. {occurrence})"),
    "rung_target": ("{name}（第 {target} 次变更后）", "{name} (after retarget {target})"),
    "audience": ("，通知 {audience}", ", told: {audience}"),
    "picture": ("{state}，已计 {used}，时限 {budget}，到期 {due}", "{state}, {used} of {budget} used, due {due}"),
    "due_mark": ("到期 {at}", "due {at}"),
    "now_mark": ("现在 {at}", "now {at}"),
    "end_mark": ("结束 {at}", "ended {at}"),
    "and": ("；", "; "),
    "or": ("或", " or "),
    "nothing": ("无", "none"),
    "goes_on": ("仍在继续", "goes on"),
    "unknown": ("不详", "not known"),
    "exact": ("{words}（{seconds} 秒）", "{words} ({seconds} s)"),
}


class Words:
    """One language and one zone."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)
        self._zone = ZoneInfo(zone)

    def say(self, sentence: str, **values: object) -> str:
        return SENTENCES[sentence][self._place].format(**values)

    def name(self, group: str, code: str) -> str:
        """The code itself where an installation has codes of its own."""
        pair = NAMES[group].get(code)
        return code if pair is None else pair[self._place]

    def at(self, instant: datetime | None) -> str:
        """Local time; with its offset where the clocks show that time twice."""
        if instant is None:
            return self.say("nothing")
        local = instant.astimezone(self._zone)
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return f"{local:%Y-%m-%d %H:%M:%S}{local.isoformat()[-6:] if twice else ''}"

    def date(self, instant: datetime) -> str:
        return instant.astimezone(self._zone).date().isoformat()

    def duration(self, seconds: int | None, *, whole_days: bool = False) -> str:
        """Two units and the exact seconds beside: `3 小时 20 分钟（12000 秒）`; in days if `whole_days`."""
        if seconds is None:
            return self.say("unknown")
        words = self.rough(seconds, whole_days=whole_days)
        return self.say("exact", words=words, seconds=seconds) if abs(seconds) >= MINUTE else words

    def rough(self, seconds: int, *, whole_days: bool = False) -> str:
        """The two largest units, what is below them cut off."""
        days = abs(seconds) // DAY if whole_days and abs(seconds) >= WHOLE_DAYS_FROM else 0
        below = abs(seconds) - days * DAY
        amounts = (days, below // HOUR, below % HOUR // MINUTE, below % MINUTE)
        first = next((place for place, amount in enumerate(amounts) if amount), len(amounts) - 1)
        units = (("天", "d"), ("小时", "h"), ("分钟", "min"), ("秒", "s"))
        shown = [
            f"{amount} {unit[self._place]}"
            for place, (amount, unit) in enumerate(zip(amounts, units, strict=True))
            if place == first or (place == first + 1 and amount)
        ]
        return f"{'-' if seconds < 0 else ''}{' '.join(shown)}"
