"""Loads the snapshot of reference data that decisions on notices use."""

from services.notifier.domain.directory import Directory, Person, Team
from services.notifier.domain.policies import EMAIL, RetryPolicy
from services.notifier.domain.reference import Reference
from services.notifier.enrichment import DIRECTORY
from services.notifier.rendering import file_templates
from services.notifier.settings import NotifierSettings, notifier_settings
from shared.persistence.driver import Document
from shared.runtime.context import Context


async def load(context: Context) -> Reference:
    settings = notifier_settings(context)
    entries = await context.database.collection(DIRECTORY).find({"removed": False})
    return reference(settings, directory(entries))


def reference(settings: NotifierSettings, known: Directory) -> Reference:
    return Reference(
        templates=file_templates(settings.timezone),
        directory=known,
        channels=frozenset({EMAIL}) if settings.email.host else frozenset(),
        retry=RetryPolicy(tuple(settings.retry_seconds)),
    )


def directory(entries: list[Document]) -> Directory:
    return Directory(
        teams={
            entry["entry"]: Team(id=entry["entry"], parent=entry["parent_team"], leader=entry["leader_id"])
            for entry in entries
            if entry["kind"] == "team"
        },
        people={
            entry["entry"]: Person(
                id=entry["entry"], name=entry["name"], email=entry["email"], language=entry["language"]
            )
            for entry in entries
            if entry["kind"] == "person"
        },
    )
