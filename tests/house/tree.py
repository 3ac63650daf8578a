"""The source tree as the tests of the house see it: modules, and what they import, without importing them."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from types import ModuleType

import pytest

from unienv_interface.errors import MissingDependencyError

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGES = ("unienv_interface", "unienv_data")


class When(Enum):
    """When an import takes place."""

    LOADING = auto()  # as the module loads
    TYPING = auto()  # never: under TYPE_CHECKING
    CALLING = auto()  # inside a function's body
    NAMED = auto()  # later, by a name in a string (a registry, a lazy façade)


@dataclass(frozen=True)
class Import:
    """One first-party import: the module asked for, the line, and when it takes place."""

    target: str
    line: int
    when: When


@dataclass(frozen=True)
class Module:
    """A module of `src`."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def imports(self) -> Iterator[Import]:
        """Every first-party import of the module."""
        yield from self._imports_below(self.tree, When.LOADING)

    def _imports_below(self, node: ast.AST, when: When) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = when
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inside = When.CALLING
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                inside = When.TYPING
            elif isinstance(child, ast.Import):
                for alias in child.names:
                    if alias.name.split(".")[0] in PACKAGES:
                        yield Import(alias.name, child.lineno, when)
            elif isinstance(child, ast.ImportFrom):
                for target in self._from_targets(child):
                    yield Import(target, child.lineno, when)
            elif isinstance(child, ast.Constant) and isinstance(child.value, str):
                name = child.value.partition(":")[0]
                if "." in name and name in modules():
                    yield Import(name, child.lineno, When.NAMED)
            yield from self._imports_below(child, inside)

    def _from_targets(self, node: ast.ImportFrom) -> Iterator[str]:
        base = node.module or ""
        if node.level:
            parts = self.name.split(".")
            keep = len(parts) - node.level + (1 if self.is_package else 0)
            base = ".".join(filter(None, [*parts[:keep], node.module]))
        if base.split(".")[0] not in PACKAGES:
            return
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in modules() else base


@functools.cache
def modules() -> dict[str, Module]:
    """Dotted name -> module, for every module of `src`."""
    found = {}
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    return found


def load(name: str) -> ModuleType:
    """Import a module of `src`; skips the test where it is for an optional package that is missing."""
    try:
        return importlib.import_module(name)
    except MissingDependencyError as error:
        pytest.skip(str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in PACKAGES:
            raise
        pytest.skip(f"{error.name} is not installed")
