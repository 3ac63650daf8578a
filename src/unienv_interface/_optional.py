"""Optional dependencies, imported when first needed."""

from __future__ import annotations

import importlib
from types import ModuleType

from unienv_interface.errors import MissingDependencyError

__all__ = ["import_optional"]


def import_optional(module: str, *, extra: str) -> ModuleType:
    """Import `module`, which the extra `extra` of this distribution installs.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        # A module missing inside an installed package is that package's fault: let it show.
        if exc.name is not None and (module == exc.name or module.startswith(exc.name + ".")):
            raise MissingDependencyError(module, extra) from exc
        raise
