"""What a conversion wrote, read again beside its source, and compared value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.conversion.verifying.verify import (
        Verification,
        require_readable,
        verify_conversion,
        verify_export,
    )

__all__ = ["Verification", "require_readable", "verify_conversion", "verify_export"]

_VERIFY = "unienv_data.conversion.verifying.verify"

__getattr__, __dir__ = lazy_exports(globals(), {name: _VERIFY for name in __all__})
