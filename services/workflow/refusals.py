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
        "unknown_reason": RefusalText(422, "原因代码不在列表中", "The reason is not in the list"),
        "evidence_required": RefusalText(422, "该原因须提供证明", "This reason needs evidence"),
        "not_in_the_future": RefusalText(422, "时间须晚于当前时间", "The time must lie in the future"),
        "suspension_too_long": RefusalText(422, "挂起时间过长", "No suspension lasts that long"),
        "above_suspension_cap": RefusalText(
            422, "超过挂起上限，须由班组长挂起", "Above the cap only a leader suspends"
        ),
        "suspension_changed": RefusalText(422, "工单已重新挂起", "The order was suspended anew since then"),
        "extension_pending": RefusalText(409, "已有待审批的延期申请", "An extension request waits for its decision"),
        "no_extension_requested": RefusalText(422, "没有待审批的延期申请", "No extension waits for a decision"),
        "extension_changed": RefusalText(422, "已有新的延期申请", "Another extension was requested since then"),
        "own_request": RefusalText(422, "不得审批本人的申请", "Nobody decides on their own request"),
        "leader_required": RefusalText(422, "须由班组长决定", "A leader has to decide this"),
        "arbitration_required": RefusalText(
            422, "退单次数已达上限，须仲裁", "Returned as often as allowed: the arbitrator decides"
        ),
        "demand_limit": RefusalText(422, "督办次数已达上限", "No further demand is taken for this order"),
        "no_open_demand": RefusalText(422, "没有待回复的督办", "No demand waits for an answer"),
        "no_regulator_case": RefusalText(
            422, "非监管转办件，只能由督办员督办", "Not a regulator's case: only a supervisor demands"
        ),
        "suborder_limit": RefusalText(422, "子单数量已达上限", "No further sub-order can be opened"),
        "open_suborder": RefusalText(422, "尚有子单未答复", "A sub-order waits for its answer"),
        "no_open_suborder": RefusalText(422, "没有待答复的子单", "No sub-order waits for an answer"),
        "unknown_suborder": RefusalText(422, "子单不存在", "There is no such sub-order"),
        "suborder_ended": RefusalText(409, "子单已结束", "The sub-order has ended"),
        "not_a_participant": RefusalText(422, "不是该子单的参与班组", "Only the team that was asked may answer"),
        "opinion_required": RefusalText(422, "会签须表明意见", "A countersignature needs an opinion"),
        "reopen_window_over": RefusalText(
            422, "已超过重开期限，请另行投诉", "Closed too long ago: a new complaint is needed"
        ),
        "reopen_limit": RefusalText(
            422, "重开次数已达上限，请另行投诉", "Reopened as often as allowed: a new complaint is needed"
        ),
        "already_rated": RefusalText(409, "本轮已评价", "This cycle was rated already"),
        "survey_closed": RefusalText(422, "满意度调查已截止", "The survey is closed"),
        "closing_changed": RefusalText(422, "工单已重新办结", "The order was closed anew since then"),
        "liability_attributed": RefusalText(409, "已定责", "The liability was attributed already"),
        "no_liability": RefusalText(422, "尚未定责", "No liability was attributed"),
        "liability_status": RefusalText(422, "定责状态不允许此操作", "The liability's status does not allow this"),
        "liability_changed": RefusalText(422, "已重新定责", "The liability was attributed anew since then"),
        "liability_not_final": RefusalText(422, "定责尚未生效", "The liability is not final yet"),
        "not_the_liable_unit": RefusalText(422, "不是被定责单位", "Only the liable unit may appeal"),
        "own_appeal": RefusalText(422, "不得复议本人的申诉", "Nobody decides on their own appeal"),
        "own_approval": RefusalText(422, "须由他人批准", "Another person has to approve"),
        "arbitrated": RefusalText(422, "已仲裁，不得退单", "Arbitrated: the order cannot be returned"),
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
