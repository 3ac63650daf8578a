"""Small worlds whose every step can be told in advance."""

from __future__ import annotations

from typing import Any

from tests.unienv_interface.corpus import AnyBackend, box
from unienv_interface.env_base import Env
from unienv_interface.errors import EnvError
from unienv_interface.space import DictSpace, TextSpace
from unienv_interface.space.space_utils.batch_utils import batch_space, concatenate, iterate

AnyEnv = Env[Any, Any, Any, Any, Any, Any, Any, Any]


class Counter:
    """What one slot does: it counts its actions and its episodes."""

    def __init__(self, slot: int, length: int) -> None:
        self.slot, self.length, self.episode, self.steps, self.total = slot, length, -1, 0, 0

    def reset(self) -> None:
        self.episode, self.steps, self.total = self.episode + 1, 0, 0

    def step(self, action: int) -> tuple[float, bool]:
        self.steps, self.total = self.steps + 1, self.total + action
        return float(action), self.steps == self.length

    def observation(self) -> dict[str, Any]:
        return {"count": [self.steps, self.total], "said": f"step {self.steps}"}

    def context(self) -> list[int]:
        return [self.slot, self.episode]


class CountingEnv(AnyEnv):
    """A world of counters: one without a batch axis, or `B` slots whose episodes take 2, 3, ... steps."""

    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012 - as in Gymnasium
    render_mode = "ansi"

    def __init__(self, backend: AnyBackend, batch_size: int | None = None, length: int = 2) -> None:
        self.backend = backend
        self.batch_size = batch_size
        self.counters = [Counter(slot, length + slot) for slot in range(batch_size or 1)]
        self.single_observation = DictSpace(
            backend,
            {
                "count": box(backend, 0, 1000, "int64", (2,)),
                "said": TextSpace(backend, 20, charset=" 0123456789epst"),
            },
        )
        self.single_action = box(backend, 0, 9, "int64", ())
        self.single_context = box(backend, 0, 1000, "int64", (2,))
        self.observation_space = self._of(self.single_observation)
        self.action_space = self._of(self.single_action)
        self.context_space = self._of(self.single_context)
        self.rng = backend.random.random_number_generator(0)
        self.closed = 0

    def _of(self, space: Any) -> Any:
        return space if self.batch_size is None else batch_space(space, self.batch_size)

    def _value(self, space: Any, values: list[Any]) -> Any:
        if self.batch_size is None:
            return space.coerce(values[0])
        return concatenate(space, [space.coerce(value) for value in values])

    def _array(self, values: list[Any], dtype: Any) -> Any:
        return values[0] if self.batch_size is None else self.backend.asarray(values, dtype=dtype)

    def reset(self, *, mask: Any = None, seed: int | None = None, **kwargs: Any) -> Any:
        if mask is not None and self.batch_size is None:
            raise EnvError("no mask here")
        chosen = self.counters
        if mask is not None:
            chosen = [one for one, wanted in zip(self.counters, mask, strict=True) if bool(wanted)]
        for counter in chosen:
            counter.episode = counter.episode if seed is None else -1
            counter.reset()
        context = self._value(self.single_context, [one.context() for one in chosen])
        observation = self._value(self.single_observation, [one.observation() for one in chosen])
        return context, observation, {"reset": len(chosen), **kwargs}

    def step(self, action: Any) -> Any:
        actions = [action] if self.batch_size is None else list(iterate(self.action_space, action))
        given = [counter.step(int(one)) for counter, one in zip(self.counters, actions, strict=True)]
        rewards, ends = [reward for reward, _ in given], [end for _, end in given]
        return (
            self._value(self.single_observation, [one.observation() for one in self.counters]),
            self._array(rewards, self.backend.default_floating_dtype),
            self._array(ends, self.backend.default_boolean_dtype),
            self._array([False] * len(ends), self.backend.default_boolean_dtype),
            {},
        )

    def render(self) -> Any:
        return " ".join(str(counter.total) for counter in self.counters)

    def close(self) -> None:
        self.closed += 1
