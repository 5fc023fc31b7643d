"""Crash points: every await of the runtime, named by its function and its number there; free when they are off.

`python -m shared.testing.crash_points FILE SERVICE` runs a service that kills itself (-9) right behind the first
await behind which nobody died before, as FILE remembers, and starts it again: so it dies behind each of them once.
Nothing in the product knows of it: the modules are rewritten while they are imported.
"""

import ast
import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TypeVar

T = TypeVar("T")
MODULES = (
    "shared.kernel.runner",
    "shared.messaging.consumer",
    "shared.messaging.publisher",
    "shared.persistence.event_log",
    "shared.persistence.parking",
    "shared.persistence.projection",
    "shared.runtime.commands",
    "shared.runtime.engine",
    "shared.runtime.pipeline",
    "shared.runtime.sweepers",
    "shared.runtime.timers",
    "services.notifier.courier",
)
"""Where the awaits stand between receiving and committing, publishing, projecting, firing, sending and answering."""


def crash_points(module: str) -> list[str]:
    """The names of all awaits of a module, in the order of the source."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return [name for name, _ in _awaits(ast.parse(Path(spec.origin).read_bytes()), module)]


def _awaits(tree: ast.AST, module: str) -> list[tuple[str, ast.Await]]:
    numbers: Counter[str] = Counter()
    found: list[tuple[str, ast.Await]] = []
    for path, node in _walk(tree, (module.rpartition(".")[2],)):
        numbers[path] += 1
        found.append((f"{path}#{numbers[path]}", node))
    return found


def _walk(node: ast.AST, path: tuple[str, ...]) -> Iterator[tuple[str, ast.Await]]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        below = (
            (*path, child.name) if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else path
        )
        yield from _walk(child, below)
        if isinstance(child, ast.Await) and not named:
            yield ".".join(path), child


class Mortality:
    """Which points the process may still die behind; what it died of is on disk before it does."""

    def __init__(self, died_of: Path, occurrence: int = 1) -> None:
        """`occurrence`: how often a point has to be passed by one process before it dies there."""
        self._file, self._occurrence = died_of, occurrence
        self._survived = set(deaths(died_of))
        self._passed: Counter[str] = Counter()

    def reached(self, name: str) -> None:
        self._passed[name] += 1
        if name in self._survived or self._passed[name] < self._occurrence:
            return
        with self._file.open("a") as file:
            file.write(f"{name}\n")
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)


def deaths(died_of: Path) -> list[str]:
    """The points behind which a service died so far, in that order."""
    return died_of.read_text().split() if died_of.exists() else []


class _MortalLoader(SourceFileLoader):
    """Compiles a module with every `await x` as `await __passed__(name, x)`; never from or to a cache."""

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(self.get_data(self.path))
        for name, node in _awaits(tree, fullname):
            call = ast.Call(ast.Name("__passed__", ast.Load()), [ast.Constant(name), node.value], [])
            node.value = ast.copy_location(call, node)
        return compile(ast.fix_missing_locations(tree), self.path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__passed__"] = _passed
        super().exec_module(module)


class _MortalFinder(PathFinder):
    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in MODULES else None
        if spec is not None and spec.origin is not None:
            spec.loader = _MortalLoader(fullname, spec.origin)
        return spec


_mortality: Mortality | None = None


async def _passed(name: str, awaitable: Awaitable[T]) -> T:
    value = await awaitable
    if _mortality is not None:
        _mortality.reached(name)
    return value


def main(arguments: Sequence[str]) -> None:
    """Lives of the service one after the other, each a process of its own, until one ends without being killed."""
    global _mortality  # one process, one mortality
    died_of, service, *occurrence = arguments
    sys.meta_path.insert(0, _MortalFinder)
    definition = import_module(f"services.{service}.main").SERVICE
    live = import_module("shared.runtime.service").main
    while True:
        child = os.fork()  # what was imported need not be imported for each life
        if child == 0:
            _mortality = Mortality(Path(died_of), *map(int, occurrence))
            live(definition)
            return
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    # Under its own name, so that the rewritten modules and this one speak of the same mortality.
    from shared.testing import crash_points as this

    this.main(sys.argv[1:])
