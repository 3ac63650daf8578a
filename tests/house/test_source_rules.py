"""Rules of the source that no linter of ours knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.tree import ROOT, modules

MODULES = modules()
MOST_LINES = 400
#: What passes between the processes of one program is pickled, and never stored.
MAY_PICKLE = ("unienv_data.workers.parcels",)


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Every node of every module, and where it is."""
    for name, module in MODULES.items():
        for node in ast.walk(module.tree):
            yield f"{name}:{getattr(node, 'lineno', 0)}", node


def test_files_hold_one_concept() -> None:
    folders = ("src", "tests", "examples", "benchmarks", "scripts")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > len(MODULES)
    lines = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8").count("\n") for path in paths}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_folders_are_packages() -> None:
    folders = {module.path.parent for module in MODULES.values()}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_validation_is_not_by_assert() -> None:
    """It vanishes under python -O."""
    assert [where for where, node in nodes() if isinstance(node, ast.Assert)] == []


def test_library_does_not_print() -> None:
    calls = [(where, node.func) for where, node in nodes() if isinstance(node, ast.Call)]
    assert [where for where, called in calls if isinstance(called, ast.Name) and called.id == "print"] == []


def test_nothing_stored_is_executed() -> None:
    executing = {"pickle", "marshal", "shelve", "dill"}
    found = []
    for where, node in nodes():
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if where.partition(":")[0] not in MAY_PICKLE:
            found += [f"{where} imports {name}" for name in names if name in executing]
    assert found == []
