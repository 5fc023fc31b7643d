"""The broker's jars: listed with their SHA-256 in `kafka.lock`, fetched once, checked before every use."""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.failure import StackFailure

if TYPE_CHECKING:  # imported for real only when something is missing: most starts need no downloader
    from jgo.maven import MavenContext

LOCK_FILE = Path(__file__).with_name("kafka.lock")
FETCHES_AT_ONCE = 8
ATTEMPTS = 3


@dataclass(frozen=True)
class Jar:
    """One Maven artefact and the digest that it must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    def path_in(self, repository: Path) -> Path:
        """Where Maven's own layout keeps it."""
        folder = repository.joinpath(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}.jar"


def cache_dir() -> Path:
    """Where downloads are kept between installations."""
    chosen = os.environ.get("CLOSEDLOOP_CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "closedloop"


def read_lock(lock_file: Path = LOCK_FILE) -> list[Jar]:
    """The jars in the lock: `group:artifact:version sha256`, one a line."""
    lines = (line.strip() for line in lock_file.read_text().splitlines())
    jars = []
    for line in lines:
        if line and not line.startswith("#"):
            coordinates, sha256 = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def is_intact(jar: Jar, repository: Path) -> bool:
    """Whether the file is there with exactly the locked content."""
    try:
        content = jar.path_in(repository).read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(content).hexdigest() == jar.sha256


def classpath() -> str:
    """Makes sure that every jar is in the cache, intact, and answers them as a Java class path."""
    repository = cache_dir() / "jars"
    repository.mkdir(parents=True, exist_ok=True)
    jars = read_lock()
    with _one_at_a_time(repository), ThreadPoolExecutor(FETCHES_AT_ONCE) as pool:
        intact = pool.map(lambda jar: is_intact(jar, repository), jars)
        _fetch([jar for jar, good in zip(jars, intact, strict=True) if not good], repository, pool)
    return os.pathsep.join(str(jar.path_in(repository)) for jar in jars)


def missing() -> int:
    """How many jars the next start would have to fetch."""
    return sum(not jar.path_in(cache_dir() / "jars").exists() for jar in read_lock())


def _fetch(jars: Sequence[Jar], repository: Path, pool: ThreadPoolExecutor) -> None:
    if not jars:
        return
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=repository, timeout=60)
    for problem in pool.map(lambda jar: _fetch_one(jar, context), jars):
        if problem:
            raise StackFailure(
                f"cannot fetch Apache Kafka: {problem}",
                "Check the connection to the Maven repository (proxy, certificates) and run the command again; "
                "what was fetched is kept.",
            )


def _fetch_one(jar: Jar, context: "MavenContext") -> str:
    path = jar.path_in(context.repo_cache)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    problem = ""
    for _ in range(ATTEMPTS):
        # jgo takes whatever file is there: half of one, left by an interrupted download, must go first.
        path.unlink(missing_ok=True)
        try:
            artifact.resolve()
        except (OSError, RuntimeError, AssertionError) as error:  # requests' errors are OSErrors
            problem = f"{path.name}: {error}"
            continue
        if is_intact(jar, context.repo_cache):
            return ""
        problem = f"{path.name} does not have the locked SHA-256"
    path.unlink(missing_ok=True)
    return problem


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
