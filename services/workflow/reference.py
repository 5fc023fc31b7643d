"""Loads the directory for decisions, and fills that of an empty installation."""

from services.workflow.domain import DIRECTORY_ENTRIES
from services.workflow.domain.directory import PutEntry, entry_id
from services.workflow.domain.reference import Reference
from services.workflow.projection import DIRECTORY
from shared.events.directory import DirectoryChanged
from shared.kernel.aggregate import Cause
from shared.persistence.codec import restored
from shared.runtime.context import Context

EVERYWHERE = ("*",)
SEED = (
    PutEntry(
        kind="team",
        id="default",
        content={"name": "默认班组 Default team", "regions": EVERYWHERE, "leader_id": "default-leader"},
        at_once=True,
    ),
    PutEntry(kind="route", id="catch-all", content={"team": "default", "name": "兜底 Catch-all"}, at_once=True),
)


async def load(context: Context) -> Reference:
    """All versions that came by the topic, and the newest ones as decided here: those of the first seeding are in
    force before the topic brings them back."""
    copied = await context.database.collection(DIRECTORY).find({})
    known = {(entry.id, entry.version): entry for entry in (restored(raw, DirectoryChanged) for raw in copied)}
    for own in await context.find(DIRECTORY_ENTRIES, {}, [("_id", 1)], 0):
        if own.state is not None:
            known[own.state.id, own.state.version] = own.state
    return Reference(known.values())


async def seed(context: Context) -> None:
    """Every valid complaint is dispatched without further set-up. What an administrator has changed stays."""
    if context.settings.mode != "embedded":
        return
    for command in SEED:
        if await context.get(DIRECTORY_ENTRIES, entry_id(command.id)) is None:
            cause = Cause("seed", command.id)
            await context.execute(DIRECTORY_ENTRIES, entry_id(command.id), command, cause)
