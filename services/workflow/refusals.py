"""How workflow's refusals are answered, in Chinese and English."""

from shared.runtime.refusals import RefusalText, register

register(
    {
        "terminal_status": RefusalText(422, "工单已结束", "The order has ended"),
        "wrong_status": RefusalText(422, "当前状态不允许此操作", "The order's status does not allow this"),
        "already_accepted": RefusalText(409, "工单已被他人接单", "Somebody has accepted the order already"),
        "already_acknowledged": RefusalText(409, "已告知投诉人", "The complainant was told already"),
        "already_communicated": RefusalText(409, "已答复投诉人", "The decision was communicated already"),
        "assigned_to_another": RefusalText(422, "工单已指定给他人", "The order is assigned to somebody else"),
        "assignment_changed": RefusalText(422, "工单已重新派发", "The order was assigned anew since then"),
        "not_the_owner": RefusalText(422, "不是该工单的处理人", "Only the order's handler may do this"),
        "four_eyes": RefusalText(
            422,
            "同一轮次内处理、审核、回访须由不同人员承担",
            "Handler, reviewer and callback agent of one cycle must be different people",
        ),
        "hop_limit": RefusalText(422, "转派次数已达上限", "The order was transferred as often as allowed"),
        "cycle_limit": RefusalText(422, "轮次已达上限，须由班组长决定", "No further cycle without a leader"),
        "same_assignment": RefusalText(422, "工单已在该处", "The order is there already"),
        "unknown_team": RefusalText(422, "班组不存在或尚未生效", "There is no such team in force"),
        "team_out_of_region": RefusalText(422, "班组不负责该区域", "The team does not serve the order's region"),
        "no_resolution": RefusalText(422, "尚无回单", "There is no resolution"),
        "not_dissatisfied": RefusalText(
            422, "本轮投诉人未表示不满意", "The complainant is not dissatisfied in this cycle"
        ),
        "callback_completed": RefusalText(409, "本轮回访已完成", "The callback of this cycle is completed"),
        "callback_attempts_exhausted": RefusalText(
            422, "回访次数已达上限", "The callback was attempted as often as allowed"
        ),
        "decision_not_communicated": RefusalText(422, "尚未答复投诉人", "The decision has not been communicated yet"),
        "not_satisfied": RefusalText(
            422, "投诉人未表示满意，且回访未完成", "Not satisfied, and callback attempts remain"
        ),
        "notice_required": RefusalText(
            422, "未能联系到投诉人，须书面告知", "Nobody was reached: a notice is required"
        ),
        "reason_required": RefusalText(422, "须说明理由", "A reason is required"),
        "regulator_confirmation_required": RefusalText(
            422, "监管转办件须经监管机构确认", "The regulator must confirm for its own cases"
        ),
        "unknown_source": RefusalText(403, "来源系统未登记", "The source is not registered"),
        "id_taken": RefusalText(409, "该编号已用于另一类目录项", "The id belongs to an entry of another kind"),
    }
)
