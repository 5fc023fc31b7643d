"""Writes `kafka.lock` again: `python -m deploy.local.lock_kafka`, after the version below was changed."""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from deploy.local.jars import LOCK_FILE, Jar

KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
# Kafka logs through slf4j 1.7; without this binding it would be silent.
LOG_BINDING = ("org.apache.logging.log4j", "log4j-slf4j-impl")


def main() -> None:
    """Resolves the broker's run-time dependencies, fetches every jar and records its digest."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), timeout=60)
        # The broker alone: a second root would bring its own managed versions over the broker's.
        _, nodes = context.resolver.get_dependency_list([context.create_dependency(KAFKA)])
        found = {(node.dep.groupId, node.dep.artifactId): node.dep.version for node in nodes}
        group, artifact, version = KAFKA.split(":")
        found[group, artifact] = version
        found[LOG_BINDING] = found["org.apache.logging.log4j", "log4j-core"]
        jars = [_locked(context, *key, version) for key, version in sorted(found.items())]
    lines = [f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}" for jar in jars]
    LOCK_FILE.write_text("\n".join(["# python -m deploy.local.lock_kafka", *lines]) + "\n")
    sys.stderr.write(f"{len(jars)} jars locked\n")


def _locked(context: MavenContext, group: str, artifact: str, version: str) -> Jar:
    path = context.project(group, artifact).at_version(version).artifact().resolve()
    return Jar(group, artifact, version, hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
