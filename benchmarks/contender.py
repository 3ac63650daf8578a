"""What it takes to be measured."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from abc import ABC
from typing import ClassVar


class Contender(ABC):
    """A way to do what a suite measures, with the library that does it."""

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]] = ()
    """What must be importable for it to take part."""
    distribution: ClassVar[str]
    """Whose version is written beside its figures."""
    settings: ClassVar[str] = "defaults"
    """What was set that matters to speed."""

    @classmethod
    def is_available(cls) -> bool:
        """Whether its libraries are installed."""
        return all(importlib.util.find_spec(module) is not None for module in cls.modules)

    @classmethod
    def version(cls) -> str:
        """The version of its library."""
        return importlib.metadata.version(cls.distribution)

    def close(self) -> None:
        """Give back what was taken."""
        return
