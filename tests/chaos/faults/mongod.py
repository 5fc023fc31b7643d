"""What MongoDB can do to us."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from deploy.local.mongod import Mongod
from deploy.local.process import wait_until
from tests.chaos.faults.case import Fault, Inject
from tests.chaos.faults.stages import OWN, SMALL_DISK, THREE, Scene

WRITES_AND_READS = ["insert", "update", "aggregate", "find", "findAndModify", "delete", "getMore"]
FAILING_SECONDS, CODES_EVERY = 2.0, 3  # every third command fails
LATENCY_MS, SLOW_SECONDS = 2000, 8.0
DOWN_SECONDS = 5.0
CROWD = 150
LEFT_FREE_BYTES = 1 << 20


@asynccontextmanager
async def failing(scene: Scene, mode: Any, **data: Any) -> AsyncIterator[dict[str, Any]]:
    """The services' commands fail inside the server; yields what is filled, at the end, with how often."""
    node = scene.stack.mongods[0]
    data = {"failCommands": WRITES_AND_READS, "appName": "closedloop", **data}
    begun = await asyncio.to_thread(node.command, "configureFailPoint", "failCommand", mode=mode, data=data)
    counted = {"times": begun["count"]}
    try:
        yield counted
    finally:
        ended = await asyncio.to_thread(node.command, "configureFailPoint", "failCommand", mode="off")
        counted["times"] = ended["count"] - begun["count"]


def refuses(seconds: float, **data: Any) -> Inject:
    async def inject(scene: Scene) -> str:
        async with failing(scene, {"activationProbability": 1 / CODES_EVERY}, **data) as counted:
            await asyncio.sleep(seconds)
        assert counted["times"] > 0
        return f"{counted['times']} commands failed"

    return inject


async def slow(scene: Scene) -> str:
    async with failing(scene, "alwaysOn", blockConnection=True, blockTimeMS=LATENCY_MS) as counted:
        await asyncio.sleep(SLOW_SECONDS)
    return f"{counted['times']} commands took 2 s more"


async def crowded(scene: Scene) -> str:
    """More callers than connections, each of which is held for as long as an operation lasts."""
    import httpx

    url = f"{scene.urls['workflow']}/readyz"
    async with (
        failing(scene, "alwaysOn", blockConnection=True, blockTimeMS=LATENCY_MS // 4, failCommands=["ping", "find"]),
        httpx.AsyncClient(trust_env=False, timeout=60, limits=httpx.Limits(max_connections=CROWD)) as http,
    ):
        answers = await asyncio.gather(*(http.get(url) for _ in range(CROWD)))
    told = {answer.status_code for answer in answers}
    assert told <= {200, 503}
    return f"{CROWD} callers at once were answered {' or '.join(map(str, sorted(told)))}"


async def no_indexes(scene: Scene) -> str:
    def drop() -> int:
        dropped = 0
        for database in scene.databases():
            for name in database.list_collection_names():
                dropped += len(database[name].index_information()) - 1
                database[name].drop_indexes()
        return dropped

    dropped = await asyncio.to_thread(drop)
    assert dropped > 0
    return f"{dropped} indexes dropped"


async def killed(scene: Scene) -> str:
    node = scene.stack.mongods[0]
    await asyncio.to_thread(node.process.kill)
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(scene.stack.restart, node)
    return ""


def primary(scene: Scene) -> Mongod:
    return next(node for node in scene.stack.mongods if node.command("hello").get("isWritablePrimary"))


async def stepped_down(scene: Scene) -> str:
    before = await asyncio.to_thread(primary, scene)
    with suppress(ConnectionError):
        await asyncio.to_thread(before.command, "replSetStepDown", 10, force=True)

    def changed() -> bool:
        with suppress(StopIteration):
            return primary(scene) is not before
        return False

    assert await asyncio.to_thread(wait_until, changed, 30.0)
    return "another member became primary"


async def primary_killed(scene: Scene) -> str:
    before = await asyncio.to_thread(primary, scene)
    await asyncio.to_thread(before.process.kill)
    await asyncio.sleep(DOWN_SECONDS)
    await asyncio.to_thread(scene.stack.restart, before)
    return f"{before.name} was the primary"


async def disk_full(scene: Scene) -> str:
    """Fills the disk of the data until mongod gives up, as it must; then there is room again."""
    node = scene.stack.mongods[0]
    filler = Path(node.process.log.parents[1] / node.name / "filler")

    def fill() -> None:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * LEFT_FREE_BYTES)

    await asyncio.to_thread(fill)
    gone = await asyncio.to_thread(node.process.wait_gone, 60.0)
    await asyncio.to_thread(filler.unlink)
    if gone:
        await asyncio.to_thread(scene.stack.restart, node)
    return "mongod ended itself and was started again" if gone else "mongod went on"


