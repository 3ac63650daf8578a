"""Conversions of foreign recordings: planned first, then run. Names load when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.conversion.export import ExportPlan, plan_export, run_export
    from unienv_data.conversion.options import ConversionOptions
    from unienv_data.conversion.plan import ConversionPlan, PlannedColumn, plan_conversion
    from unienv_data.conversion.run import Conversion, SkippedEpisode, run_conversion
    from unienv_data.conversion.verifying import (
        Verification,
        require_readable,
        verify_conversion,
        verify_export,
    )

__all__ = [
    "Conversion",
    "ConversionOptions",
    "ConversionPlan",
    "ExportPlan",
    "PlannedColumn",
    "SkippedEpisode",
    "Verification",
    "plan_conversion",
    "plan_export",
    "require_readable",
    "run_conversion",
    "run_export",
    "verify_conversion",
    "verify_export",
]

_EXPORT = "unienv_data.conversion.export"
_PLAN = "unienv_data.conversion.plan"
_RUN = "unienv_data.conversion.run"
_VERIFYING = "unienv_data.conversion.verifying"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "Conversion": _RUN,
        "ConversionOptions": "unienv_data.conversion.options",
        "ConversionPlan": _PLAN,
        "ExportPlan": _EXPORT,
        "PlannedColumn": _PLAN,
        "SkippedEpisode": _RUN,
        "plan_conversion": _PLAN,
        "plan_export": _EXPORT,
        "run_conversion": _RUN,
        "run_export": _EXPORT,
        "Verification": _VERIFYING,
        "require_readable": _VERIFYING,
        "verify_conversion": _VERIFYING,
        "verify_export": _VERIFYING,
    },
)
