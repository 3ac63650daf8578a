"""The contract of an environment: spaces, `reset`, `step`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Self, SupportsFloat, TypeAlias, TypeVar

import numpy as np

from unienv_interface.backends.base import BArrayType, BDeviceType, BDtypeType, BRNGType, ComputeBackend
from unienv_interface.errors import EnvError
from unienv_interface.space.space import AnySpace, Space
from unienv_interface.space.space_utils.batch_utils import get_at, set_at

__all__ = ["ActType", "AnyEnv", "ContextType", "Env", "ObsType", "RenderFrame"]

ContextType = TypeVar("ContextType")
ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")
RenderFrame = TypeVar("RenderFrame")


class Env(
    ABC,
    Generic[BArrayType, ContextType, ObsType, ActType, RenderFrame, BDeviceType, BDtypeType, BRNGType],
):
    """A world that is acted upon step by step: one, or a batch of `B` independent slots.

    **Batches.** Where `batch_size` is None, the spaces describe the values of one world. Where it is a
    number `B`, 1 included, they describe batches: every array has a leading axis of length `B`, and so
    have rewards, `terminated` and `truncated`. The spaces are of what is returned and accepted; nothing
    has to be batched once more.

    **Episodes.** `reset` begins them. An episode ends with the step whose `terminated` or `truncated` is
    true; that step's observation is the episode's last. No slot resets by itself: `reset(mask=...)`
    begins a new episode in the chosen ones, and leaves the others where they are.

    **Contexts** are what stays the same during an episode (a goal, a task, an instruction), and are given
    by `reset` alone.

    Attributes:
        metadata: what is known of the environment; "render_modes" lists the modes that it has.
        render_mode: how `render` renders, None where it does not.
        render_fps: frames per second of a rendering, None where nobody said.
        backend: what the arrays are made by.
        device: where they are made, None for wherever the backend makes them.
        batch_size: number of slots `B`, None for an environment without a batch axis.
        action_space: space of what `step` takes.
        observation_space: space of observations.
        context_space: space of contexts, None where there are none; contexts are None then.
        rng: the generator that `sample_action` and its like draw from.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - replaced, never changed
    render_mode: str | None = None
    render_fps: int | None = None

    backend: ComputeBackend[BArrayType, BDeviceType, BDtypeType, BRNGType]
    device: BDeviceType | None = None
    batch_size: int | None = None

    action_space: Space[ActType, BDeviceType, BDtypeType, BRNGType]
    observation_space: Space[ObsType, BDeviceType, BDtypeType, BRNGType]
    context_space: Space[ContextType, BDeviceType, BDtypeType, BRNGType] | None = None

    rng: BRNGType

    # What the first half of an asynchronous call was given, for the second.
    _pending_step: tuple[Any] | None = None
    _pending_reset: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    # -- the protocol --------------------------------------------------------------------------

    @abstractmethod
    def step(
        self, action: ActType
    ) -> tuple[
        ObsType,
        SupportsFloat | BArrayType,
        bool | BArrayType,
        bool | BArrayType,
        dict[str, Any],
    ]:
        """Act once.

        Args:
            action: a value of `action_space`.

        Returns:
            (observation, reward, terminated, truncated, info). In a batch rewards are (B,) numbers, and
            terminated and truncated are (B,) booleans.
        """

    @abstractmethod
    def reset(
        self, *, mask: BArrayType | None = None, seed: int | None = None, **kwargs: Any
    ) -> tuple[ContextType, ObsType, dict[str, Any]]:
        """Begin new episodes.

        Args:
            mask: (B,) booleans: the slots to reset; None resets all. Only for batches.
            seed: seeds the environment's randomness; None lets it go on.
            kwargs: what else the environment takes.

        Returns:
            (context, observation, info). With a mask that chooses `M` slots, context and observation
            have `M` entries, in the order of the slots; `update_observation_post_reset` puts them in
            their places.
        """

    def render(self) -> RenderFrame | Sequence[RenderFrame] | None:
        """What the environment looks like now, as `render_mode` says; None where it does not render."""
        return None

    def close(self) -> None:
        """Release what is held. May be called again."""
        return

    # -- the same in two halves ----------------------------------------------------------------

    def step_async(self, action: ActType) -> None:
        """Begin a step that `step_wait` ends. By default the latter does it all.

        Raises:
            EnvError: something begun before has not been waited for.
        """
        self._refuse_pending("step_async")
        self._pending_step = (action,)

    def step_wait(
        self,
    ) -> tuple[
        ObsType,
        SupportsFloat | BArrayType,
        bool | BArrayType,
        bool | BArrayType,
        dict[str, Any],
    ]:
        """End the step that `step_async` began; gives what `step` does.

        Raises:
            EnvError: none was begun.
        """
        if self._pending_step is None:
            raise EnvError(
                f"{type(self).__name__}.step_wait: no step was begun; call step_async(action) first"
            )
        (action,), self._pending_step = self._pending_step, None
        return self.step(action)

    def reset_async(
        self, *args: Any, mask: BArrayType | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        """Begin a reset that `reset_wait` ends. By default the latter does it all.

        Raises:
            EnvError: something begun before has not been waited for.
        """
        self._refuse_pending("reset_async")
        self._pending_reset = args, {"mask": mask, "seed": seed, **kwargs}

    def reset_wait(self) -> tuple[ContextType, ObsType, dict[str, Any]]:
        """End the reset that `reset_async` began; gives what `reset` does.

        Raises:
            EnvError: none was begun.
        """
        if self._pending_reset is None:
            raise EnvError(f"{type(self).__name__}.reset_wait: no reset was begun; call reset_async() first")
        (args, kwargs), self._pending_reset = self._pending_reset, None
        return self.reset(*args, **kwargs)

    def _refuse_pending(self, call: str) -> None:
        for name, pending in (("step", self._pending_step), ("reset", self._pending_reset)):
            if pending is not None:
                raise EnvError(
                    f"{type(self).__name__}.{call}: a {name} is under way; call {name}_wait() first"
                )

    # -- convenience ---------------------------------------------------------------------------

    def sample_space(self, space: AnySpace) -> Any:
        """Draw a value of `space` from `rng`, which moves on."""
        self.rng, value = space.sample(self.rng)
        return value

    def sample_action(self) -> ActType:
        """Draw an action."""
        action: ActType = self.sample_space(self.action_space)
        return action

    def sample_observation(self) -> ObsType:
        """Draw a value of the observations' space; no state of the world need look like it."""
        observation: ObsType = self.sample_space(self.observation_space)
        return observation

    def sample_context(self) -> ContextType | None:
        """Draw a context, None where there are none."""
        if self.context_space is None:
            return None
        context: ContextType = self.sample_space(self.context_space)
        return context

    def update_observation_post_reset(
        self, old_obs: ObsType, newobs_masked: ObsType, mask: BArrayType
    ) -> ObsType:
        """The observation of all slots after a masked reset; `old_obs` stays as it is.

        Args:
            old_obs: observation of all `B` slots from before.
            newobs_masked: what `reset(mask=mask)` gave, of `M` slots.
            mask: (B,) booleans, `M` of them true.

        Raises:
            EnvError: the environment is no batch.
            SpaceValueError: the values do not fit each other.
        """
        merged: ObsType = self._merge(self.observation_space, old_obs, newobs_masked, mask)
        return merged

    def update_context_post_reset(
        self, old_context: ContextType, new_context: ContextType, mask: BArrayType
    ) -> ContextType:
        """The context of all slots after a masked reset, as `update_observation_post_reset`.

        Raises:
            EnvError: the environment is no batch.
            SpaceValueError: the values do not fit each other.
        """
        if self.context_space is None:
            return old_context
        merged: ContextType = self._merge(self.context_space, old_context, new_context, mask)
        return merged

    def _merge(self, space: AnySpace, old: Any, new: Any, mask: BArrayType) -> Any:
        if self.batch_size is None:
            raise EnvError(
                f"{type(self).__name__} has no slots that a mask could choose: its batch_size is None"
            )
        # set_at writes into what it is given; taking every row by number makes a copy to write into.
        return set_at(space, get_at(space, old, np.arange(self.batch_size)), mask, new)

    # -- layers --------------------------------------------------------------------------------

    @property
    def unwrapped(self) -> AnyEnv:
        """The environment beneath all wrappers."""
        return self

    @property
    def prev_wrapper_layer(self) -> AnyEnv | None:
        """The environment that this one wraps, None where it wraps none."""
        return None

    def has_wrapper_attr(self, name: str) -> bool:
        """Whether this layer, or one beneath, has the attribute."""
        return hasattr(self, name)

    def get_wrapper_attr(self, name: str) -> Any:
        """The attribute, of the first layer that has it.

        Raises:
            AttributeError: none has.
        """
        return getattr(self, name)

    def set_wrapper_attr(self, name: str, value: Any) -> None:
        """Set the attribute, on the first layer that has it.

        Raises:
            AttributeError: there are several layers, and none has it.
        """
        setattr(self, name, value)

    def __str__(self) -> str:
        return f"<{type(self).__name__}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


AnyEnv: TypeAlias = Env[Any, Any, Any, Any, Any, Any, Any, Any]
