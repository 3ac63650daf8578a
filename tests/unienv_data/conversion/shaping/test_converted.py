"""Conversions whose source is shaped, from the command line to the store."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import requires_imagecodecs
from tests.unienv_data.conversion.shaping.toy import LENGTHS, values_of
from unienv_data.cli.app import app
from unienv_data.formats import registry
from unienv_data.opening import open as open_dataset

EPISODES = [episode for episode, length in enumerate(LENGTHS) if length]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source of the format of `toy.py`."""
    point = EntryPoint(
        "toy", "tests.unienv_data.conversion.shaping.toy:ToyReader", registry.ENTRY_POINT_GROUP
    )
    monkeypatch.setattr(registry, "_third_party", lambda: {"toy": point})
    (tmp_path / "source").mkdir()
    (tmp_path / "source/toy").write_text("toy")
    return tmp_path / "source"


def convert(source: Path, *arguments: str) -> Any:
    target = source.parent / "x.zarr"
    done = CliRunner().invoke(app, ["convert", str(source), str(target), *arguments, "--json"])
    return done, target


@requires_imagecodecs
def test_by_default_what_comes_next_is_a_column(toy: Path) -> None:
    done, target = convert(toy)
    assert done.exit_code == 0, done.output
    with open_dataset(str(target)) as buffer:
        rows = buffer[:]
        assert buffer.attributes["next_observation"] == "column"
        assert buffer.attributes["columns"]["next_obs/picture"]["copied"] is True
        assert buffer.episodes["length"].to_pylist() == [5, 1, 7]
    for key, first in (("obs", 0), ("next_obs", 1)):
        for name in ("state", "image"):
            wanted = [
                values_of(episode)[f"obs.{name}"][first : first + LENGTHS[episode]] for episode in EPISODES
            ]
            np.testing.assert_array_equal(rows[key][name], np.concatenate(wanted))
    np.testing.assert_array_equal(rows["obs"]["picture"][1:5], rows["next_obs"]["picture"][:4])


@requires_imagecodecs
def test_every_option(toy: Path) -> None:
    done, target = convert(
        toy,
        *("--next-observation", "row", "--rename", "obs=observation", "--cast", "observation/image=uint8"),
        *("--flip-images", "observation/image", "--channel-order", "observation/image=bgr"),
        *("--resize", "video=6x4", "--task", "pick", "--exclude", "obs.picture"),
    )
    assert done.exit_code == 0, done.output
    with open_dataset(str(target)) as buffer:
        rows = buffer[:]
        assert buffer.episodes["task"].to_pylist() == ["pick"] * 3
        assert buffer.episodes["length"].to_pylist() == [6, 2, 8]
        about = buffer.attributes["columns"]["observation/image"]
    frames = np.concatenate([values_of(episode)["obs.image"] for episode in EPISODES])
    np.testing.assert_array_equal(rows["observation"]["image"], frames[:, ::-1, :, ::-1])
    assert rows["observation"]["image"].dtype == np.uint8
    assert rows["video"].shape == (16, 3, 6, 4)
    assert rows["is_padding"].tolist() == [False] * 5 + [True, False, True] + [False] * 7 + [True]
    assert rows["task"][:6].tolist() == ["push", "pick", "push", "pick", "push", ""]
    assert about == {
        "source": "obs.image",
        "cast_from": "float32",
        "channels_were": "bgr",
        "flipped": "vertical",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--next-observation", "all"], "one of column, row, none"),
        (["--rename", "nothing=x"], "there is no such column or group"),
        (["--cast", "action=float32"], "which float32 does not hold"),
        (["--resize", "action=4x4"], "has no images"),
        (["--rename", "action"], "is not KEY=VALUE"),
        (["--rename", "reward=next_obs"], "--next-observation none"),
    ],
)
def test_refusals(toy: Path, arguments: list[str], said: str) -> None:
    done, target = convert(toy, *arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
    assert not target.exists()
