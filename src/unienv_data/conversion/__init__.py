"""Conversions of foreign recordings: planned first, then run. Names load when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.conversion.options import ConversionOptions
    from unienv_data.conversion.plan import ConversionPlan, PlannedColumn, plan_conversion
    from unienv_data.conversion.run import Conversion, run_conversion

__all__ = [
    "Conversion",
    "ConversionOptions",
    "ConversionPlan",
    "PlannedColumn",
    "plan_conversion",
    "run_conversion",
]

_PLAN = "unienv_data.conversion.plan"
_RUN = "unienv_data.conversion.run"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "Conversion": _RUN,
        "ConversionOptions": "unienv_data.conversion.options",
        "ConversionPlan": _PLAN,
        "PlannedColumn": _PLAN,
        "plan_conversion": _PLAN,
        "run_conversion": _RUN,
    },
)
