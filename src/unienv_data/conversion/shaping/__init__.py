"""Sources as somebody wants them: renamed, cast, resized, and what was observed last given a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.conversion.shaping.opening import open_shaped
    from unienv_data.conversion.shaping.reader import Shaped
    from unienv_data.conversion.shaping.rules import ShapingRules

__all__ = ["Shaped", "ShapingRules", "open_shaped"]

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "Shaped": "unienv_data.conversion.shaping.reader",
        "ShapingRules": "unienv_data.conversion.shaping.rules",
        "open_shaped": "unienv_data.conversion.shaping.opening",
    },
)
