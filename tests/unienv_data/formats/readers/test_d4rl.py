"""D4RL's layout, with and without timeouts, against h5py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unienv_data.formats.expecting import assert_as_expected, assert_refused
from tests.unienv_data.formats.hdf5_damage import cut, delete, edit, empty, no_hdf5, replace, spoil_chunk
from tests.unienv_data.formats.reading import read_all, read_columns
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, open_reader
from unienv_data.formats.readers.d4rl import _with_longest
from unienv_data.opening import open as open_dataset

h5py = pytest.importorskip("h5py")

FOLDER = Path(__file__).parents[3] / "data/d4rl_hdf5"
SAMPLE = FOLDER / "hopper_random-v2.hdf5"
EXPECTED = json.loads((FOLDER / "EXPECT.json").read_text(encoding="utf-8"))["files"][SAMPLE.name]
COLUMNS = {name: entry for name, entry in EXPECTED.items() if not name.startswith("_")}
LENGTHS = [*EXPECTED["_episode_lengths(terminals|timeouts)"], EXPECTED["_dangling_tail"]]


@pytest.mark.parametrize("target_bytes", [1 << 24, 5_000, 1])
def test_every_column_is_as_on_disk(target_bytes: int) -> None:
    facts, columns = read_all(SAMPLE, target_bytes=target_bytes)
    assert facts.lengths == tuple(LENGTHS)
    assert set(columns) == set(COLUMNS)
    for name, values in columns.items():
        assert_as_expected(values, COLUMNS[name])
    assert facts.episodes["finished"].to_pylist() == [True] * 15 + [False]
    assert (
        facts.attributes == {"metadata": {"algorithm": "RANDOM_", "iteration": 0}}
        or facts.attributes["metadata"]
    )
    assert "the last episode, of 7 rows" in facts.notes[0].lower()


def test_conversion_of_the_finished_episodes(tmp_path: Path) -> None:
    options = ConversionOptions(episodes=":-1")
    run_conversion(plan_conversion(str(FOLDER), str(tmp_path / "x.zarr"), options))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert [end - start for start, end in buffer.get_segments()] == LENGTHS[:-1]
        rows = buffer[:]
    with h5py.File(SAMPLE) as file:
        for name in COLUMNS:
            value = rows
            for key in name.split("/"):
                value = value[key]
            np.testing.assert_array_equal(value, file[name][:-7])


@settings(max_examples=25)
@given(chosen=st.sets(st.integers(0, 15), min_size=1), target=st.sampled_from([1, 700, 3000, 1 << 20]))
def test_any_episodes(chosen: set[int], target: int) -> None:
    starts = np.cumsum([0, *LENGTHS])
    with open_reader(Source(str(SAMPLE))) as reader, h5py.File(SAMPLE) as file:
        columns = read_columns(reader, ["actions", "rewards"], sorted(chosen), target)
        for name, values in columns.items():
            expected = [file[name][starts[n] : starts[n + 1]] for n in sorted(chosen)]
            np.testing.assert_array_equal(values, np.concatenate(expected))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An old recording: no timeouts, flags and rewards as (N, 1)."""
    path = tmp_path / "old.hdf5"
    with h5py.File(SAMPLE) as source, h5py.File(path, "w") as file:
        for name in ("observations", "actions"):
            file[name] = source[name][()]
        for name in ("rewards", "terminals"):
            file[name] = source[name][()].reshape(-1, 1)
        file["metadata/policy/weights"] = np.zeros((300, 4))
    return path


def test_without_timeouts_the_longest_episode_is_asked_for(old: Path, tmp_path: Path) -> None:
    assert_refused(old, tmp_path, str(old), "it has no timeouts", "--max-episode-steps N")
    with open_reader(Source(str(old)), options={"max_episode_steps": "40"}) as reader:
        facts = reader.facts()
        assert facts.lengths == tuple(LENGTHS), "Hopper's episodes were cut after 40 steps"
        assert facts.notes[0].startswith("Of metadata, policy/weights are left out")
        columns = read_columns(reader, ["rewards", "terminals"], range(16))
    assert columns["rewards"].shape == (489, 1)
    np.testing.assert_array_equal(columns["terminals"][:, 0], h5py.File(SAMPLE)["terminals"])


def test_bad_options(tmp_path: Path) -> None:
    for steps in ("0", "-1", "x"):
        with pytest.raises(ConversionError, match="at least 1, was expected"):
            open_reader(Source(str(SAMPLE)), options={"max_episode_steps": steps})


@given(flags=st.lists(st.booleans(), max_size=30), steps=st.integers(1, 12))
def test_no_episode_is_longer_than_asked(flags: list[bool], steps: int) -> None:
    ends, since = [], 0
    for row, flag in enumerate(flags):
        since += 1
        if flag or since == steps:
            ends.append(row + 1)
            since = 0
    given_ends = np.flatnonzero(np.array(flags, bool)).astype(np.int64) + 1
    assert _with_longest(given_ends, len(flags), steps).tolist() == ends


def no_flags(file: Any) -> None:
    for name in ("terminals", "timeouts"):
        values = file[name][()]
        del file[name]
        file[name] = np.stack([values, values], axis=1)


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "cut": (cut, ["x.hdf5: damaged HDF5 file: it was cut off"]),
    "no HDF5": (no_hdf5, ["x.hdf5: damaged HDF5 file: it does not begin"]),
    "empty": (empty, ["x.hdf5: damaged HDF5 file: it is empty"]),
    "no terminals": (delete("terminals"), ["terminals are missing"]),
    "flags of another shape": (edit(no_flags), ["terminals holds bool (489, 2)"]),
    "too few rows": (
        replace("actions", np.zeros((480, 3))),
        ["actions has the shape (480, 3), not 489 rows"],
    ),
    "a damaged chunk": (spoil_chunk("next_observations", 0), ["next_observations, rows", "damaged HDF5"]),
    "no flags that can be read": (spoil_chunk("terminals", 0), ["terminals: damaged HDF5 file"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_nothing_is_left(tmp_path: Path, damage: str) -> None:
    act, said = DAMAGES[damage]
    shutil.copy(SAMPLE, tmp_path / "x.hdf5")
    act(tmp_path / "x.hdf5")
    assert_refused(tmp_path / "x.hdf5", tmp_path, *said, options=("--from", "d4rl"))
