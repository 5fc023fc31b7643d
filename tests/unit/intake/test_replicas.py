"""What intake copies: customer profiles, and of the directory the sources."""

from shared.messaging.reading import Copying, Dead, Skipped
from tests.unit.intake.complaints import CRM, a_source, registered
from tests.unit.intake.reading import read

PROFILE = {"id": "c-7", "name": "张三", "phone": "138", "tier": "gold", "region": "js/nj", "language": "zh"}


def test_a_profile_replaces_the_whole_one_before() -> None:
    copying = read("customers.inbox", "customer.profile_changed", PROFILE, key=b"c-7")

    assert isinstance(copying, Copying)
    ((customer, fields),) = copying.copies
    assert customer == "c-7"
    assert fields == {
        "name": "张三", "phone": "138", "email": None, "tier": "gold", "region": "js/nj", "language": "zh",
        "do_not_disturb": False, "forgotten": False,
    }  # fmt: skip


def test_a_key_without_a_value_forgets_the_customer() -> None:
    copying = read("customers.inbox", "customer.profile_changed", None, key="客户".encode())
    unreadable = read("customers.inbox", "customer.profile_changed", None, key=b"\xff")

    assert isinstance(copying, Copying)
    assert isinstance(unreadable, Copying)
    assert copying.forgets
    assert [customer for customer, _ in copying.copies] == ["客户"]
    assert [customer for customer, _ in unreadable.copies] == ["\ufffd"]


def test_profiles_come_from_registered_sources_only() -> None:
    dead = read(
        "customers.inbox",
        "customer.profile_changed",
        PROFILE,
        reference=registered(a_source(CRM, "complaint.submitted")),
    )

    assert isinstance(dead, Dead)
    assert dead.reason == "type_not_registered"


def test_an_incomplete_profile_is_dead_lettered() -> None:
    dead = read("customers.inbox", "customer.profile_changed", {**PROFILE, "tier": None})

    assert isinstance(dead, Dead)
    assert dead.detail.startswith("/tier: ")


def test_of_the_directory_only_sources_are_kept_each_version_by_itself() -> None:
    entry = {"kind": "source", "id": "app", "version": 2, "effective_at": "2026-11-23T04:00:00Z", "types": ["*"]}

    kept = read("directory", "directory.changed", entry, subject="dir_app", sequence="0000000002")
    other = read("directory", "directory.changed", {**entry, "kind": "team"}, subject="dir_x", sequence="0000000001")

    assert isinstance(kept, Copying)
    assert [entry_id for entry_id, _ in kept.copies] == ["app:2"]
    assert isinstance(other, Skipped)


def test_a_type_of_nobody_is_of_no_interest_to_replicas() -> None:
    assert isinstance(read("directory", "workorder.closed", {}), Skipped)
