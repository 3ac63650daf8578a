"""What becomes a row of a buffer, out of what is known of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from unienv_data.replay_buffer.collecting.canonical import KEYS, CanonicalParts, Field, Step
from unienv_interface.backends.base import AnyBackend
from unienv_interface.env_base.env import AnyEnv
from unienv_interface.errors import SpaceError, SpaceValueError
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace
from unienv_interface.space.space import AnySpace
from unienv_interface.space.space_utils.batch_utils import batch_space, get_at
from unienv_interface.transformations import DataTransformation

__all__ = ["TransitionBuilder", "builder_of"]


_NOTHING = Step(*[None] * 8)


class TransitionBuilder(ABC):
    """Makes transitions, the rows of a buffer, of steps.

    Attributes:
        is_per_slot: whether transitions are built slot by slot, by `build_slot`; otherwise `build` gives
            those of all slots as one batch.
        constants: members of the batch, by key, that are the same at every step.
        given: keys of which the batch has what the step has, as it is.
        is_whole: whether the batch is sure to be a dict that has the keys of the space.
        fields: where the members that are not constant stand in a step; None where one has to be made.
    """

    is_per_slot: bool = False
    constants: Mapping[str, Any] = MappingProxyType({})
    given: frozenset[str] = frozenset()
    is_whole: bool = False
    fields: Mapping[str, Field] | None = None

    @abstractmethod
    def build(self, step: Step) -> Any:
        """The transition of each slot, as one batch; the one transition where there is no batch axis."""

    def build_slot(self, step: Step, slot: int) -> Any:
        """The transition of one slot."""
        raise SpaceError(f"{type(self).__name__} builds the transitions of all slots at once")


def builder_of(given: Any, env: AnyEnv, space: AnySpace, *, per_env: bool) -> TransitionBuilder:
    """The builder that a user means.

    Args:
        given: a callable, a DataTransformation, or None for the buffer's own keys.
        env: the environment.
        space: the space of a row.
        per_env: whether each slot has a buffer of its own.

    Raises:
        SpaceError: the buffer asks for what is not known of a transition, or `given` is no builder.
    """
    if given is None:
        return _ByKeys(env, space)
    if isinstance(given, DataTransformation):
        return _Transformed(given, env, space)
    if callable(given):
        return _Called(given, env, space, per_slot=per_env and env.batch_size is not None)
    raise SpaceError(
        f"transition_builder: expected a callable, a DataTransformation or None, got {type(given).__name__}"
    )


class _ByKeys(TransitionBuilder):
    """The parts that the buffer's dictionary has."""

    is_whole = True

    def __init__(self, env: AnyEnv, space: AnySpace) -> None:
        if not isinstance(space, DictSpace):
            raise SpaceError(
                f"replay_buffers: expected rows of a DictSpace with keys among {', '.join(KEYS)}, got "
                f"{space}; give a transition_builder that makes such rows"
            )
        parts = CanonicalParts(env, space.backend, space.device)
        unknown = [key for key in space.spaces if key not in parts.spaces]
        if unknown:
            why = (
                ""
                if env.context_space is not None or "context" not in unknown
                else ("; the environment has no contexts")
            )
            raise SpaceError(
                f"replay_buffers: rows have {', '.join(map(repr, unknown))}, but of a transition are known "
                f"{', '.join(parts.spaces)}{why}; give a transition_builder that makes such rows"
            )
        self._getters = [(key, self._getter(parts, key, member)) for key, member in space.spaces.items()]
        if "env_index" in space.spaces:
            self.constants = {"env_index": dict(self._getters)["env_index"](_NOTHING)}
        self.given = frozenset(parts.given & space.spaces.keys())
        fields = {
            key: parts.field(key, _floating(member))
            for key, member in space.spaces.items()
            if key not in self.constants
        }
        self.fields = {key: field for key, field in fields.items() if field is not None}
        if len(self.fields) < len(fields):
            self.fields = None

    def _getter(self, parts: CanonicalParts, key: str, space: AnySpace) -> Callable[[Step], Any]:
        if key in ("obs", "next_obs", "action", "context"):
            return parts.getter(key)
        get = parts.getter(key, _floating(space))
        if isinstance(space, BoxSpace | BinarySpace) and space.shape and prod(space.shape) == 1:
            get = _reshaped(get, space.backend, (*parts.batch, *space.shape))  # a step of (B,) as (B, 1)
        if key == "env_index":
            get = _constant(get, space, parts)
        return get

    def build(self, step: Step) -> dict[str, Any]:
        return {key: get(step) for key, get in self._getters}


