"""What needs the databases once more: events that differ, copies that may be missing, records without a trace."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from shared.kernel.aggregate import Command
from shared.messaging.bindings import Trigger
from shared.reconcile.fates import Fates, Unexplained
from shared.reconcile.histories import History, history_of
from shared.reconcile.offline import OfflineService
from shared.reconcile.published import Published, rendered
from shared.reconcile.redeciding import leaves_no_trace

AT_ONCE = 1_000  # aggregates or documents in one query


async def settle(service: OfflineService, fates: Fates) -> None:
    """Decides what is lost among the records that could not be explained at once. Raises DriverError."""
    fates.check_replies()
    await _check_copies(service, fates)
    by_binding: dict[str, list[Unexplained]] = defaultdict(list)
    for one in fates.unexplained:
        by_binding[one.work.binding.name].append(one)
    for some in by_binding.values():
        for start in range(0, len(some), AT_ONCE):
            await _decide_again(service, fates, some[start : start + AT_ONCE])


async def compare_differing(service: OfflineService, published: Published) -> None:
    """Renders again what seems to differ on the topic, to see whether and where. Raises DriverError."""
    prefixes = tuple(kind.prefix for kind in service.definition.aggregates)
    ids = {event_id.rpartition(":")[0] for event_id in published.differing if event_id.startswith(prefixes)}
    records = {
        event_id: record
        for history in (await _histories(service, ids)).values()
        for each in history.steps
        for event_id, record in rendered(history, each, service.name).items()
    }
    published.compare(records)


async def _check_copies(service: OfflineService, fates: Fates) -> None:
    for collection in {name for name, _ in fates.copies}:
        wanted = {document: expected for (name, document), expected in fates.copies.items() if name == collection}
        stored = await service.database.collection(collection).find({}, projection={"order": 1})
        orders = {raw["_id"]: raw.get("order", -1) for raw in stored}
        for document, expected in wanted.items():
            if orders.get(document, -1) < expected.order:
                fates.lose_late(expected.place, f"was not copied to {collection}")


async def _decide_again(service: OfflineService, fates: Fates, some: Sequence[Unexplained]) -> None:
    """`some` are of one binding."""
    reference = await service.load_reference()
    histories = await _histories(service, {one.work.aggregate_id for one in some})
    for one, command in zip(some, await _completed(service, some), strict=True):
        history = histories.get(one.work.aggregate_id) or History(one.work.binding.aggregate, one.work.aggregate_id)
        if not await leaves_no_trace(one.work, command, history, reference):
            fates.lose_late(one.place, f"left no trace in {one.work.aggregate_id} ({one.work.binding.name})")


async def _completed(service: OfflineService, some: Sequence[Unexplained]) -> Sequence[Command | None]:
    binding = some[0].work.binding
    commands = [one.work.command for one in some]
    if not isinstance(binding, Trigger) or binding.enrich is None:
        return commands
    return await binding.enrich(service, [command for command in commands if command is not None])


async def _histories(service: OfflineService, ids: Iterable[str]) -> Mapping[str, History]:
    found: dict[str, History] = {}
    for kind in service.definition.aggregates:
        wanted = sorted(one for one in ids if one.startswith(kind.prefix))
        restore = service.logs[kind.name].restored
        for aggregate_id, documents in await service.aggregates_of(wanted):
            found[aggregate_id] = history_of(kind, aggregate_id, documents, restore)
    return found
