"""Windows of ALOHA's files are measured as they say, on two tiny ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.loaders.sampling import WorkersLoader
from benchmarks.suites.aloha import AlohaSuite


@pytest.mark.requires_h5py
@pytest.mark.requires_imagecodecs
def test_suite(tmp_path: Path) -> None:
    import h5py
    import imagecodecs

    source = tmp_path / "source"
    source.mkdir()
    for number, length in enumerate((5, 3)):
        with h5py.File(source / f"episode_{number}.hdf5", "w") as file:
            file["action"] = np.full((length, 14), number, np.float32)
            for camera in ("left", "top"):
                images = np.full((length, 64, 64, 3), 100 * number, np.uint8)
                jpegs = [imagecodecs.jpeg_encode(image) for image in images]
                padded = [
                    np.frombuffer(jpeg.ljust(max(map(len, jpegs)) + 3, b"\0"), np.uint8) for jpeg in jpegs
                ]
                file[f"observations/images/{camera}"] = np.stack(padded)
    suite = AlohaSuite(source, times=3, batch=4, loaders=(WorkersLoader,))
    work = suite.prepare(tmp_path / "data")
    assert work.recording.episodes == ((0, 5), (5, 8), (8, 13), (13, 16), (16, 21), (21, 24))
    assert (work.recording.raw("top")[5:8] == 100).all()
    result = suite(tmp_path / "data", 2)
    assert "2 frames of each of 2 ALOHA cameras" in result.title


def test_a_folder_without_episodes_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        AlohaSuite(tmp_path).prepare(tmp_path / "data")
