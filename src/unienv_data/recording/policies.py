"""What chooses the actions of a recording."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from unienv_data.errors import RecordingError
from unienv_interface.space.space import AnySpace

__all__ = ["Policy", "load_policy", "policy_name", "random_policy"]

Policy: TypeAlias = Callable[[Any, np.random.Generator], Any]
"""From an observation, and a generator that is the episode's own, to an action."""


def random_policy(space: AnySpace) -> Policy:
    """Actions drawn from the space of one action, of the NumPy backend."""

    def act(observation: Any, rng: np.random.Generator) -> Any:
        return space.sample(rng)[1]

    return act


def load_policy(policy: str | Callable[..., Any]) -> Policy:
    """The function that `module:function` names, or a function itself.

    It takes an observation and gives an action. If it has an argument called `rng`, or needs a second one,
    it is also given a NumPy generator, which is seeded anew for each episode.

    Raises:
        RecordingError: there is no such module or function, or it cannot be called so.
    """
    if not isinstance(policy, str):
        return _as_policy(policy_name(policy), policy)
    module_name, colon, path = policy.partition(":")
    if not (module_name and colon and path):
        raise RecordingError(f"policy: {policy!r} is not module:function")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as exc:  # whatever a module does while it is imported
        raise RecordingError(f"policy: {module_name} cannot be imported: {_told(exc)}") from exc
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise RecordingError(f"policy: {module_name} has no {path!r}") from None
    return _as_policy(policy, found)


def policy_name(policy: str | Callable[..., Any] | None) -> str:
    """What a policy is called in the dataset that it recorded: `module:function`, or "random" for None."""
    if policy is None or isinstance(policy, str):
        return policy or "random"
    name = getattr(policy, "__qualname__", type(policy).__qualname__)
    return f"{getattr(policy, '__module__', type(policy).__module__)}:{name}"


def _as_policy(name: str, function: Any) -> Policy:
    """`function` with the two arguments of a policy, of which it may know one."""
    if not callable(function):
        raise RecordingError(f"policy: {name} cannot be called, it is {type(function).__name__}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions do not tell
        return lambda observation, rng: function(observation)
    if "rng" in signature.parameters and _takes(signature, None, rng=None):
        return lambda observation, rng: function(observation, rng=rng)
    if _takes(signature, None):
        return lambda observation, rng: function(observation)
    if _takes(signature, None, None):
        return lambda observation, rng: function(observation, rng)
    raise RecordingError(f"policy: {name} takes {signature}, not (observation) or (observation, rng)")


def _takes(signature: inspect.Signature, *args: Any, **kwargs: Any) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _told(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
