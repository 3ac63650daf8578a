"""Environments of other libraries as ours, and ours as theirs. Each library is imported when first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_interface.wrapper.gym_compat import FromGymnasiumEnv, ToGymnasiumEnv
else:
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "FromGymnasiumEnv": "unienv_interface.wrapper.gym_compat",
            "ToGymnasiumEnv": "unienv_interface.wrapper.gym_compat",
        },
    )

__all__ = ["FromGymnasiumEnv", "ToGymnasiumEnv"]
