"""Environments: the contract, and wrappers around them."""

from __future__ import annotations

from unienv_interface.env_base.env import ActType, ContextType, Env, ObsType, RenderFrame
from unienv_interface.env_base.wrapper import ActionWrapper, ContextObservationWrapper, Wrapper

__all__ = [
    "ActType",
    "ActionWrapper",
    "ContextObservationWrapper",
    "ContextType",
    "Env",
    "ObsType",
    "RenderFrame",
    "Wrapper",
]
