"""Who may import whom: the layers that keep the domain pure and the services apart."""

import sys

import pytest

from tests.architecture.sources import SERVICES, Source, sources

STANDARD = sys.stdlib_module_names
PURE = ("shared.kernel", "shared.events")
COMMANDS = "shared/cli"  # the command is a client of everything, and starts the embedded servers
SERVERS = "deploy/local"  # starts servers, so it must talk to them below our own seam


def top(module: str) -> str:
    return module.partition(".")[0]


def inside(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def offenders(of: list[Source], allowed: object) -> list[str]:
    assert callable(allowed)
    return [f"{source.path} imports {name}" for source in of for name in source.imports() if not allowed(name)]


def test_shared_imports_no_service_and_no_deployment() -> None:
    shared = [source for source in sources() if source.below("shared") and not source.below(COMMANDS)]
    assert not offenders(shared, lambda name: top(name) not in {"services", "deploy", "tests"})


def test_the_command_imports_no_service() -> None:
    commands = [source for source in sources() if source.below(COMMANDS)]
    assert not offenders(commands, lambda name: top(name) != "services")


@pytest.mark.parametrize("service", SERVICES)
def test_services_do_not_import_each_other(service: str) -> None:
    own = [source for source in sources() if source.below(f"services/{service}")]
    assert not offenders(own, lambda name: top(name) != "services" or inside(name, f"services.{service}"))
    assert not offenders(own, lambda name: top(name) not in {"deploy", "tests"})


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_is_pure(service: str) -> None:
    domain = [source for source in sources() if source.below(f"services/{service}/domain")]
    assert domain
    own = f"services.{service}.domain"
    assert not offenders(domain, lambda name: top(name) in STANDARD or inside(name, *PURE, own))


@pytest.mark.parametrize("impure", ["asyncio", "socket", "subprocess", "random", "secrets", "time", "logging", "os"])
def test_a_domain_takes_time_chance_and_the_world_as_arguments(impure: str) -> None:
    domain = [source for source in sources() if "/domain/" in source.path or source.below("shared/events")]
    assert not offenders(domain, lambda name: top(name) != impure)


def test_no_domain_asks_what_time_it_is() -> None:
    domain = [source for source in sources() if source.below("services") and "/domain/" in source.path]
    assert not [
        source.path for source in domain for call in ("now(", "today(", "uuid4(") if f".{call}" in source.text
    ]


def test_kernel_and_events_use_the_standard_library_alone() -> None:
    pure = [source for source in sources() if source.below("shared/kernel", "shared/events")]
    assert not offenders(pure, lambda name: top(name) in STANDARD or inside(name, *PURE))


def test_kernel_knows_no_events() -> None:
    kernel = [source for source in sources() if source.below("shared/kernel")]
    assert not offenders(kernel, lambda name: not inside(name, "shared.events"))


def test_the_database_driver_is_known_in_one_place() -> None:
    others = [s for s in sources() if not s.below("shared/persistence", "tests", SERVERS)]
    assert not offenders(others, lambda name: top(name) not in {"pymongo", "motor"})


def test_the_broker_framework_is_known_in_one_place() -> None:
    others = [source for source in sources() if not source.below("shared/messaging", "tests")]
    assert not offenders(others, lambda name: top(name) != "faststream")


def test_nothing_of_the_product_imports_tests() -> None:
    """But the commands that run them, when they are called."""
    product = [s for s in sources() if not s.below("tests") and s.path not in {"shared/cli/bench.py"}]
    assert not offenders(product, lambda name: top(name) != "tests")
