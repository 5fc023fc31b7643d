"""The embedded MongoDB: one mongod or three, always as a replica set.

The database calls here are administration of our own server, before any service runs; everything else goes through
`shared.persistence`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from deploy.local.binaries import mongod_path
from deploy.local.failure import StackFailure
from deploy.local.guardian import Guardian
from deploy.local.process import ServerProcess, wait_until

REPLICA_SET = "closedloop"
START_SECONDS = 60.0
NOT_YET_INITIALIZED = 94


class Mongod:
    """One member of the replica set."""

    def __init__(self, number: int, port: int, state_dir: Path, *, test_commands: bool = False) -> None:
        self.name = f"mongod-{number}"
        self.port = port
        self._data = state_dir / self.name
        argv = [
            str(mongod_path()),
            *("--replSet", REPLICA_SET, "--dbpath", str(self._data)),
            *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
            # zlib compression in this version lets anyone who can connect read memory.
            *("--networkMessageCompressors", "disabled"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "512"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        if test_commands:
            argv += ["--setParameter", "enableTestCommands=1"]
        self.process = ServerProcess(self.name, argv, {}, state_dir)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def has_data(self) -> bool:
        """Whether it was ever started."""
        return self._data.exists()

    def start(self, guardian: Guardian) -> None:
        """Starts the server without waiting for it."""
        self._data.mkdir(parents=True, exist_ok=True)
        self.process.spawn(guardian)

    def wait_ready(self) -> None:
        """Waits until it answers, and makes sure that it is ours and nobody else's on that port."""
        self.process.wait_ready(self._answers, START_SECONDS)

    def command(self, *command: Any, **options: Any) -> dict[str, Any]:
        """Runs one administration command on this very server."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=500, connectTimeoutMS=500
        )
        with client:
            return client.admin.command(*command, **options)

    def _answers(self) -> bool:
        try:
            status = self.command("serverStatus")
            parsed = self.command("getCmdLineOpts")["parsed"]
        except ConnectionFailure:
            return False
        if status["pid"] != self.process.pid or parsed["storage"]["dbPath"] != str(self._data):
            raise StackFailure(f"port {self.port} is answered by somebody else's mongod (pid {status['pid']})")
        return True


def uri(members: Sequence[Mongod]) -> str:
    """The connection string of the whole replica set."""
    return f"mongodb://{','.join(member.address for member in members)}/?replicaSet={REPLICA_SET}"


def form_replica_set(members: Sequence[Mongod]) -> None:
    """Initiates the replica set, or moves it to new ports; waits for a primary that accepts writes."""
    wanted = {
        "_id": REPLICA_SET,
        "members": [{"_id": number, "host": member.address} for number, member in enumerate(members)],
        "settings": {"electionTimeoutMillis": 3000},
    }
    try:
        current = members[0].command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        members[0].command("replSetInitiate", wanted)
    else:
        if [member["host"] for member in current["members"]] != [member.address for member in members]:
            # Forced: with every address changed there is no primary who could agree.
            members[0].command("replSetReconfig", {**wanted, "version": current["version"] + 1}, force=True)
    if not wait_until(lambda: _has_primary(members), START_SECONDS):
        raise StackFailure(f"the replica set elected no primary in {START_SECONDS:.0f} s")


def _has_primary(members: Sequence[Mongod]) -> bool:
    return any(_is_primary(member) for member in members)


def _is_primary(member: Mongod) -> bool:
    try:
        return bool(member.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False
