"""Gymnasium's environments as ours, and ours as Gymnasium's. Importing this module imports gymnasium."""

from __future__ import annotations

from unienv_interface.wrapper.from_gymnasium import FromGymnasiumEnv
from unienv_interface.wrapper.to_gymnasium import ToGymnasiumEnv
from unienv_interface.wrapper.to_gymnasium_vector import ToGymnasiumVectorEnv

__all__ = ["FromGymnasiumEnv", "ToGymnasiumEnv", "ToGymnasiumVectorEnv"]
