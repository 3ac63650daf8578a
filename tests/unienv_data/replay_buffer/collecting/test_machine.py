"""Random programs of steps, ends, masked resets, looks and swaps, against lists of transitions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conftest import requires_torch
from tests.unienv_data.replay_buffer.collecting.model import Model, recovered
from tests.unienv_data.replay_buffer.collecting.worlds import CountingWorld, new_buffer, rows_of
from unienv_data import ReplayBuffer, ReplayBufferCollectionWrapper
from unienv_interface.backends import load_backend
from unienv_interface.errors import EnvError

ENDS = st.dictionaries(st.integers(0, 3), st.sampled_from(["terminated", "truncated"]), max_size=2)


class CollectingMachine(RuleBasedStateMachine):
    """A world of 1 to 4 slots, or without a batch axis, in either mode."""

    backend: ClassVar[Any] = load_backend("numpy")
    on_disk: ClassVar[bool] = False

    @initialize(slots=st.none() | st.integers(1, 4), per_env=st.booleans(), text=st.booleans())
    def begin(self, slots: int | None, per_env: bool, text: bool) -> None:
        self.folder = tempfile.TemporaryDirectory() if self.on_disk else None
        self.buffers_made: list[Any] = []
        self.world = CountingWorld(slots, self.backend, text=text)
        self.per_env = per_env
        self.env = ReplayBufferCollectionWrapper(
            self.world, self.new_buffers(), replay_mode="per_env" if per_env else "shared"
        )
        self.model = Model(self.world, per_env=per_env)
        self.action = 0

    def new_buffers(self) -> list[Any]:
        return [self.new_buffer() for _ in range(len(self.world.state) if self.per_env else 1)]

    def new_buffer(self) -> Any:
        number = len(self.buffers_made)
        path = None if self.folder is None else Path(self.folder.name) / f"{number}.zarr"
        self.buffers_made.append(new_buffer(self.world, path))
        return self.buffers_made[-1]

    # What happens to the world

    @rule(ends=ENDS, how=st.sampled_from(["step", "step_async"]))
    def step(self, ends: dict[int, str], how: str) -> None:
        slots = len(self.world.state)
        ends = {slot: kind for slot, kind in ends.items() if slot < slots}
        self.action += 1
        actions = [(self.action + slot) % 100 for slot in range(slots)]
        given = actions if self.world.batch_size is not None else actions[0]
        given = self.backend.asarray(given)
        if not any(self.model.live):
            with pytest.raises(EnvError, match="call reset"):
                self.env.step(given)
            return
        before = self.world.state.tolist()
        self.world.next_ends = dict(ends)
        if how == "step":
            self.env.step(given)
        else:
            self.env.step_async(given)
            self.env.step_wait()
        self.model.step(before, actions, {slot: k for slot, k in ends.items() if self.model.live[slot]})

    @rule(ends=ENDS, count=st.sampled_from([1, 2, 5, 300]))
    def many_steps(self, ends: dict[int, str], count: int) -> None:
        for _ in range(count if any(self.model.live) else 0):
            self.step({}, "step")
        self.step(ends, "step")

    @rule(chosen=st.none() | st.sets(st.integers(0, 3)), how=st.sampled_from(["reset", "reset_async"]))
    def reset(self, chosen: set[int] | None, how: str) -> None:
        slots = list(range(len(self.world.state)))
        mask = None
        if chosen is not None and self.world.batch_size is not None:
            slots = sorted(chosen & set(slots))
            mask = self.backend.asarray([slot in slots for slot in range(len(self.world.state))])
        self.model.reset(slots)
        if how == "reset":
            context, observation, _ = self.env.reset(mask=mask)
        else:
            self.env.reset_async(mask=mask)
            context, observation, _ = self.env.reset_wait()
        if self.world.batch_size is not None:
            assert len(context) == len(observation) == len(slots)

    # What happens to the buffers

    @precondition(lambda self: not self.per_env or len(self.world.state) == 1)
    @rule(finalize=st.booleans())
    def swap(self, finalize: bool) -> None:
        old = self.env.replay_buffers
        returned = self.env.set_replay_buffers(
            self.new_buffers(), allow_mid_episode=True, finalize_old_segments=finalize
        )
        assert returned == old
        self.check(old[0], 0, ended=finalize)
        live = self.model.live
        self.model = Model(self.world, per_env=self.per_env)
        self.model.live = live
        self.model.episodes = {slot: [[]] for slot in range(len(live))}

    @rule()
    def look(self) -> None:
        for number, buffer in enumerate(self.env.replay_buffers):
            self.check(buffer, number)

    def check(self, buffer: Any, number: int, *, ended: bool = False) -> None:
        rows, segments = self.model.rows[number], list(self.model.segments[number])
        start = self.model.open[number]
        if ended and start is not None:
            segments.append((start, len(rows)))
        assert len(buffer) == len(rows)
        assert rows_of(buffer) == rows
        assert buffer.get_segments() == segments
        assert buffer.has_open_segment == (start is not None and not ended)
        if not self.per_env and len(self.world.state) > 1:  # of one slot, segments are episodes
            self.check_episodes(buffer, segments)

    def check_episodes(self, buffer: Any, segments: list[tuple[int, int]]) -> None:
        """Each slot's episodes can be told apart in what is there."""
        table = buffer.episodes
        said = (
            table["reset_slots"].to_pylist() if "reset_slots" in table.column_names else [None] * len(table)
        )
        stop = segments[-1][1] if segments else 0
        episodes = recovered(rows_of(buffer)[:stop], segments, said)
        for slot, found in episodes.items():
            assert all(len({(*row["obs"][:2],) for row in episode}) == 1 for episode in found)
            assert all(
                [row["obs"][2] for row in episode]
                == list(range(episode[0]["obs"][2], episode[0]["obs"][2] + len(episode)))
                for episode in found
            )
            numbers = [episode[0]["obs"][1] for episode in found]
            assert numbers == sorted(set(numbers)), f"slot {slot}: an episode was split"

    @invariant()
    def what_ended_is_durable(self) -> None:
        if self.folder is None or not hasattr(self, "model"):
            return
        for number, buffer in enumerate(self.env.replay_buffers):
            segments = self.model.segments[number]
            with ReplayBuffer.load_from(buffer.cache_path, backend=self.backend) as reader:
                assert reader.get_segments() == segments
                stop = segments[-1][1] if segments else 0
                assert rows_of(reader)[:stop] == self.model.rows[number][:stop]

    def teardown(self) -> None:
        if hasattr(self, "env"):
            self.look()
            self.env.close()
            assert self.world.closed
            for number, buffer in enumerate(self.env.replay_buffers):
                self.check(buffer, number, ended=True)
            for buffer in self.buffers_made:
                buffer.close()
            if self.folder is not None:
                self.folder.cleanup()


def machine(backend_name: str, examples: int, *, disk: bool = False) -> Any:
    class Machine(CollectingMachine):
        backend = load_backend(backend_name)
        on_disk = disk

    Machine.TestCase.settings = settings(settings.default, max_examples=examples, stateful_step_count=20)
    return Machine.TestCase


TestNumpy = machine("numpy", 25)
TestNumpyOnDisk = machine("numpy", 6, disk=True)
TestNumpyMany = pytest.mark.slow(pytest.mark.timeout(1800)(machine("numpy", 500)))


@requires_torch
def test_pytorch() -> None:
    machine("pytorch", 6)("runTest").runTest()


def test_the_world_is_what_the_model_takes_it_for() -> None:
    world = CountingWorld(2)
    world.reset()
    world.next_ends = {1: "truncated"}
    observation, reward, terminated, truncated, _ = world.step(np.array([5, 6]))
    assert observation.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert reward.tolist() == [6.0, 7.0]
    assert (terminated.tolist(), truncated.tolist()) == ([False, False], [False, True])
