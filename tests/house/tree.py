"""The source tree as the tests of the house see it: modules, and what they import, without importing them."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGES = ("unienv_interface", "unienv_data")

_MODULE_NAME = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)*(?=:\w+$|$)")


@dataclass(frozen=True)
class Import:
    """One first-party import.

    Args:
        target: the module asked for.
        line: where.
        in_function: whether a function's body does it.
        by_name: whether a string names the module (a registry, a lazy façade) and no statement does.
    """

    target: str
    line: int
    in_function: bool
    by_name: bool = False


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
        """Every first-party import: statements, under TYPE_CHECKING too, and modules named in strings."""
        yield from self._imports(self.tree, in_function=False)

    def _imports(self, node: ast.AST, *, in_function: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = in_function or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.Import):
                for alias in child.names:
                    if alias.name.split(".")[0] in PACKAGES:
                        yield Import(alias.name, child.lineno, in_function)
            elif isinstance(child, ast.ImportFrom):
                for target in self._from_targets(child):
                    yield Import(target, child.lineno, in_function)
            elif isinstance(child, ast.Constant) and isinstance(child.value, str):
                named = _MODULE_NAME.fullmatch(child.value.partition(":")[0])
                if named and "." in child.value and named[0] in modules():
                    yield Import(named[0], child.lineno, in_function=False, by_name=True)
            yield from self._imports(child, in_function=inside)

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
