"""How escalation's refusals are answered, in Chinese and English."""

from shared.runtime.refusals import RefusalText, register

register(
    {
        "no_draft": RefusalText(422, "没有草稿", "There is no draft"),
        "effective_too_early": RefusalText(422, "生效时间过早", "The version would take effect too early"),
        "rules_incomplete": RefusalText(
            422, "时限策略不完整或有歧义", "The policies in force would have a hole or be ambiguous"
        ),
        "version_not_in_force": RefusalText(
            422, "该版本尚未生效或已被替代", "Only the version that is in force now can be migrated to"
        ),
        "version_differs": RefusalText(
            409, "该版本已发布，内容不同", "This version is published already with different content"
        ),
    }
)
