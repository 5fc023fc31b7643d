"""How well an installation is, asked now: the answer of `closedloop status`."""

from typing import Any

from shared.cli.installation import SERVICES, Installation


def condition(installation: Installation) -> dict[str, Any]:
    """The state, endpoints and services of an installation, in the shape of `status -o json`."""
    from deploy.local.health import is_ready, listens

    known = installation.recorded()
    holder = installation.holder()
    urls: dict[str, str] = known.get("services", {})
    services = {}
    for name in SERVICES:
        pid = pid_of(installation, name) if holder else None
        url = urls.get(name)
        services[name] = {"url": url, "pid": pid, "ready": bool(pid and url and is_ready(url))}
    servers = {name: pid_of(installation, name) if holder else None for name in known.get("servers", [])}
    well = (
        all(service["ready"] for service in services.values())
        and all(servers.values())
        and all(map(listens, server_addresses(known)))
    )
    return {
        "state": _state(holder, known.get("phase"), well=well),
        "mode": known.get("mode", "embedded"),
        "kafka": known.get("kafka"),
        "mongo": known.get("mongo"),
        "services": services,
        "state_dir": str(installation.state_dir),
        "servers": servers,
        "test_mode": known.get("test_mode", False),
        "held_by": holder,
    }


def server_addresses(known: dict[str, Any]) -> list[str]:
    """`host:port` of every broker and every MongoDB member in what was recorded."""
    brokers = (known.get("kafka") or "").split(",")
    members = (known.get("mongo") or "").partition("://")[2].partition("/")[0].rpartition("@")[2].split(",")
    return [address for address in (*brokers, *members) if address]


def _state(holder: int | None, phase: str | None, *, well: bool) -> str:
    if holder is None:
        return "stopped"
    if phase != "running":
        return "starting"
    return "ready" if well else "degraded"


def pid_of(installation: Installation, name: str) -> int | None:
    """The running process of ours under `name`, None when there is none."""
    from deploy.local.process import recorded_pid

    return recorded_pid(installation.state_dir / "run" / f"{name}.json")
