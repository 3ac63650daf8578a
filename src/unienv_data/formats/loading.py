"""Classes that are registered by name: built-in ones, and those of other distributions by entry points."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from typing import Any, TypeVar

from unienv_data.errors import ConversionError

__all__ = ["load_class", "other_points"]

T = TypeVar("T")


def other_points(found: Iterable[EntryPoint], built_in: Mapping[str, str]) -> dict[str, EntryPoint]:
    """The entry points by name, of several for a name the first; a built-in name cannot be taken over."""
    ordered = sorted(found, key=lambda point: (point.name, point.value))
    return {point.name: point for point in reversed(ordered) if point.name not in built_in}


def load_class(
    name: str, built_in: Mapping[str, str], others: Mapping[str, EntryPoint], expected: type[T]
) -> type[T] | None:
    """The class that is registered under `name`; None where there is none.

    Args:
        name: as users give it.
        built_in: name -> `module:class`.
        others: name -> entry point.
        expected: what the class must be derived from.

    Raises:
        ConversionError: what another distribution registered cannot be loaded, or is something else.
    """
    found: Any
    if name in built_in:
        module, _, attribute = built_in[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
    elif name in others:
        try:
            found = others[name].load()
        except (ImportError, AttributeError) as exc:
            raise ConversionError(
                f"the format {name} ({others[name].value}) cannot be loaded: {exc}"
            ) from exc
    else:
        return None
    if not (isinstance(found, type) and issubclass(found, expected)):
        raise ConversionError(
            f"the format {name} is registered as {found!r}, which is not a {expected.__name__}"
        )
    return found
