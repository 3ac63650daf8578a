"""Conversions compared with their sources: what is equal, and the first value that is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import requires_av, requires_h5py, requires_imagecodecs
from tests.unienv_data.conversion.shaping.toy import LENGTHS, ToyReader
from unienv_data.cli.app import app
from unienv_data.conversion import (
    ConversionOptions,
    plan_conversion,
    plan_export,
    run_conversion,
    run_export,
    verify_conversion,
    verify_export,
)
from unienv_data.errors import ConversionError
from unienv_data.formats import registry
from unienv_data.opening import open as open_dataset

PUSHT = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point = EntryPoint("toy", "tests.unienv_data.conversion.shaping.toy:ToyReader", "unienv_data.formats")
    monkeypatch.setattr(registry, "_third_party", lambda: {"toy": point})
    (tmp_path / "source").mkdir()
    (tmp_path / "source/toy").write_text("toy")
    return tmp_path / "source"


def convert(source: Path, **options: Any) -> Any:
    plan = plan_conversion(str(source), str(source.parent / "x.zarr"), ConversionOptions(**options))
    return plan, run_conversion(plan)


@requires_imagecodecs
@pytest.mark.parametrize("choice", ["column", "row", "none"])
def test_what_was_written_is_what_the_source_holds(toy: Path, choice: str) -> None:
    plan, done = convert(toy, next_observation=choice, cast={"obs.image": "uint8"})
    found = verify_conversion(plan, done)
    assert found.rows == done.rows
    assert set(found.equal) == {planned.name for planned in plan.columns}
    assert (found.psnr, found.left_out) == ({}, ())


def _later(key: str, row: int, value: Any) -> Callable[[Any], None]:
    def change(buffer: Any) -> None:
        rows = buffer[row : row + 1]
        rows[key][...] = value
        buffer.set_at([row], rows)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_later("reward", 5, 9.0), "episode e1, row 0: the column reward has .*, and reward has 9.0"),
        (_later("task", 9, "none"), "episode e3, row 3: the column task has '', and task has 'none'"),
        (_later("done", 12, False), "episode e3, row 6: the column done has True, and done has False"),
        (_later("video", 0, 7), r"episode e0, row 0: the column video has \d+ at \[0, 0, 0\]"),
    ],
)
def test_the_first_value_that_differs(toy: Path, change: Callable[[Any], None], said: str) -> None:
    plan, done = convert(toy, exclude=("obs",))
    with open_dataset(str(toy.parent / "x.zarr"), "a") as buffer:
        change(buffer)
    with pytest.raises(ConversionError, match=f"x.zarr was written and stands, but.*{said}"):
        verify_conversion(plan, done)


def test_rows_and_episodes_that_are_not_there(toy: Path) -> None:
    plan, done = convert(toy, columns=("reward",))
    with open_dataset(str(toy.parent / "x.zarr"), "a") as buffer:
        buffer.remove_at([12])
    with pytest.raises(ConversionError, match="episode e3 of the source has 7 rows, but 6 were written"):
        verify_conversion(plan, done)
    with open_dataset(str(toy.parent / "x.zarr"), "a") as buffer:
        buffer.remove_at([5])
    with pytest.raises(ConversionError, match="3 episodes were written, but 2 are there"):
        verify_conversion(plan, done)


def test_a_source_that_changed(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, done = convert(toy, columns=("reward", "action"))
    whole = ToyReader.chunks

    def other(self: Any, columns: Any, episodes: Any, **options: Any) -> Any:
        for chunk in whole(self, columns, episodes, **options):
            if chunk.episode == 3 and "action" in chunk.columns:
                chunk.columns["action"][-1, 1] = 5
            yield chunk

    monkeypatch.setattr(ToyReader, "chunks", other)
    with pytest.raises(ConversionError, match=r"episode e3, row 3: the column action has 5.0 at \[1\]"):
        verify_conversion(plan, done)


def test_what_was_skipped_and_what_was_there_before(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ToyReader.chunks

    def damaged(self: Any, columns: Any, episodes: Any, **options: Any) -> Any:
        for chunk in whole(self, columns, episodes, **options):
            if chunk.episode == 1:
                raise ConversionError("damaged")
            yield chunk

    with monkeypatch.context() as patch:
        patch.setattr(ToyReader, "chunks", damaged)
        plan, done = convert(toy, columns=("reward", "task"), skip_bad=True)
        assert [skipped.source_episode for skipped in done.skipped] == ["e1"]
        assert verify_conversion(plan, done).rows == sum(LENGTHS) - 1
    plan, done = convert(toy, columns=("reward", "task"), append=True)
    assert (done.rows, verify_conversion(plan, done).rows) == (1, 1)
    plan, done = convert(toy, columns=("reward", "task"), append=True)
    assert (done.rows, verify_conversion(plan, done).rows) == (0, 0)


@requires_imagecodecs
def test_loss_within_what_was_agreed(toy: Path) -> None:
    columns = ("obs/picture", "next_obs/picture", "reward")
    plan, done = convert(toy, columns=columns, codecs={"**/picture": "jpeg:95"})
    found = verify_conversion(plan, done, least_psnr=25)
    assert set(found.psnr) == {"obs.picture", "next_obs.picture"}
    assert found.equal == ("reward",)
    assert all(25 < db < 80 for db in found.psnr.values())
    with pytest.raises(ConversionError, match=r"PSNR of \d\d\.\d dB, where 90 were .* episode e\d, row \d"):
        verify_conversion(plan, done, least_psnr=90)


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


@requires_av
def test_copied_and_encoded_video(tmp_path: Path) -> None:
    outcome = run(PUSHT, tmp_path / "a.zarr", "--verify", "--json")
    assert outcome.exit_code == 0, outcome.output
    found = json.loads(outcome.stdout[outcome.stdout.index('{\n  "verified"') :])["verified"]
    assert (found["rows"], len(found["equal"]), found["psnr"]) == (480, 14, {})
    outcome = run(PUSHT, tmp_path / "b.zarr", "--verify", "--frames", "small", "--episodes", "0:2")
    assert outcome.exit_code == 0, outcome.output
    assert "13 columns are the source's; observation.image within" in " ".join(outcome.stdout.split())
    outcome = run(
        *(PUSHT, tmp_path / "c.zarr", "--verify", "--frames", "small", "--episodes", "0:2"),
        *("--verify-psnr", "70"),
    )
    assert outcome.exit_code == 2
    assert "has lost more than was agreed" in outcome.stderr
    assert (tmp_path / "c.zarr").is_dir()


@requires_h5py
@requires_av
def test_another_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ConversionOptions(to="robomimic", episodes="0:3")
    plan = plan_export(str(PUSHT), str(tmp_path / "x.hdf5"), options)
    done = run_export(plan)
    found = verify_export(plan, done)
    assert found.rows == done.rows
    assert {*found.equal} == {column.name for column in plan.facts.columns}
    import h5py

    with h5py.File(tmp_path / "x.hdf5", "r+") as file:
        changed = False
        for dataset in file["data/demo_1"].values():
            if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind == "f" and not changed:
                dataset[4, ...] = np.zeros_like(dataset[4, ...]) + 77
                changed = True
        assert changed
    with pytest.raises(ConversionError, match=r"row 4: the column .* has .*77\.0"):
        verify_export(plan, done)
