"""Who works in the demo's company, in which teams, and which orders go to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.demo.scenario import AGENT

PROVINCE = "guangdong"


@dataclass(frozen=True)
class Colleague:
    """Somebody with a token: `sub` and the claims in it."""

    sub: str
    roles: tuple[str, ...]
    teams: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = (PROVINCE,)


ADMIN = Colleague("demo-admin", ("admin",), regions=("*",))
AUDITOR = Colleague("demo-auditor", ("auditor",), regions=("*",))
RECEPTION = Colleague(AGENT, ("agent",))
DISPATCHER = Colleague("he-jun", ("dispatcher",))
FIELD = Colleague("zhang-wei", ("handler",), teams=("broadband",))
ACCOUNTS = Colleague("li-na", ("handler",), teams=("billing",))
REVIEWER = Colleague("chen-jing", ("reviewer",))
CALLER = Colleague("zhao-min", ("callback",))

DEPARTMENT = "customer-service"
TEAMS: Mapping[str, Mapping[str, Any]] = {
    DEPARTMENT: {"name": "客户服务部 Customer service", "leader_id": "sun-hao"},
    "broadband": {"name": "宽带班 Broadband", "leader_id": "wang-lei", "members": [FIELD.sub]},
    "billing": {"name": "账务班 Billing", "leader_id": "liu-yang", "members": [ACCOUNTS.sub]},
    "mobile": {"name": "移动网络班 Mobile network", "leader_id": "ma-chao"},
}
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "sun-hao": {"name": "孙浩"},
    "wang-lei": {"name": "王磊"},
    "liu-yang": {"name": "刘洋"},
    "ma-chao": {"name": "马超", "language": "en"},
    FIELD.sub: {"name": "张伟"},
    ACCOUNTS.sub: {"name": "李娜"},
}
ROUTES: Mapping[str, Mapping[str, Any]] = {
    "network-orders": {"name": "网络 Network", "category": "network", "team": "broadband", "rank": 10},
    "mobile-orders": {"name": "无线 Mobile", "category": "network/mobile", "team": "mobile", "rank": 10},
    "billing-orders": {"name": "账务 Billing", "category": "billing", "team": "billing", "rank": 10},
}


def team_entry(team: str) -> Mapping[str, Any]:
    below: Mapping[str, Any] = {} if team == DEPARTMENT else {"parent_team": DEPARTMENT, "regions": [PROVINCE]}
    return {**below, **TEAMS[team]}


def person_entry(person: str) -> Mapping[str, Any]:
    return {"email": f"{person}@operator.example", "regions": [PROVINCE], **PEOPLE[person]}