def _code(number: int, name: str) -> Fault:
    return Fault(
        id=f"mongod-{number}",
        what=f"every third command is answered {name} ({number}) for 2 s",
        how=f"fail point `failCommand`, errorCode {number}, for the services alone",
        expected="the outcome is unknown: looked up and repeated; nothing twice",
        inject=refuses(FAILING_SECONDS, errorCode=number),
    )


FAULTS = (
    _code(112, "WriteConflict"),
    _code(189, "PrimarySteppedDown"),
    _code(10107, "NotWritablePrimary"),
    _code(91, "ShutdownInProgress"),
    Fault(
        id="mongod-close-connection",
        what="every third command ends its connection for 2 s",
        how="fail point `failCommand`, closeConnection",
        expected="the outcome is unknown: looked up and repeated; nothing twice",
        inject=refuses(FAILING_SECONDS, closeConnection=True),
        short=True,
    ),
    Fault(
        id="mongod-write-concern",
        what="every third write is applied and answered with a write concern error for 2 s",
        how="fail point `failCommand`, writeConcernError 64",
        expected="an append that took place is found again, not repeated",
        inject=refuses(
            FAILING_SECONDS,
            failCommands=["insert", "update", "aggregate"],
            writeConcernError={"code": 64, "errmsg": "waiting for replication timed out"},
        ),
    ),
    Fault(
        id="mongod-slow",
        what="every command takes 2 s longer for 8 s",
        how="fail point `failCommand`, blockConnection 2000 ms",
        expected="slower, nothing else",
        inject=slow,
        complaints=40,
    ),
    Fault(
        id="mongod-pool",
        what="the driver's pool is exhausted",
        how="150 HTTP callers at once while each operation holds its connection for 0.5 s",
        expected="callers wait and are answered; the records' path goes on",
        inject=crowded,
        complaints=40,
    ),
    Fault(
        id="mongod-no-index",
        what="every index but `_id` is gone",
        how="dropIndexes in every database under load",
        expected="slower; right all the same, for the only lock is `_id`",
        inject=no_indexes,
    ),
    Fault(
        id="mongod-killed",
        what="mongod is killed (-9) and back after 5 s",
        how="SIGKILL, restart on its port",
        expected="work pauses, services stay up",
        inject=killed,
        stage=OWN,
        complaints=40,
    ),
    Fault(
        id="mongod-step-down",
        what="the primary of three steps down",
        how="replSetStepDown",
        expected="work pauses until there is a new primary",
        inject=stepped_down,
        stage=THREE,
        complaints=40,
    ),
    Fault(
        id="mongod-primary-killed",
        what="the primary of three is killed (-9)",
        how="SIGKILL, back after 5 s as a secondary",
        expected="what a majority has stays; work pauses until there is a new primary",
        inject=primary_killed,
        stage=THREE,
        complaints=40,
    ),
    Fault(
        id="mongod-disk-full",
        what="the disk under mongod is full",
        how="a file fills the small tmpfs that holds its data, then is removed",
        expected="mongod ends; with room again it recovers from its journal, and work goes on",
        inject=disk_full,
        stage=SMALL_DISK,
        complaints=40,
    ),
)
