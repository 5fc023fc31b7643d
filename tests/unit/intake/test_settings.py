"""What intake is told from outside, and the reference data that it loads."""

from datetime import timedelta

import pytest

from services.intake.domain import COMPLAINT
from services.intake.projection import INDEXES
from services.intake.reference import load_reference
from services.intake.settings import Settings
from shared.kernel.aggregate import Snapshot
from tests.unit.intake.complaints import NOON, a_complaint
from tests.unit.intake.memory import MemoryContext


@pytest.mark.parametrize(
    ("mode", "given", "opened"),
    [("embedded", None, True), ("external", None, False), ("embedded", "false", False), ("external", "true", True)],
)
def test_sources_are_open_at_home_unless_somebody_says_otherwise(
    mode: str, given: str | None, opened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given is not None:
        monkeypatch.setenv("CLOSEDLOOP_INTAKE__OPEN_SOURCES", given)

    settings = Settings.load(kafka_bootstrap="k:1", mongo_uri="mongodb://m", mode=mode)

    assert settings.open_sources is opened


async def test_sources_are_loaded_in_every_version(context: MemoryContext) -> None:
    for version, types in ((1, ["complaint.submitted"]), (2, [])):
        effective = NOON + timedelta(minutes=version - 1)
        context.raw["directory"].documents[f"app:{version}"] = {
            "_id": f"app:{version}", "kind": "source", "id": "app", "version": version, "effective_at": effective,
            "removed": False, "types": types, "order": 9,
        }  # fmt: skip

    reference = await load_reference(context)

    assert reference.open_sources
    assert reference.registered_for("app", "complaint.submitted", NOON)
    assert not reference.registered_for("app", "complaint.submitted", NOON + timedelta(minutes=1))


def test_indexes_are_on_fields_that_the_projection_has() -> None:
    fields = {"_id", *COMPLAINT.index(Snapshot("cmp_1", a_complaint().complaint, 1))}

    assert {name for _, keys, _ in INDEXES for name, _ in keys} <= fields
