"""Façades whose names are imported when first asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(
    namespace: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package that exports names from modules below it.

    Args:
        namespace: the package's `globals()`, which remember what has been loaded.
        homes: exported name -> the module that defines it.

    Example:
        >>> namespace = {"__name__": "package"}
        >>> get, _ = lazy_exports(namespace, {"OrderedDict": "collections"})
        >>> get("OrderedDict")
        <class 'collections.OrderedDict'>
        >>> "OrderedDict" in namespace
        True
    """

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        value = namespace[name] = getattr(importlib.import_module(home), name)
        return value

    def list_names() -> list[str]:
        return sorted({*namespace, *homes})

    return get, list_names
