"""NPZ files, read back by NumPy alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unienv_data.formats.writing import LENGTHS, make, write
from unienv_data.errors import ConversionError
from unienv_data.formats.writers.npz import NPZWriter


@pytest.mark.parametrize("compression", ["deflate", "none"])
def test_one_file(tmp_path: Path, compression: str) -> None:
    made = make()
    place = write(NPZWriter, tmp_path / "x.npz", made, {"compression": compression})
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    with np.load(place, allow_pickle=False) as arrays:
        assert arrays["episode_ends"].tolist() == np.cumsum(LENGTHS).tolist()
        assert arrays["episode_ends"].dtype == np.int64
        assert set(arrays) == {*made.values, "episode_ends"}
        for name, values in made.values.items():
            np.testing.assert_array_equal(arrays[name], values, strict=values.dtype != object)
            assert arrays[name].dtype.kind == "U" or arrays[name].tobytes() == values.tobytes()


def test_a_file_an_episode(tmp_path: Path) -> None:
    made = make(episodes={"success": [True, False, True, True]}, attributes={"fps": 10})
    place = write(NPZWriter, tmp_path / "folder", made)
    names = sorted(path.name for path in place.iterdir())
    assert names == ["about.json", *(f"episode_000{number}.npz" for number in range(4))]
    first = 0
    for number, length in enumerate(LENGTHS):
        with np.load(place / f"episode_000{number}.npz", allow_pickle=False) as arrays:
            assert set(arrays) == set(made.values)
            for name, values in made.values.items():
                np.testing.assert_array_equal(arrays[name], values[first : first + length])
        first += length
    about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    assert about["attributes"] == {"fps": 10}
    assert [row["success"] for row in about["episodes"]] == [True, False, True, True]


def test_what_one_file_leaves_out_is_said() -> None:
    facts = make(episodes={"success": [True] * 4}).facts
    assert "success" in NPZWriter.notes(Path("x.npz"), facts)[0]
    assert not NPZWriter.notes(Path("folder"), facts)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="deflate or none, not 'zstd'"):
        NPZWriter.check(make().facts, {"compression": "zstd"})
    with pytest.raises(ConversionError, match="has no option level; its options are compression"):
        NPZWriter.check(make().facts, {"level": "9"})
    with pytest.raises(ConversionError, match="episode_ends"):
        NPZWriter.check(make({"episode_ends": np.zeros(19)}).facts)
    ending = make({"note": np.array(["a\0"] * 19, dtype=object)})
    with pytest.raises(ConversionError, match="note ends in a NUL"):
        write(NPZWriter, tmp_path / "x.npz", ending)
