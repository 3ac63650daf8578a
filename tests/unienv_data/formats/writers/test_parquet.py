"""Parquet files, read back by pyarrow alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import requires_imagecodecs
from tests.unienv_data.formats.writing import LENGTHS, Made, make, write
from unienv_data.errors import ConversionError
from unienv_data.formats.writers import parquet
from unienv_data.formats.writers.parquet import ParquetWriter

OWNERS = np.repeat(np.arange(4), LENGTHS).tolist()
LISTS = {"images": "lists"}


def check_table(table: pa.Table, made: Made) -> None:
    assert table["episode_index"].to_pylist() == OWNERS
    assert set(table.column_names) == {*made.values, "episode_index"}
    for name, values in made.values.items():
        cells = table[name].to_pylist()
        if values.dtype == object:
            assert cells == values.tolist()
            continue
        np.testing.assert_array_equal(np.array(cells, dtype=values.dtype), values)
        leaf = table[name].type
        for size in values.shape[1:]:
            assert leaf.list_size == size
            leaf = leaf.value_type
        assert leaf == pa.from_numpy_dtype(values.dtype)


@pytest.mark.parametrize("codec", ["zstd", "snappy", "none"])
def test_one_file(tmp_path: Path, codec: str) -> None:
    made = make(episodes={"success": [True, False, True, True]}, attributes={"fps": 10})
    place = write(ParquetWriter, tmp_path / "x.parquet", made, {**LISTS, "codec": codec})
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]
    check_table(pq.read_table(place), made)
    about = json.loads(pq.read_schema(place).metadata[b"unienv_data"])
    assert about["episode_column"] == "episode_index"
    assert about["attributes"] == {"fps": 10}
    assert [row["success"] for row in about["episodes"]] == [True, False, True, True]


def test_parts_hold_whole_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FILE_BYTES", 1)
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1)
    made = make()
    place = write(ParquetWriter, tmp_path / "folder", made, LISTS)
    names = sorted(path.name for path in place.iterdir())
    assert names == [f"part-0000{number}.parquet" for number in range(4)]
    tables = [pq.read_table(place / name) for name in names]
    assert [table.num_rows for table in tables] == list(LENGTHS)
    check_table(pa.concat_tables(tables), made)


@requires_imagecodecs
def test_frames_are_png_files(tmp_path: Path) -> None:
    import imagecodecs

    made = make()
    place = write(ParquetWriter, tmp_path / "x.parquet", made)
    table = pq.read_table(place)
    for name in ("observation.image", "observation.grey"):
        pixels = [imagecodecs.png_decode(cell["bytes"]) for cell in table[name].to_pylist()]
        np.testing.assert_array_equal(np.stack(pixels).reshape(made.values[name].shape), made.values[name])
    features = json.loads(pq.read_schema(place).metadata[b"huggingface"])["info"]["features"]
    assert features["observation.image"] == {"_type": "Image"}
    assert features["action"]["feature"] == {"dtype": "float32", "_type": "Value"}
    assert set(features) == set(table.column_names)


def test_the_column_of_episodes(tmp_path: Path) -> None:
    """A column of that name that numbers episodes is written anew; another one is refused."""
    owners = np.array(OWNERS) + 100
    made = make({"episode_index": owners, "x": np.arange(19.0)})
    table = pq.read_table(write(ParquetWriter, tmp_path / "x.parquet", made))
    assert table.column_names == ["episode_index", "x"]
    assert table["episode_index"].to_pylist() == OWNERS
    named = write(ParquetWriter, tmp_path / "y.parquet", made, {"episode_column": "trial"})
    assert pq.read_table(named).column_names == ["trial", "episode_index", "x"]
    with pytest.raises(ConversionError, match="episode_column=NAME"):
        ParquetWriter.check(make({"episode_index": np.zeros((19, 2))}).facts)


def test_refusals() -> None:
    with pytest.raises(ConversionError, match="png or lists, not 'jpeg'"):
        ParquetWriter.check(make().facts, {"images": "jpeg"})
    with pytest.raises(ConversionError, match="codec is zstd"):
        ParquetWriter.check(make().facts, {"codec": "zip9"})
    with pytest.raises(ConversionError, match="have no entries"):
        ParquetWriter.check(make({"none": np.zeros((19, 0))}).facts)
