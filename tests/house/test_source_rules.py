"""Rules of the source that no linter of ours knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, modules

MODULES = modules()
MOST_LINES = 400
#: What passes between the processes of one program is pickled, and never stored.
MAY_PICKLE = ("unienv_data.workers.parcels",)
PYTHON_FILES = sorted(
    path
    for folder in ("src", "tests", "examples", "benchmarks", "scripts")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_holds_one_concept(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MOST_LINES, f"{lines} lines: more than one concept?"


def test_folders_are_packages() -> None:
    folders = {module.path.parent for module in MODULES.values()}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("name", MODULES)
def test_validation_is_not_by_assert(name: str) -> None:
    lines = [node.lineno for node in ast.walk(MODULES[name].tree) if isinstance(node, ast.Assert)]
    assert not lines, f"assert vanishes under python -O: lines {lines}"


@pytest.mark.parametrize("name", MODULES)
def test_library_does_not_print(name: str) -> None:
    lines = [
        node.lineno
        for node in ast.walk(MODULES[name].tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not lines


@pytest.mark.parametrize("name", MODULES)
def test_nothing_stored_is_executed(name: str) -> None:
    if name in MAY_PICKLE:
        return
    tree = MODULES[name].tree
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert imported & {"pickle", "marshal", "shelve", "dill"} == set()
