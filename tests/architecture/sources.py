"""The project's files as the guards see them: every Python source parsed once, every tracked text."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "workflow", "escalation", "notifier")
PARTS = ("shared", "services", "deploy", "tests")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, eq=False)
class Source:
    """One module. `path` is relative to the checkout, with slashes."""

    path: str
    text: str
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        """Every module that is imported anywhere in it, by its full name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module, f"{self.path}: relative import"
                yield node.module

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def below(self, *folders: str) -> bool:
        return any(self.path.startswith(f"{folder}/") for folder in folders)


@cache
def sources() -> tuple[Source, ...]:
    """Every module of the project."""
    found = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
    return tuple(_source(path) for path in found)


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """(path, content) of every text file that is, or would be, part of a commit."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(
        (name, path.read_text(errors="replace"))
        for name in listed.stdout.splitlines()
        if (path := ROOT / name).is_file()
    )


def _source(path: Path) -> Source:
    text = path.read_text()
    return Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text))
