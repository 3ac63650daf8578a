"""Wrappers: an environment seen through something that changes a part of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, SupportsFloat, TypeVar

from unienv_interface.backends.base import ArrayAPIArray, BArrayType, BDeviceType, BDtypeType, BRNGType
from unienv_interface.env_base.env import ActType, AnyEnv, ContextType, Env, ObsType, RenderFrame
from unienv_interface.errors import EnvError

__all__ = ["ActionWrapper", "ContextObservationWrapper", "Wrapper"]

WrapperBArrayT = TypeVar("WrapperBArrayT", bound=ArrayAPIArray)
WrapperContextT = TypeVar("WrapperContextT")
WrapperObsT = TypeVar("WrapperObsT")
WrapperActT = TypeVar("WrapperActT")
WrapperRenderFrame = TypeVar("WrapperRenderFrame")
WrapperBDeviceT = TypeVar("WrapperBDeviceT")
WrapperBDtypeT = TypeVar("WrapperBDtypeT")
WrapperBRngT = TypeVar("WrapperBRngT")


class _OfEnv:
    """An attribute that is the wrapped environment's until it is set on the wrapper."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, wrapper: Any, owner: type) -> Any:
        if wrapper is None:
            return self
        overrides = wrapper.__dict__
        return overrides[self.name] if self.name in overrides else getattr(wrapper.env, self.name)

    def __set__(self, wrapper: Any, value: Any) -> None:
        wrapper.__dict__[self.name] = value


class _SharedWithEnv(_OfEnv):
    """An attribute that is the wrapped environment's, and is set there: there is one for all layers."""

    def __set__(self, wrapper: Any, value: Any) -> None:
        setattr(wrapper.env, self.name, value)


