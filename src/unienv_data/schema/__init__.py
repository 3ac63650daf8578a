"""JSON documents of datasets and spaces: their schemas, and the frozen values that they describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.schema.validation import load_schema, validate

__all__ = ["load_schema", "validate"]

_VALIDATION = "unienv_data.schema.validation"

__getattr__, __dir__ = lazy_exports(globals(), {"load_schema": _VALIDATION, "validate": _VALIDATION})
