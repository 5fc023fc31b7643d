"""How the notifier's refusals are answered."""

from shared.runtime.refusals import RefusalText, register

register(
    {
        "unknown_delivery": RefusalText(404, "没有这次投递", "The notice has no such delivery"),
        "already_sent": RefusalText(422, "已经发出，不能重投", "It was sent already"),
        "nothing_to_redeliver": RefusalText(422, "没有可以重投的投递", "Nothing of this notice was given up"),
        "contact_not_known_yet": RefusalText(422, "尚无投诉人联系方式", "The complainant's contact is not known yet"),
        "order_not_known_yet": RefusalText(422, "尚无该工单的信息", "The work order is not known yet"),
        "no_subscribers": RefusalText(422, "没有订阅者", "Nobody subscribed to this event"),
        "not_due": RefusalText(422, "尚未到发送时间，或正在发送", "It is not due, or is being sent"),
        "stale_attempt": RefusalText(422, "该次尝试已有结论", "That attempt was concluded already"),
        "claim_not_expired": RefusalText(422, "该次尝试尚未超时", "The attempt may still end by itself"),
        "target_forbidden": RefusalText(422, "不允许的回调地址", "Webhooks must not go to this address"),
    }
)
