"""What a fresh installation holds, so that every valid complaint is dispatched without further set-up."""

from tests.e2e.outside import Outside


async def test_there_is_one_team_for_all_regions(outside: Outside) -> None:
    (team,) = [t for t in await outside.caller("admin").list("workflow", "/v1/teams")]
    assert (team["id"], team["regions"]) == ("default", ["*"])


async def test_a_catch_all_route_leads_to_it(outside: Outside) -> None:
    (route,) = await outside.caller("admin").list("workflow", "/v1/routing")
    assert route["team"] == "default"
    assert not any(route[condition] for condition in ("category", "region", "tier"))


async def test_default_policy_and_calendar_are_in_force(outside: Outside) -> None:
    auditor = outside.caller("auditor")
    policies = {policy["id"]: policy for policy in await auditor.list("escalation", "/v1/policies")}
    budgets = {
        kind: (rule["budget"], rule["unit"])
        for policy in policies.values()
        for kind, rule in policy["clocks"].items()
    }
    assert "default" in policies
    assert budgets["acknowledge"] == ("24h", "natural")
    assert budgets["accept"] == ("2h", "natural")
    assert budgets["resolve"] == ("48h", "natural")
    assert budgets["callback"] == ("24h", "natural")
    assert budgets["statutory"] == ("15d", "natural_days")
    (calendar,) = await auditor.list("escalation", "/v1/calendars")
    assert calendar["id"] == "default"
    assert calendar["zone"] == "Asia/Shanghai"


async def test_templates_are_there(outside: Outside) -> None:
    templates = {template["id"] for template in await outside.caller("admin").list("notifier", "/v1/templates")}
    assert {"acknowledgement", "assignment", "at_risk", "breach", "answer"} <= templates


async def test_any_valid_complaint_of_any_source_is_dispatched(outside: Outside) -> None:
    number = "fresh-1"
    data = await outside.complaint(external_id=number, customer={"id": "c-fresh", "region": "yn/kunming"})
    await outside.send("complaints.inbox", "complaint.submitted", data, source="some-unheard-of-source")
    dispatched = await outside.record(
        "workorders",
        lambda seen: seen.kind == "workorder.dispatched" and seen.data["work_order"]["customer_id"] == "c-fresh",
    )
    assert dispatched.data["change"]["team"] == "default"
    assert dispatched.data["change"]["route"]["rule"]