class Wrapper(
    Env[
        WrapperBArrayT,
        WrapperContextT,
        WrapperObsT,
        WrapperActT,
        WrapperRenderFrame,
        WrapperBDeviceT,
        WrapperBDtypeT,
        WrapperBRngT,
    ],
    Generic[
        WrapperBArrayT,
        WrapperContextT,
        WrapperObsT,
        WrapperActT,
        WrapperRenderFrame,
        WrapperBDeviceT,
        WrapperBDtypeT,
        WrapperBRngT,
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
):
    """An environment that is another one until a subclass overrides something.

    Attributes (spaces, metadata, backend ...) are those of `env`; setting one on the wrapper changes what
    the wrapper shows and leaves `env` alone. Only `rng` is shared, so that no layer draws the same numbers
    twice. The spaces of a batch have their batch axis already: a wrapper that replaces one gives a space
    with that axis.

    The asynchronous halves of `step` and `reset` do what the wrapper's own `step` and `reset` do, so a
    subclass that overrides these is right by itself. One that wants the work done between the halves
    overrides these too.

    Args:
        env: the environment to wrap.

    Raises:
        EnvError: it is none.
    """

    if not TYPE_CHECKING:  # the types are those that Env declares
        metadata = _OfEnv()
        render_mode = _OfEnv()
        render_fps = _OfEnv()
        backend = _OfEnv()
        device = _OfEnv()
        batch_size = _OfEnv()
        action_space = _OfEnv()
        observation_space = _OfEnv()
        context_space = _OfEnv()
        rng = _SharedWithEnv()

    def __init__(
        self,
        env: Env[BArrayType, ContextType, ObsType, ActType, RenderFrame, BDeviceType, BDtypeType, BRNGType],
    ) -> None:
        if not isinstance(env, Env):
            raise EnvError(f"env: {type(self).__name__} wraps an Env, got {type(env).__name__}")
        self.env = env

    # The layer below may have other types; a subclass that changes them overrides what deals in them.

    def step(
        self, action: WrapperActT
    ) -> tuple[
        WrapperObsT,
        SupportsFloat | WrapperBArrayT,
        bool | WrapperBArrayT,
        bool | WrapperBArrayT,
        dict[str, Any],
    ]:
        env: AnyEnv = self.env
        return env.step(action)

    def reset(
        self,
        *args: Any,
        mask: WrapperBArrayT | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> tuple[WrapperContextT, WrapperObsT, dict[str, Any]]:
        env: AnyEnv = self.env
        return env.reset(*args, mask=mask, seed=seed, **kwargs)

    def render(self) -> WrapperRenderFrame | Sequence[WrapperRenderFrame] | None:
        env: AnyEnv = self.env
        return env.render()

    def close(self) -> None:
        self.env.close()

    @property
    def unwrapped(self) -> AnyEnv:
        return self.env.unwrapped

    @property
    def prev_wrapper_layer(self) -> AnyEnv | None:
        return self.env

    def has_wrapper_attr(self, name: str) -> bool:
        return hasattr(self, name) or self.env.has_wrapper_attr(name)

    def get_wrapper_attr(self, name: str) -> Any:
        if hasattr(self, name):
            return getattr(self, name)
        try:
            return self.env.get_wrapper_attr(name)
        except AttributeError:
            raise AttributeError(f"no layer of {self} has an attribute {name!r}") from None

    def set_wrapper_attr(self, name: str, value: Any) -> None:
        if hasattr(self, name):
            setattr(self, name, value)
        elif self.env.has_wrapper_attr(name):
            self.env.set_wrapper_attr(name, value)
        else:
            raise AttributeError(f"no layer of {self} has an attribute {name!r}")

    def __str__(self) -> str:
        return f"<{type(self).__name__}{self.env}>"

    def __repr__(self) -> str:
        return str(self)


class ActionWrapper(
    Wrapper[
        BArrayType,
        ContextType,
        ObsType,
        WrapperActT,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
    Generic[
        WrapperActT,
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
):
    """An environment that takes other actions; a subclass sets `action_space` and maps them."""

    @abstractmethod
    def map_action(self, action: WrapperActT) -> ActType:
        """An action of the wrapper as one of the environment."""

    def reverse_map_action(self, action: ActType) -> WrapperActT:
        """An action of the environment as one of the wrapper.

        Raises:
            EnvError: this wrapper has no way back.
        """
        raise EnvError(f"{type(self).__name__} does not map the environment's actions back")

    def step(
        self, action: WrapperActT
    ) -> tuple[ObsType, SupportsFloat | BArrayType, bool | BArrayType, bool | BArrayType, dict[str, Any]]:
        return self.env.step(self.map_action(action))

    def step_async(self, action: WrapperActT) -> None:
        self.env.step_async(self.map_action(action))

    def step_wait(
        self,
    ) -> tuple[ObsType, SupportsFloat | BArrayType, bool | BArrayType, bool | BArrayType, dict[str, Any]]:
        return self.env.step_wait()


class ContextObservationWrapper(
    Wrapper[
        BArrayType,
        WrapperContextT,
        WrapperObsT,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
    Generic[
        WrapperContextT,
        WrapperObsT,
        BArrayType,
        ContextType,
        ObsType,
        ActType,
        RenderFrame,
        BDeviceType,
        BDtypeType,
        BRNGType,
    ],
):
    """An environment that gives other contexts and observations; a subclass sets the spaces and maps them.

    After a masked reset, what is mapped has as many entries as slots were reset.
    """

    def map_context(self, context: ContextType) -> WrapperContextT:
        """A context of the environment as one of the wrapper; by default itself."""
        mapped: Any = context
        result: WrapperContextT = mapped
        return result

    def reverse_map_context(self, context: WrapperContextT) -> ContextType:
        """A context of the wrapper as one of the environment.

        Raises:
            EnvError: this wrapper has no way back.
        """
        raise EnvError(f"{type(self).__name__} does not map its contexts back")

    def map_observation(self, observation: ObsType) -> WrapperObsT:
        """An observation of the environment as one of the wrapper; by default itself."""
        mapped: Any = observation
        result: WrapperObsT = mapped
        return result

    def reverse_map_observation(self, observation: WrapperObsT) -> ObsType:
        """An observation of the wrapper as one of the environment.

        Raises:
            EnvError: this wrapper has no way back.
        """
        raise EnvError(f"{type(self).__name__} does not map its observations back")

    def step(
        self, action: ActType
    ) -> tuple[WrapperObsT, SupportsFloat | BArrayType, bool | BArrayType, bool | BArrayType, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self.map_observation(observation), reward, terminated, truncated, info

    def reset(
        self,
        *args: Any,
        mask: BArrayType | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> tuple[WrapperContextT, WrapperObsT, dict[str, Any]]:
        context, observation, info = self.env.reset(*args, mask=mask, seed=seed, **kwargs)
        return self.map_context(context), self.map_observation(observation), info

    def step_async(self, action: ActType) -> None:
        self.env.step_async(action)

    def step_wait(
        self,
    ) -> tuple[WrapperObsT, SupportsFloat | BArrayType, bool | BArrayType, bool | BArrayType, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step_wait()
        return self.map_observation(observation), reward, terminated, truncated, info

    def reset_async(
        self,
        *args: Any,
        mask: BArrayType | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.env.reset_async(*args, mask=mask, seed=seed, **kwargs)

    def reset_wait(self) -> tuple[WrapperContextT, WrapperObsT, dict[str, Any]]:
        context, observation, info = self.env.reset_wait()
        return self.map_context(context), self.map_observation(observation), info
