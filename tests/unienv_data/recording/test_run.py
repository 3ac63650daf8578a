"""Recordings, checked row by row against environments played with Gymnasium alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unienv_data
from unienv_data.errors import (
    CodecError,
    DatasetExistsError,
    PathError,
    RecordingError,
    SpaceError,
)

pytest.importorskip("gymnasium")
from tests.unienv_data.recording.rollouts import check_recording
from tests.unienv_data.recording.worlds import HERE, basic, towards_zero
from unienv_data.recording import RecordingOptions, run_recording

ROBOT = f"{HERE}:Robot-v0"
ENVIRONMENTS = ["CartPole-v1", "Blackjack-v1", "FrozenLake-v1", ROBOT]


def record(path: Path, env_id: str = ROBOT, **options: Any) -> Any:
    return run_recording(env_id, str(path), RecordingOptions(**options))


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
@pytest.mark.parametrize("num_envs", [1, 3])
def test_what_is_stored_is_what_happened(tmp_path: Path, env_id: str, num_envs: int) -> None:
    done = record(tmp_path / "x", env_id, episodes=7, seed=10, num_envs=num_envs)
    episodes = check_recording(tmp_path / "x", env_id)
    assert sorted(episodes) == list(range(10, 17))
    if num_envs == 1:
        assert list(episodes) == list(range(10, 17))
    assert (done.episodes, done.rows, done.seed) == (7, sum(map(len, episodes.values())), 10)
    with unienv_data.open(str(tmp_path / "x")) as buffer:
        assert done.mean_return == np.mean(buffer.episodes["return"].to_pylist())
        assert buffer.storage.is_sealed  # type: ignore[attr-defined]


def test_the_same_episodes_for_any_number_of_environments(tmp_path: Path) -> None:
    found = []
    for num_envs in (1, 2, 5):
        record(tmp_path / str(num_envs), episodes=5, seed=3, num_envs=num_envs)
        found.append(check_recording(tmp_path / str(num_envs), ROBOT))
    for other in found[1:]:
        assert sorted(other) == sorted(found[0])
        for seed, rows in found[0].items():
            pairs = zip(rows, other[seed], strict=True)
            assert all(np.array_equal(one["action"], two["action"]) for one, two in pairs)


@pytest.mark.parametrize("num_envs", [1, 2])
def test_policies(tmp_path: Path, num_envs: int) -> None:
    record(tmp_path / "x", policy=f"{HERE}:towards_zero", episodes=4, seed=0, num_envs=num_envs)
    check_recording(tmp_path / "x", ROBOT, policy=towards_zero)
    record(tmp_path / "y", "Blackjack-v1", policy=f"{HERE}:basic", episodes=20, seed=0, num_envs=num_envs)
    check_recording(tmp_path / "y", "Blackjack-v1", policy=basic)


def test_a_function_as_policy(tmp_path: Path) -> None:
    record(tmp_path / "x", policy=towards_zero, seed=0)
    check_recording(tmp_path / "x", ROBOT, policy=towards_zero)
    with unienv_data.open(str(tmp_path / "x")) as buffer:
        assert buffer.attributes["policy"] == f"{HERE}:towards_zero"


@pytest.mark.parametrize("num_envs", [1, 2])
def test_frames_and_limits(tmp_path: Path, num_envs: int) -> None:
    options = {"render": True, "next_obs": False, "max_episode_steps": 3, "env_kwargs": {"offset": 2.5}}
    record(tmp_path / "x", episodes=4, seed=1, num_envs=num_envs, codecs={"render": "lz4"}, **options)
    kwargs: Any = {"render_mode": "rgb_array", "max_episode_steps": 3, "offset": 2.5}
    episodes = check_recording(tmp_path / "x", ROBOT, **kwargs)
    assert max(map(len, episodes.values())) == 3
    with unienv_data.open(str(tmp_path / "x")) as buffer:
        keys = ["action", "obs", "render", "reward", "terminated", "truncated"]
        assert list(buffer.single_space.spaces) == keys  # type: ignore[attr-defined]
        codecs = {column.name: column.codec for column in buffer.storage.describe()}  # type: ignore[attr-defined]
        assert codecs["render"] == "lz4"
        assert buffer.attributes["fps"] == 20
        assert buffer.attributes["environment"] == {
            "id": ROBOT,
            "kwargs": {"offset": 2.5},
            "max_episode_steps": 3,
        }


def test_a_seed_is_drawn_and_kept(tmp_path: Path) -> None:
    first, second = (record(tmp_path / name, "FrozenLake-v1", episodes=2) for name in "ab")
    assert first.seed != second.seed
    assert list(check_recording(tmp_path / "a", "FrozenLake-v1")) == [first.seed, first.seed + 1]


def test_appending(tmp_path: Path) -> None:
    for seed in (0, 5, 7):
        record(tmp_path / "x", episodes=2, seed=seed, append=True)
    assert list(check_recording(tmp_path / "x", ROBOT)) == [0, 1, 5, 6, 7, 8]
    with pytest.raises(RecordingError, match=r"there is no 'render'; it has 'next_obs' too"):
        record(tmp_path / "x", append=True, render=True, next_obs=False)
    with pytest.raises(RecordingError, match=r"'action' is .* there and .* here"):
        record(tmp_path / "x", "CartPole-v1", append=True)
    with pytest.raises(RecordingError, match="codecs are chosen when a dataset is made"):
        record(tmp_path / "x", append=True, codecs={"**": "lz4"})
    assert list(check_recording(tmp_path / "x", ROBOT)) == [0, 1, 5, 6, 7, 8]


def test_what_stands_there_is_replaced_only_on_demand(tmp_path: Path) -> None:
    record(tmp_path / "x", seed=1)
    with pytest.raises(DatasetExistsError, match="--overwrite"):
        record(tmp_path / "x", seed=2)
    assert list(check_recording(tmp_path / "x", ROBOT)) == [1]
    broken = f"{HERE}:Broken-v0"
    with pytest.raises(RecordingError, match="the arm broke"):
        record(tmp_path / "x", broken, seed=3, overwrite=True)
    assert list(check_recording(tmp_path / "x", ROBOT)) == [1], "until there is an episode in its place"
    record(tmp_path / "x", seed=2, episodes=2, overwrite=True)
    assert list(check_recording(tmp_path / "x", ROBOT)) == [2, 3]
    (tmp_path / "y").mkdir()
    (tmp_path / "y/notes.txt").write_text("mine")
    for options in ({}, {"overwrite": True}, {"append": True}):
        with pytest.raises(DatasetExistsError, match="something else"):
            record(tmp_path / "y", **options)
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["notes.txt"]


@pytest.mark.parametrize("num_envs", [1, 3])
def test_what_fails_later_keeps_what_was_recorded(tmp_path: Path, num_envs: int) -> None:
    options = {"episodes": 50, "num_envs": num_envs, "policy": f"{HERE}:failing", "seed": 0}
    with pytest.raises(RecordingError, match=r"the policy failed in step \d+ of .*: KeyError") as caught:
        record(tmp_path / "x", **options)
    kept = list(check_recording(tmp_path / "x", ROBOT))
    assert 0 < len(kept) < 50
    assert caught.value.__notes__ == [f"{len(kept)} of 50 episodes were recorded and stand at {tmp_path}/x."]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.filterwarnings("ignore:.*ERROR")  # Gymnasium shows what was raised in a process of its own
@pytest.mark.parametrize("num_envs", [1, 3])
def test_environments_that_fail_later(tmp_path: Path, num_envs: int) -> None:
    with pytest.raises(RecordingError, match="step raised ZeroDivisionError: the arm broke") as caught:
        record(tmp_path / "x", f"{HERE}:Broken-v0", episodes=9, seed=2, num_envs=num_envs)
    kept = list(check_recording(tmp_path / "x", ROBOT))
    assert caught.value.__notes__ == [f"{len(kept)} of 9 episodes were recorded and stand at {tmp_path}/x."]
    assert all(
        seed % 2 == 0 or len(check) < 3 for seed, check in check_recording(tmp_path / "x", ROBOT).items()
    )


def test_a_write_that_fails_keeps_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def fail_at_fourth(self: Any, *args: Any, **kwargs: Any) -> None:
        written.append(1)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        mark(self, *args, **kwargs)

    mark = unienv_data.ReplayBuffer.mark_segment_end
    monkeypatch.setattr(unienv_data.ReplayBuffer, "mark_segment_end", fail_at_fourth)
    with pytest.raises(OSError, match="No space left"):
        record(tmp_path / "x", episodes=9, seed=0)
    monkeypatch.undo()
    assert list(check_recording(tmp_path / "x", ROBOT)) == [0, 1, 2]
    record(tmp_path / "x", episodes=2, seed=3, append=True)
    assert list(check_recording(tmp_path / "x", ROBOT)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("env_id", "options", "error", "message"),
    [
        ("Nothing-v7", {}, RecordingError, "Nothing-v7: cannot be made: NameNotFound: "),
        ("no_module:X-v0", {}, RecordingError, "cannot be made: ModuleNotFoundError"),
        (ROBOT, {"env_kwargs": {"nope": 1}}, RecordingError, "cannot be made: TypeError.*nope"),
        (ROBOT, {"env_kwargs": {"nope": 1}, "num_envs": 2, "episodes": 2}, RecordingError, "cannot be made"),
        ("FrozenLake-v1", {"policy": "os:nope"}, RecordingError, "policy: os has no 'nope'"),
        (
            "Blackjack-v1",
            {"policy": "builtins:len"},
            RecordingError,
            "the policy failed in step 0 of .*action",
        ),
        (ROBOT, {"policy": f"{HERE}:too_large"}, RecordingError, "the policy failed in step 0"),
        (f"{HERE}:Outside-v0", {}, RecordingError, "reset raised SpaceValueError: .*7"),
        (f"{HERE}:Sequence-v0", {}, SpaceError, "no space is like Sequence"),
        (f"{HERE}:Broken-v0", {"seed": 1}, RecordingError, "step raised ZeroDivisionError: the arm broke"),
        (ROBOT, {"codecs": {"nope": "lz4"}}, PathError, "no column matches 'nope'"),
        (ROBOT, {"codecs": {"action": "nope"}}, CodecError, "nope"),
    ],
)
def test_bad_input_leaves_nothing(
    tmp_path: Path, env_id: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        record(tmp_path / "a/b/x", env_id, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"episodes": 0}, "episodes: expected at least 1, got 0"),
        ({"seed": -1}, "seed: expected at least 0, got -1"),
        ({"append": True, "overwrite": True}, "choose one"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        RecordingOptions(**options)


def test_in_a_bucket(tmp_path: Path) -> None:
    url = "memory://recordings/robot"
    for seed in (0, 2):
        run_recording(ROBOT, url, RecordingOptions(episodes=2, seed=seed, append=True))
    assert list(check_recording(url, ROBOT)) == [0, 1, 2, 3]
    with pytest.raises(RecordingError):
        run_recording(f"{HERE}:Broken-v0", "memory://recordings/none", RecordingOptions(seed=1))
    from fsspec.implementations.memory import MemoryFileSystem

    assert not MemoryFileSystem().exists("/recordings/none")
    MemoryFileSystem().rm("/recordings", recursive=True)
