"""A recording holds what `ReplayBufferCollectionWrapper` collects of the same episodes."""

from __future__ import annotations

from pathlib import Path

import pytest

import unienv_data
from tests.unienv_interface.corpus import same
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.replay_buffer.collecting import ReplayBufferCollectionWrapper

gym = pytest.importorskip("gymnasium")
from tests.unienv_data.recording.worlds import HERE  # noqa: E402
from unienv_data.recording import RecordingOptions, row_space, run_recording  # noqa: E402
from unienv_interface.wrapper import FromGymnasiumEnv  # noqa: E402


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Blackjack-v1", f"{HERE}:Robot-v0"])
def test_the_same_rows_and_segments(tmp_path: Path, env_id: str) -> None:
    run_recording(env_id, str(tmp_path / "x"), RecordingOptions(episodes=5, seed=1))
    inner = FromGymnasiumEnv(gym.make(env_id, disable_env_checker=True))
    collected = ReplayBuffer.create(ZarrStorage, row_space(inner), maintain_segment_metadata=True)
    with unienv_data.open(str(tmp_path / "x")) as recorded, collected:
        env = ReplayBufferCollectionWrapper(inner, collected)
        segments = recorded.get_segments()
        assert segments is not None
        for (start, end), seed in zip(segments, recorded.episodes["seed"].to_pylist(), strict=True):
            env.reset(seed=seed)
            for row in range(start, end):
                env.step(recorded[row]["action"])
        assert collected.get_segments() == segments
        assert same(collected[:], recorded[:])
