"""The codecs as plain zarr-python's: the same bytes mean the same rows there and in our gather."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.registry import register_codec

from tests.conftest import requires_imagecodecs
from tests.house.tree import ROOT, SRC
from tests.unienv_data.store.codecs.images.pictures import ROWS, SPECS, psnr, smooth
from tests.unienv_data.store.codecs.images.test_conformance import fits
from tests.unienv_data.store.codecs.test_codecs import decode, decoded_by_zarr, encoded_by_zarr
from unienv_data.errors import CodecError
from unienv_data.store.codecs import ChunkShape, chain_of, is_lossless, make_codec
from unienv_data.store.codecs.images import zarr_codecs
from unienv_data.store.codecs.images.zarr_codecs import CODECS

pytestmark = requires_imagecodecs


@pytest.fixture(autouse=True)
def registered() -> Any:
    """Our classes stand for the names, whatever is installed beside them."""
    for name, codec in CODECS.items():
        register_codec(name, codec)
    with zarr.config.set(
        {f"codecs.{name}": f"{c.__module__}.{c.__qualname__}" for name, c in CODECS.items()}
    ):
        yield


@pytest.mark.parametrize("spec", SPECS)
def test_both_ways(spec: str) -> None:
    for dtype in ("uint8", "uint16"):
        for row in ROWS:
            if not fits(spec, dtype, row):
                continue
            chunk = ChunkShape(1, np.dtype(dtype), row)
            chain = chain_of(spec, chunk)
            codec, content = make_codec(chain, chunk), smooth(chunk.full, dtype)
            content[0, 0] = 0 if content[0, 0].max() == 7 else content[0, 0]  # not only the fill value
            ours = codec.encode(content)
            np.testing.assert_array_equal(decoded_by_zarr(chain, chunk, ours), decode(codec, ours))
            theirs = encoded_by_zarr(chain, chunk, content)
            np.testing.assert_array_equal(decode(codec, theirs), decode(codec, ours))


def test_several_rows_a_chunk_and_none_before_the_picture() -> None:
    """Zarr arrays of others have chunks as they like: a batch of frames is one tall picture."""
    frames = smooth((6, 8, 5, 3))
    for shape, chunks in (((6, 8, 5, 3), (4, 8, 5, 3)), ((48, 5, 3), (8, 5, 3)), ((48, 15), (16, 5))):
        array = zarr.create_array(
            {},
            shape=shape,
            chunks=chunks,
            dtype="uint8",
            serializer=CODECS["imagecodecs_png"](),
            compressors=None,
        )
        array[...] = frames.reshape(shape)
        np.testing.assert_array_equal(array[...], frames.reshape(shape))


def test_big_endian_arrays() -> None:
    depth = smooth((3, 8, 5), "uint16")
    array = zarr.create_array(
        {},
        shape=(3, 8, 5),
        chunks=(1, 8, 5),
        dtype=">u2",
        serializer=CODECS["imagecodecs_png"](),
        compressors=None,
    )
    array[...] = depth
    np.testing.assert_array_equal(array[...], depth)


@pytest.mark.parametrize("name", sorted(CODECS))
def test_documents_come_back(name: str) -> None:
    codec = CODECS[name]
    settings = {"level": 90} if name == "imagecodecs_jpeg" else {}
    made = codec.from_dict({"name": name, "configuration": settings})
    assert made == codec(settings)
    assert hash(made) == hash(codec(settings))
    assert codec.from_dict(made.to_dict()) == made
    assert made.to_dict() == {"name": name, "configuration": settings} if settings else {"name": name}
    assert codec.from_dict({"name": name}).to_dict() == {"name": name}
    with pytest.raises(ValueError, match=f"'gzip': expected '{name}'"):
        codec.from_dict({"name": "gzip"})
    with pytest.raises(ValueError, match="known once it is encoded"):
        made.compute_encoded_size(5, None)  # type: ignore[arg-type]


def test_errors_reach_the_user() -> None:
    unknown = CODECS["imagecodecs_png"]({"levle": 3})
    array = zarr.create_array(
        {}, shape=(1, 8, 5), chunks=(1, 8, 5), dtype="uint8", serializer=unknown, compressors=None
    )
    with pytest.raises(CodecError, match="unknown configuration levle; it takes filter, level"):
        array[...] = 3
    floats = zarr.create_array(
        {},
        shape=(1, 8, 5),
        chunks=(1, 8, 5),
        dtype="float32",
        serializer=CODECS["imagecodecs_png"](),
        compressors=None,
    )
    with pytest.raises(CodecError, match="float32 pictures of"):
        floats[...] = 3


def test_damage_is_a_value_error() -> None:
    chunk = ChunkShape(1, np.dtype(np.uint8), (8, 5, 3))
    chain = chain_of("jpeg", chunk)[:-1]
    data = make_codec(chain, chunk).encode(smooth(chunk.full))
    with pytest.raises(ValueError, match=r"."):
        decoded_by_zarr(chain, chunk, data[: len(data) // 2])


ENTRY = f"{zarr_codecs.__name__}:{{name}}"


def test_pyproject_registers_every_codec() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    entries = project["entry-points"]["zarr.codecs"]
    mine = {name: entry for name, entry in entries.items() if name.startswith("imagecodecs_")}
    assert mine == {name: ENTRY.format(name=name) for name in CODECS}


def _distribution(folder: Path, name: str, entries: dict[str, str]) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "".join(f"{key} = {value}\n" for key, value in entries.items())
    (info / "entry_points.txt").write_text(f"[zarr.codecs]\n{lines}")


_ASKED = """
import sys, warnings
warnings.simplefilter("error")
from zarr.registry import get_codec_class
print(get_codec_class(sys.argv[1]).__module__)
"""


@pytest.mark.parametrize("beside", ["nobody", "another"])
def test_one_class_stands_for_a_name_whoever_else_registers_it(tmp_path: Path, beside: str) -> None:
    """zarr-python warns where there are two, and takes any."""
    name = "imagecodecs_jpeg"
    others = [entry for entry in entry_points(group="zarr.codecs", name=name) if "unienv" not in entry.value]
    if beside == "another" and others:
        pytest.skip("a real one is installed, and would be a third")
    _distribution(tmp_path, "ours", {name: ENTRY.format(name=name)})
    (tmp_path / "theirs.py").write_text("from zarr.codecs import BytesCodec\nclass Jpeg(BytesCodec): pass\n")
    if beside == "another":
        _distribution(tmp_path, "others", {"imagecodecs_png": "nowhere:Png", name: "theirs:Jpeg"})
    command = [sys.executable, "-c", _ASKED, name]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SRC)])}
    done = subprocess.run(command, capture_output=True, text=True, env=paths, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() in (
        {"theirs"} if beside == "another" else {zarr_codecs.__name__, "imagecodecs.zarr"}
    )


def test_other_names_are_no_codecs() -> None:
    with pytest.raises(AttributeError, match="imagecodecs_gif"):
        _ = zarr_codecs.imagecodecs_gif


def test_lossy_codecs_are_told_apart() -> None:
    chunk = ChunkShape(1, np.dtype(np.uint8), (48, 64, 3))
    for spec in SPECS:
        content = smooth(chunk.full)
        codec = make_codec(chain_of(spec, chunk), chunk)
        found = decode(codec, codec.encode(content))
        assert is_lossless(chain_of(spec, chunk)) == bool(psnr(found, content) == np.inf)
