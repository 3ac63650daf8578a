"""Wrappers: what they hand on, what they change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unienv_interface.corpus import AnyBackend, box, same
from tests.unienv_interface.env_base.worlds import CountingEnv
from unienv_interface import NumpyComputeBackend as N
from unienv_interface.env_base import ActionWrapper, ContextObservationWrapper, Wrapper
from unienv_interface.errors import EnvError

AnyWrapper = Wrapper[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]
FORWARDED = (
    "metadata",
    "render_mode",
    "render_fps",
    "backend",
    "device",
    "batch_size",
    "action_space",
    "observation_space",
    "context_space",
    "rng",
)


def test_a_wrapper_is_the_environment(backend: AnyBackend) -> None:
    plain, inner = CountingEnv(backend, 2), CountingEnv(backend, 2)
    wrapped = AnyWrapper(AnyWrapper(inner))
    for name in FORWARDED:
        assert getattr(wrapped, name) is getattr(inner, name)
    assert same(wrapped.reset(seed=1, extra=2), plain.reset(seed=1, extra=2))
    mask = backend.asarray([True, False])
    assert same(wrapped.reset(mask=mask), plain.reset(mask=mask))
    action = plain.sample_action()
    assert same(wrapped.step(action), plain.step(action))
    wrapped.step_async(action)
    assert same(wrapped.step_wait(), plain.step(action))
    assert wrapped.render() == plain.render()
    assert wrapped.unwrapped is inner
    assert wrapped.prev_wrapper_layer is wrapped.env
    assert str(wrapped) == repr(wrapped) == "<Wrapper<Wrapper<CountingEnv>>>"
    with wrapped:
        pass
    assert inner.closed == 1


@pytest.mark.parametrize("name", [name for name in FORWARDED if name != "rng"])
def test_what_is_set_on_a_wrapper_stays_there(name: str) -> None:
    inner = CountingEnv(N)
    before = getattr(inner, name)
    wrapped = AnyWrapper(inner)
    for value in (object(), None):
        setattr(wrapped, name, value)
        assert getattr(wrapped, name) is value
        assert getattr(AnyWrapper(wrapped), name) is value
    assert getattr(inner, name) is before


def test_there_is_one_generator() -> None:
    inner = CountingEnv(N)
    wrapped = AnyWrapper(AnyWrapper(inner))
    generator = N.random.random_number_generator(5)
    wrapped.rng = generator
    assert inner.rng is generator
    assert wrapped.rng is generator


def test_a_subclass_may_replace_attributes_by_properties() -> None:
    class Unbatched(AnyWrapper):
        @property
        def batch_size(self) -> None:  # type: ignore[override]
            return None

    assert Unbatched(CountingEnv(N, 1)).batch_size is None


def test_only_environments_are_wrapped() -> None:
    with pytest.raises(EnvError, match="env: Wrapper wraps an Env, got int"):
        AnyWrapper(3)  # type: ignore[arg-type]


def test_attributes_of_layers() -> None:
    inner = CountingEnv(N)
    middle = AnyWrapper(inner)
    outer = AnyWrapper(middle)
    middle.note = "middle"  # type: ignore[attr-defined]
    assert outer.has_wrapper_attr("note")
    assert outer.get_wrapper_attr("note") == "middle"
    assert outer.get_wrapper_attr("counters") is inner.counters
    outer.set_wrapper_attr("note", "changed")
    assert middle.note == "changed"  # type: ignore[attr-defined]
    assert "note" not in vars(outer)
    outer.set_wrapper_attr("closed", 7)
    assert inner.closed == 7
    assert not outer.has_wrapper_attr("nothing")
    for call in (outer.get_wrapper_attr, lambda name: outer.set_wrapper_attr(name, 1)):
        with pytest.raises(
            AttributeError, match=r"no layer of <Wrapper<Wrapper<CountingEnv>>> has .* 'nothing'"
        ):
            call("nothing")


class Doubled(ActionWrapper[Any, Any, Any, Any, Any, Any, Any, Any, Any]):
    """Actions 0 ... 4 for 0, 2 ... 8."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.action_space = box(env.backend, 0, 4, "int64", env.action_space.shape)

    def map_action(self, action: Any) -> Any:
        return action * 2


class Shifted(ContextObservationWrapper[Any, Any, Any, Any, Any, Any, Any, Any, Any, Any]):
    """Counts alone, plus 100; contexts plus 7."""

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.observation_space = box(env.backend, 0, 2000, "int64", env.observation_space["count"].shape)
        self.context_space = box(env.backend, 0, 2000, "int64", env.context_space.shape)

    def map_context(self, context: Any) -> Any:
        return context + 7

    def map_observation(self, observation: Any) -> Any:
        return observation["count"] + 100


def test_mapped_actions(backend: AnyBackend) -> None:
    plain, wrapped = CountingEnv(backend, 2), Doubled(CountingEnv(backend, 2))
    plain.reset()
    wrapped.reset()
    for _ in range(3):
        action = wrapped.sample_action()
        assert action in wrapped.action_space
        assert same(wrapped.step(action), plain.step(action * 2))
        wrapped.step_async(action)
        assert same(wrapped.step_wait(), plain.step(action * 2))
    with pytest.raises(EnvError, match="Doubled does not map"):
        wrapped.reverse_map_action(action)


def test_mapped_contexts_and_observations(backend: AnyBackend) -> None:
    plain, wrapped = CountingEnv(backend, 2), Shifted(CountingEnv(backend, 2))

    def mapped(given: Any) -> Any:
        context, observation, info = given
        return context + 7, observation["count"] + 100, info

    first = wrapped.reset(seed=1, extra=3)
    assert same(first, mapped(plain.reset(seed=1, extra=3)))
    assert first[1] in wrapped.observation_space
    mask = backend.asarray([False, True])
    fresh = wrapped.reset(mask=mask)
    assert same(fresh, mapped(plain.reset(mask=mask)))
    merged = wrapped.update_context_post_reset(first[0], fresh[0], mask)
    assert backend.to_numpy(merged).tolist() == [[7, 7], [8, 8]]
    wrapped.reset_async(mask=mask)
    assert same(wrapped.reset_wait(), mapped(plain.reset(mask=mask)))
    for _ in range(2):
        action = wrapped.sample_action()
        observation, *rest = plain.step(action)
        assert same(wrapped.step(action), (observation["count"] + 100, *rest))
        wrapped.step_async(action)
        observation, *rest = plain.step(action)
        assert same(wrapped.step_wait(), (observation["count"] + 100, *rest))
    for call in (wrapped.reverse_map_context, wrapped.reverse_map_observation):
        with pytest.raises(EnvError, match="Shifted does not map its"):
            call(first[1])


def test_unmapped_parts_are_the_environments() -> None:
    plain, wrapped = CountingEnv(N), ContextObservationWrapper(CountingEnv(N))
    assert same(wrapped.reset(), plain.reset())
    assert wrapped.observation_space == plain.observation_space
