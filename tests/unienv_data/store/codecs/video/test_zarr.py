"""zarr-python's own pipeline, with the registered codec, beside this package's gather."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
import zarr

pytest.importorskip("av")

from tests.unienv_data.store.codecs.video.scenes import psnr, scene
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.store.codecs.video import NAME
from unienv_data.store.codecs.video.zarrcodec import VideoZarrCodec
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace


@pytest.fixture(autouse=True)
def registered() -> None:
    """As the entry point does, wherever the package is installed as it stands here."""
    zarr.registry.register_codec(NAME, VideoZarrCodec)


@pytest.mark.parametrize("spec", ["video:h264", "video:av1:preset=12", "video:ffv1", "video:h264rgb"])
def test_sealed_stores_are_read_by_zarr(tmp_path: Path, spec: str) -> None:
    rows = scene(100, (24, 32, 3))
    space = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=(24, 32, 3))
    with ReplayBuffer.create(
        ZarrStorage, space, cache_path=tmp_path / "a.zarr", codecs={"value": spec}
    ) as made:
        made.extend(rows[:70])
        made.extend(rows[70:])
        made.seal()
        ours = made.get_at(slice(None))
    array = zarr.open_array(tmp_path / "a.zarr" / "storage" / "columns" / "value", mode="r")
    assert array.shape == rows.shape
    np.testing.assert_array_equal(array[:], ours)
    np.testing.assert_array_equal(array[65:80], ours[65:80])


@pytest.mark.parametrize("spec", ["h264", "ffv1"])
def test_arrays_that_zarr_writes_are_read_by_it(spec: str) -> None:
    from unienv_data.store.codecs import ChunkShape, chain_of, make_codec

    chunk = ChunkShape(16, np.dtype(np.uint8), (24, 32, 3))
    chain = chain_of(f"video:{spec}", chunk)
    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=(40, 24, 32, 3),
        chunks=chunk.full,
        dtype="uint8",
        serializer=VideoZarrCodec.from_dict(chain[0]),
        compressors=[],
    )
    rows = scene(40, (24, 32, 3))
    array[:] = rows
    objects = array.store_path.store._store_dict  # type: ignore[attr-defined]
    for number in range(3):
        out = np.empty(chunk.nbytes, np.uint8)
        make_codec(chain[:1], chunk).decode(objects[f"c/{number}/0/0/0"].to_bytes(), out)
        expected = out.reshape(chunk.full)[: 40 - 16 * number]
        np.testing.assert_array_equal(array[16 * number : 16 * number + 16], expected)
    assert psnr(array[:], rows) > 30
    assert array.metadata.to_dict()["codecs"][0] == chain[0]


def test_the_entry_point_names_it() -> None:
    found = [entry for entry in importlib.metadata.entry_points(group="zarr.codecs") if entry.name == NAME]
    if not found:
        pytest.skip("the package is installed from before the codec")
    assert found[0].load() is VideoZarrCodec
