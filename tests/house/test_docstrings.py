"""Public things say what they are; an implementation may leave that to what it implements."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from tests.house.tree import load, modules


def public_members(kind: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod):
            yield name, getattr(kind, name)


@pytest.mark.parametrize("name", [name for name in modules() if not name.endswith("__main__")])
def test_public_methods_are_documented(name: str) -> None:
    module = load(name)
    bare = [
        f"{export}.{method}"
        for export in getattr(module, "__all__", ())
        if inspect.isclass(kind := getattr(module, export)) and kind.__module__ == name
        for method, member in public_members(kind)
        if not inspect.getdoc(member)
    ]
    assert not bare
