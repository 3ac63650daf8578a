"""What a module exports: a sorted `__all__` that names what is there."""

from __future__ import annotations

import ast

import pytest

from tests.house.tree import PACKAGES, load, modules

MODULES = modules()
#: Run, not imported.
COMMANDS = ("unienv_data.__main__",)


def has_public_definitions(tree: ast.Module) -> bool:
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return any(not name.startswith("_") for name in names)


def isort_order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in COMMANDS])
def test_all_is_sorted_and_true(name: str) -> None:
    module = load(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        assert not has_public_definitions(MODULES[name].tree), f"{name} needs an __all__"
        return
    assert list(exported) == sorted(set(exported), key=isort_order)
    missing = [export for export in exported if not hasattr(module, export)]
    assert not missing


@pytest.mark.parametrize("name", PACKAGES)
def test_facade_lists_and_types_what_it_loads_lazily(name: str) -> None:
    module = load(name)
    assert set(module.__all__) <= set(dir(module))
    typed = {
        alias.asname or alias.name
        for node in ast.walk(MODULES[name].tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(module.__all__) <= typed


@pytest.mark.parametrize("name", PACKAGES)
def test_facade_refuses_other_names(name: str) -> None:
    module = load(name)
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = module.no_such_name
