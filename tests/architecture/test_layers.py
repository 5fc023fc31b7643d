"""Who may import whom."""

import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, SERVICES, imports, tracked, within

PURE = ("shared.kernel", "shared.events")


def offences(paths: tuple[Path, ...], *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in imports(path)
        if any(within(module, package) for package in forbidden)
    ]


def test_shared_imports_no_service() -> None:
    assert offences(tracked("shared/*.py"), "services") == []


@pytest.mark.parametrize("service", SERVICES)
def test_services_do_not_import_each_other(service: str) -> None:
    others = tuple(f"services.{other}" for other in SERVICES if other != service)
    assert offences(tracked(f"services/{service}/*.py"), *others) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_imports_only_the_standard_library_and_what_is_pure(service: str) -> None:
    own = f"services.{service}.domain"
    allowed = (*PURE, own, *sys.stdlib_module_names)
    paths = tracked(f"services/{service}/domain/*.py")
    assert paths
    foreign = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in paths
        for module in imports(path)
        if module != f"services.{service}" and not any(within(module, package) for package in allowed)
    ]
    assert foreign == []


@pytest.mark.parametrize("package", ["shared/kernel", "shared/events"])
def test_what_is_pure_imports_only_the_standard_library_and_what_is_pure(package: str) -> None:
    allowed = (*PURE, "shared", *sys.stdlib_module_names)
    foreign = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in tracked(f"{package}/*.py")
        for module in imports(path)
        if module == "shared" or not any(within(module, one) for one in allowed if one != "shared")
    ]
    assert foreign == []


def test_only_the_driver_module_names_a_driver() -> None:
    paths = tuple(path for path in tracked("services/*.py", "shared/*.py") if path.name != "driver.py")
    assert offences(paths, "motor") == []
