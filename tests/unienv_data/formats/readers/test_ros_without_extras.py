"""What recordings of topics give where the packages for them are not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import requires_imagecodecs, requires_mcap, requires_rosbags
from tests.unienv_data.formats.reading import read_columns
from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.formats.media.images import decode_image
from unienv_data.formats.readers.ros.pictures import declared_shape

DATA = Path(__file__).parents[3] / "data"
RATE = {"rate": "20"}


@requires_mcap
@requires_rosbags
def test_numbers_need_no_decoder_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with open_reader(Source(str(DATA / "mcap")), options=RATE) as reader:
        columns = {column.name: column for column in reader.facts().columns}
        image = columns["camera.top.compressed.data"]
        assert (image.space.shape, image.space.dtype, image.lossy) == ((96, 128, 3), np.uint8, "jpeg")
        reader.check(["joint_states.position"], range(4))
        assert len(read_columns(reader, ["joint_states.position"], range(4))["joint_states.position"]) == 59
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[images\]'$"):
            reader.check(["camera.top.compressed.data"], range(4))


@pytest.mark.parametrize(("name", "package"), [("mcap", "mcap.reader"), ("rosbag2", "rosbags.typesys")])
def test_the_extra_is_named(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, package.partition(".")[0], None)
    assert detect(Source(str(DATA / name))).name == name
    with (
        open_reader(Source(str(DATA / name)), options={"rate": "20"}) as reader,
        pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[ros\]'$"),
    ):
        reader.facts()


@requires_imagecodecs
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_shapes_that_png_files_declare(shape: tuple[int, ...], dtype: str) -> None:
    import imagecodecs

    data = bytes(imagecodecs.png_encode(np.zeros(shape, dtype)))
    pixels = decode_image(data, "it")
    assert declared_shape(data, "it") == (pixels.shape, pixels.dtype)
    with pytest.raises(ConversionError, match="damaged header"):
        declared_shape(data[:20], "it")