def _floating(space: AnySpace) -> Any:
    """The type of a space of floating numbers; None of others."""
    is_floating = isinstance(space, BoxSpace) and space.backend.dtype_is_real_floating(space.dtype)
    return space.dtype if is_floating else None


def _reshaped(
    get: Callable[[Step], Any], backend: AnyBackend, shape: tuple[int, ...]
) -> Callable[[Step], Any]:
    return lambda step: backend.reshape(get(step), shape)


def _constant(get: Callable[[Step], Any], space: AnySpace, parts: CanonicalParts) -> Callable[[Step], Any]:
    """The numbers of the slots in the form in which the buffer wants them."""
    wanted = batch_space(space, *parts.batch) if parts.batch else space
    try:
        numbers = wanted.coerce(get(_NOTHING), path="env_index")
    except SpaceValueError as exc:
        raise SpaceError(f"replay_buffers: rows cannot hold the number of every slot: {exc}") from exc
    return lambda step: numbers


class _Called(TransitionBuilder):
    """What a user's function makes, of a batch, or of each slot."""

    def __init__(self, function: Callable[..., Any], env: AnyEnv, space: AnySpace, *, per_slot: bool) -> None:
        self._function, self._env, self._space = function, env, space
        self.is_per_slot = per_slot

    def build(self, step: Step) -> Any:
        return self._call(step)

    def build_slot(self, step: Step, slot: int) -> Any:
        env = self._env
        context = step.context
        if env.context_space is not None:
            context = get_at(env.context_space, context, slot)
        return self._call(
            Step(
                get_at(env.observation_space, step.obs, slot),
                context,
                get_at(env.action_space, step.action, slot),
                get_at(env.observation_space, step.next_obs, slot),
                step.reward[slot],
                step.terminated[slot],
                step.truncated[slot],
                slot,
            )
        )

    def _call(self, step: Step) -> Any:
        return self._function(
            cached_obs=step.obs,
            cached_context=step.context,
            action=step.action,
            next_obs=step.next_obs,
            reward=step.reward,
            terminated=step.terminated,
            truncated=step.truncated,
            env_index=step.env_index,
            rb_single_space=self._space,
        )


class _Transformed(TransitionBuilder):
    """What a transformation makes of everything that is known."""

    def __init__(self, transformation: DataTransformation, env: AnyEnv, space: AnySpace) -> None:
        parts = CanonicalParts(env, space.backend, space.device)
        self._transformation = transformation
        self._source = DictSpace(space.backend, parts.spaces)
        self._getters = [(key, parts.getter(key)) for key in self._source.spaces]
        target = transformation.get_target_space_from_source(self._source)
        wanted = batch_space(space, *parts.batch) if parts.batch else space
        if _form(target) != _form(wanted):
            raise SpaceError(
                f"transition_builder: expected transitions of the form {wanted}, as the replay buffers have "
                f"it, got {target}"
            )

    def build(self, step: Step) -> Any:
        return self._transformation.transform(self._source, {key: get(step) for key, get in self._getters})


def _form(space: AnySpace, path: str = "") -> set[tuple[str, Any]]:
    """Where a space has arrays of which shape; types and bounds are looked at when rows are written."""
    return set(_leaves(space, path))


def _leaves(space: AnySpace, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(space, DictSpace):
        for key, member in space.spaces.items():
            yield from _leaves(member, f"{path}/{key}")
    else:
        yield path, tuple(space.shape or ()) if isinstance(space, BoxSpace | BinarySpace) else type(space)


def slot_numbers(env: AnyEnv) -> Any:
    """(B,) integers of the environment's backend: the numbers of the slots; None without a batch axis."""
    if env.batch_size is None:
        return None
    return env.backend.from_numpy(
        np.arange(env.batch_size), dtype=env.backend.default_integer_dtype, device=env.device
    )
