"""Contexts as parts of observations, for libraries that have no contexts."""

from __future__ import annotations

from typing import Any

from unienv_interface.errors import SpaceError
from unienv_interface.space.space import AnySpace
from unienv_interface.space.spaces import DictSpace

__all__ = ["combined_observation", "combined_space"]


def combined_space(context: AnySpace | None, observation: AnySpace) -> AnySpace:
    """The space of observations with their contexts.

    Without contexts that is the observations' own. The keys of those of the two that are Dict spaces stand
    side by side; what is none stands under "context" or "observation".

    Raises:
        SpaceError: a key would stand for two things.
    """
    if context is None:
        return observation
    first = context.spaces if isinstance(context, DictSpace) else {"context": context}
    second = observation.spaces if isinstance(observation, DictSpace) else {"observation": observation}
    shared = sorted(first.keys() & second.keys())
    if shared:
        raise SpaceError(f"contexts and observations both have the keys {shared}; rename them in one")
    return DictSpace(observation.backend, {**first, **second}, device=observation.device)


def combined_observation(context: Any, observation: Any, space: AnySpace) -> Any:
    """An observation with its context, as a value of `space`, which `combined_space` gave."""
    if not isinstance(space, DictSpace) or context is None:
        return observation
    first = context if isinstance(context, dict) else {"context": context}
    second = observation if isinstance(observation, dict) else {"observation": observation}
    return {**first, **second}
