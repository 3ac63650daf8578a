"""diffusion-policy's Zarr v2, read back by its JSON and numcodecs alone, and by zarr-python."""

from __future__ import annotations

import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

from tests.unienv_data.formats.reading import read_all
from tests.unienv_data.formats.writing import LENGTHS, make, write
from unienv_data.errors import ConversionError
from unienv_data.formats.writers import diffusion_policy
from unienv_data.formats.writers.diffusion_policy import DiffusionPolicyWriter

ROWS = sum(LENGTHS)


def by_hand(read: Callable[[str], bytes], name: str) -> NDArray[Any]:
    """An array of Zarr v2, by its specification."""
    about = json.loads(read(f"{name}/.zarray"))
    assert (about["zarr_format"], about["order"], about["filters"]) == (2, "C", None)
    codec = numcodecs.get_codec(about["compressor"]) if about["compressor"] else None
    found = np.empty(about["shape"], about["dtype"])
    counts = [-(-size // step) for size, step in zip(about["shape"], about["chunks"], strict=True)]
    for place in itertools.product(*map(range, counts)):
        data = read(f"{name}/{'.'.join(map(str, place))}")
        chunk = np.frombuffer(codec.decode(data) if codec else data, about["dtype"]).reshape(about["chunks"])
        part = tuple(
            slice(at * step, min((at + 1) * step, size))
            for at, step, size in zip(place, about["chunks"], about["shape"], strict=True)
        )
        found[part] = chunk[tuple(slice(0, each.stop - each.start) for each in part)]
    return found


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
@pytest.mark.parametrize("name", ["x.zarr", "x.zarr.zip"])
@pytest.mark.parametrize("chunk_bytes", [100, 1 << 20])
def test_every_kind_of_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, compression: str, chunk_bytes: int
) -> None:
    monkeypatch.setattr(diffusion_policy, "CHUNK_BYTES", chunk_bytes)
    made = make(episodes={"success": [True, False, True, True]}, attributes={"fps": 10})
    place = write(DiffusionPolicyWriter, tmp_path / name, made, {"compression": compression})
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if name.endswith(".zip"):
        with zipfile.ZipFile(place) as archive:
            contents = {each: archive.read(each) for each in archive.namelist()}
    else:
        contents = {
            path.relative_to(place).as_posix(): path.read_bytes()
            for path in place.rglob("*")
            if path.is_file()
        }
    for each, values in made.values.items():
        stored = by_hand(contents.__getitem__, f"data/{each}")
        if values.dtype == object:
            assert stored.tolist() == values.tolist()
            continue
        assert stored.tobytes() == values.tobytes()
        assert (stored.dtype, stored.shape) == (values.dtype, values.shape)
    ends = by_hand(contents.__getitem__, "meta/episode_ends")
    assert (ends.tolist(), ends.dtype) == (np.cumsum(LENGTHS).tolist(), np.int64)
    assert json.loads(contents[".zattrs"]) == {"fps": 10}
    assert by_hand(contents.__getitem__, "meta/success").tolist() == [True, False, True, True]
    _, read = read_all(place)
    for each, values in made.values.items():
        np.testing.assert_array_equal(read[each], values, strict=values.dtype != object)


def test_zarr_python_reads_it(tmp_path: Path) -> None:
    made = make()
    place = write(DiffusionPolicyWriter, tmp_path / "x.zarr", made)
    group = zarr.open_group(str(place), mode="r", zarr_format=2)
    np.testing.assert_array_equal(group["data/observation.image"][:], made.values["observation.image"])
    assert group["meta/episode_ends"][:].tolist() == np.cumsum(LENGTHS).tolist()


def test_what_may_be_replaced(tmp_path: Path) -> None:
    from unienv_data.formats import Source

    place = write(DiffusionPolicyWriter, tmp_path / "x.zarr", make())
    assert DiffusionPolicyWriter.is_recording(Source(str(place)))
    (place / "data" / "notes.txt").touch()
    assert not DiffusionPolicyWriter.is_recording(Source(str(place)))


def test_refusals() -> None:
    with pytest.raises(ConversionError, match="compression is lz4, zstd or none"):
        DiffusionPolicyWriter.check(make().facts, {"compression": "gzip"})
    with pytest.raises(ConversionError, match="Zarr takes for something else"):
        DiffusionPolicyWriter.check(make({"a/b": np.zeros(ROWS)}).facts)
