"""`unienv-data record` as a shell sees it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import unienv_data
from unienv_data.cli.app import app

pytest.importorskip("gymnasium")
from tests.unienv_data.recording.rollouts import check_recording
from tests.unienv_data.recording.worlds import HERE

ROBOT = f"{HERE}:Robot-v0"


def record(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["record", *map(str, arguments)])


def test_random_episodes(tmp_path: Path) -> None:
    outcome = record("CartPole-v1", tmp_path / "x.zarr", "--episodes", "3", "--seed", "4")
    assert outcome.exit_code == 0, outcome.output
    episodes = check_recording(tmp_path / "x.zarr", "CartPole-v1")
    rows = sum(map(len, episodes.values()))
    assert list(episodes) == [4, 5, 6]
    said = (
        f"Recorded 3 episodes, {rows} steps, mean return {rows / 3:g}, seeds from 4, to {tmp_path}/x.zarr in "
    )
    assert outcome.stdout.startswith(said)
    assert outcome.stderr == "", "no bar where there is no terminal"


def test_every_option(tmp_path: Path) -> None:
    arguments = ["--episodes", "3", "--policy", f"{HERE}:noisy", "--render", "--no-next-obs", "--seed", "2"]
    arguments += [
        "--num-envs",
        "2",
        "--max-episode-steps",
        "4",
        "--codec",
        "**=lz4",
        "--codec",
        "render=zstd:9",
    ]
    arguments += ["--env-kwargs", "offset=1.5", "--env-kwargs", "pause=0", "--append", "--json"]
    outcome = record(ROBOT, tmp_path / "x", *arguments)
    assert outcome.exit_code == 0, outcome.output
    document = json.loads(outcome.stdout)
    assert (document["episodes"], document["seed"], document["destination"]) == (3, 2, str(tmp_path / "x"))
    options: Any = {"render_mode": "rgb_array", "max_episode_steps": 4, "offset": 1.5}
    episodes = check_recording(tmp_path / "x", ROBOT, **options)
    assert sorted(episodes) == [2, 3, 4]
    with unienv_data.open(str(tmp_path / "x")) as buffer:
        columns = {column.name: column.codec for column in buffer.storage.describe()}  # type: ignore[attr-defined]
        assert columns["render"] == "zstd:9"
        assert columns["obs/image"] == "lz4"
        assert "next_obs/image" not in columns
        assert buffer.attributes["policy"] == f"{HERE}:noisy"
    outcome = record(ROBOT, tmp_path / "x", *arguments[:-1], "--quiet")
    assert outcome.exit_code == 2, "codecs are chosen once"
    arguments = [one for one in arguments if "=" not in one and one not in ("--codec", "--env-kwargs")]
    arguments += ["--env-kwargs", "offset=1.5", "--env-kwargs", "pause=0"]
    assert (record(ROBOT, tmp_path / "x", *arguments[:-2], "--quiet").output) == ""
    assert len(check_recording(tmp_path / "x", ROBOT, **options)) == 3, "the same seeds again"


def test_replacing(tmp_path: Path) -> None:
    assert record("FrozenLake-v1", tmp_path / "x", "--seed", "1", "-q").output == ""
    outcome = record("FrozenLake-v1", tmp_path / "x", "--seed", "2")
    assert outcome.exit_code == 2
    assert (
        outcome.stderr
        == f"Error: {tmp_path}/x: a dataset stands there; --overwrite replaces it, --append adds to it\n"
    )
    assert record("FrozenLake-v1", tmp_path / "x", "--seed", "2", "--overwrite").exit_code == 0
    assert list(check_recording(tmp_path / "x", "FrozenLake-v1")) == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["Nothing-v7"],
            "Nothing-v7: cannot be made: NameNotFound: Environment `Nothing` doesn't exist",
        ),
        (
            [ROBOT, "--policy", "no_module:f"],
            "policy: no_module cannot be imported: ModuleNotFoundError: ",
        ),
        (
            [ROBOT, "--policy", f"{HERE}:too_large"],
            "the policy failed in step 0 of the episode of seed 0: ",
        ),
        ([ROBOT, "--codec", "nope=lz4"], "no column matches 'nope'; the columns are "),
        ([f"{HERE}:Sequence-v0"], "from_gym_space: no space is like Sequence(Discrete(2)"),
        ([f"{HERE}:Outside-v0"], ""),
        ([ROBOT, "--append", "--overwrite"], "append and overwrite: choose one"),
    ],
)
def test_bad_input_is_a_paragraph(tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = record(*arguments, tmp_path / "a/x", "--seed", "0")
    assert outcome.exit_code == 2, outcome.output
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"Error: {message}")
    assert "Traceback" not in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--episodes", "0"], "Invalid value for '--episodes'"),
        (["--env-kwargs", "x"], "'x' is not KEY=VALUE"),
        (["--codec", "x"], "'x' is not PATTERN=SPEC"),
        (["--storage-option", "=1"], "'=1' is not KEY=VALUE"),
    ],
)
def test_bad_options(tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = record(ROBOT, tmp_path / "x", *arguments)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_modules_beside_the_user_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_policy_of_test_record.py").write_text("def left(obs):\n    return 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    outcome = record("CartPole-v1", "x", "--policy", "my_policy_of_test_record:left", "--seed", "0")
    assert outcome.exit_code == 0, outcome.output
    check_recording(tmp_path / "x", "CartPole-v1", policy=lambda obs: 0)
