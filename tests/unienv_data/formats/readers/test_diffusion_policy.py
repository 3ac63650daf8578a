"""diffusion-policy's Zarr buffers: one that zarr-python 2 wrote, others written by hand, and damage."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conftest import requires_imagecodecs
from tests.unienv_data.formats.reading import read_all, read_columns
from tests.unienv_data.formats.samples import DATA, convert, expectations, refusal, sha
from tests.unienv_data.formats.zarr_v2 import as_zip, write_array, write_buffer
from unienv_data.errors import ConversionError, MissingDependencyError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.opening import open as open_dataset

SAMPLE = DATA / "diffusion_policy_zarr"
PUSHT = SAMPLE / "pusht_replay.zarr"
EXPECTED = expectations(SAMPLE)["stores"]["pusht_replay.zarr"]
BLOSC = numcodecs.Blosc("zstd", 5, numcodecs.Blosc.BITSHUFFLE)


def smooth(rows: int, seed: int = 0, side: int = 32) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (rows, 4, 4, 3), dtype=np.uint8)
    return small.repeat(side // 4, axis=1).repeat(side // 4, axis=2)


@pytest.mark.parametrize("packed", ["folder", "zip", "deflated zip", "zip of a folder"])
def test_conversion_equals_zarrs_own(tmp_path: Path, packed: str) -> None:
    source = PUSHT
    if packed != "folder":
        kind = zipfile.ZIP_DEFLATED if "deflated" in packed else zipfile.ZIP_STORED
        prefix = "pusht_replay.zarr/" if "of a folder" in packed else ""
        source = as_zip(PUSHT, tmp_path / "pusht.zarr.zip", prefix, kind)
    plan, rows = convert(source, tmp_path / "x.zarr")
    assert (plan.format, plan.version) == ("diffusion_policy", "2")
    assert set(rows) == set(EXPECTED["columns"])
    for name, want in EXPECTED["columns"].items():
        values = rows[name]
        assert (list(values.shape), str(values.dtype)) == (want["shape"], want["dtype"]), name
        assert sha(values) == want["sha256"], name
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert [stop for _, stop in buffer.get_segments()] == EXPECTED["episode_ends"]
        assert buffer.episodes["source_episode"].to_pylist() == list(range(10))


def test_frames_as_uint8_where_nothing_is_lost(tmp_path: Path) -> None:
    plan, _ = convert(PUSHT, tmp_path / "a.zarr")
    (note,) = plan.notes
    assert "--option uint8=img" in note
    for chosen in ("img", "all"):
        plan, rows = convert(PUSHT, tmp_path / f"{chosen}.zarr", format_options={"uint8": chosen})
        assert plan.notes == ()
        assert rows["img"].dtype == np.uint8
        assert sha(rows["img"].astype(np.float32)) == EXPECTED["columns"]["img"]["sha256"]
        assert rows["action"].dtype == np.float32


@pytest.mark.parametrize("value", [0.5, -1.0, 256.0, np.nan, np.inf])
def test_uint8_is_refused_where_a_value_would_change(tmp_path: Path, value: float) -> None:
    frames = smooth(20).astype(np.float32)
    frames[13, 4, 5, 1] = value
    write_buffer(tmp_path / "a", [8, 12], img={"values": frames, "chunks": [6, 32, 32, 3]})
    message = refusal(tmp_path / "a", tmp_path, "--option", "uint8=img")
    assert "row 13 holds" in message
    assert "[4, 5, 1]" in message
    assert "leave out --option uint8" in message


def test_uint8_of_what_is_no_float_column(tmp_path: Path) -> None:
    message = refusal(PUSHT, tmp_path, "--option", "uint8=image")
    assert "no columns of floats called image; those that look like frames are img" in message


@given(data=st.data())
def test_any_spans_of_any_layout(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Against zarr-python, which reads the same files."""
    root = tmp_path_factory.mktemp("made") / "a"
    lengths = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=6))
    rows = sum(lengths)
    shape = (rows, *data.draw(st.lists(st.integers(1, 5), max_size=3)))
    chunks = [data.draw(st.integers(1, max(1, size + 2))) for size in shape]
    order = data.draw(st.sampled_from("CF"))
    dtype = data.draw(st.sampled_from(["<f4", ">f8", "<i2", "|u1", "|b1", "<f2"]))
    values = np.random.default_rng(0).integers(0, 2 if dtype == "|b1" else 100, shape).astype(dtype)
    options: dict[str, Any] = {}
    if data.draw(st.booleans()):
        options = {
            "compressor": BLOSC.get_config(),
            "encode": lambda chunk: BLOSC.encode(chunk.tobytes(order=order)),
        }
    bands = -(-rows // chunks[0]) if rows else 0
    left_out = data.draw(st.sets(st.integers(0, max(0, bands - 1)), max_size=2))
    write_buffer(
        root,
        lengths,
        x={
            "values": values,
            "chunks": chunks,
            "order": order,
            "separator": data.draw(st.sampled_from("./")),
            "fill_value": 1,
            "leave_out": sorted(left_out),
            **options,
        },
    )
    chosen = data.draw(st.lists(st.sampled_from(range(len(lengths))), unique=True).map(sorted))
    starts = np.cumsum([0, *lengths])
    expected = np.asarray(zarr.open_group(str(root), mode="r")["data/x"][...])
    with open_reader(Source(str(root))) as reader:
        column = reader.facts().columns[0]
        assert column.space.dtype == np.dtype(dtype).newbyteorder("=")
        reader.check(["x"], chosen)
        if any(lengths[episode] for episode in chosen):
            found = read_columns(reader, ["x"], chosen, target_bytes=data.draw(st.integers(1, 500)))["x"]
            want = np.concatenate([expected[starts[e] : starts[e + 1]] for e in chosen])
            np.testing.assert_array_equal(found, want)
            assert found.dtype == np.dtype(dtype).newbyteorder("=")


def test_each_chunk_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from unienv_data.formats.readers.diffusion_policy.codecs import ChunkDecoder

    count: list[int] = []
    decode = ChunkDecoder.decode_into

    def counted(self: ChunkDecoder, data: bytes, out: NDArray[Any]) -> bool:
        count.append(len(out))
        return decode(self, data, out)

    monkeypatch.setattr(ChunkDecoder, "decode_into", counted)
    with open_reader(Source(str(PUSHT))) as reader:
        reader.facts()
        count.clear()
        read_columns(reader, ["img"], range(10), target_bytes=1 << 20)
    assert count == [19] * -(-480 // 19)


IMAGE_CODECS = {
    "imagecodecs_jpeg2k": ({"level": 50, "codecformat": None, "numthreads": 1}, "jpeg2k"),
    "imagecodecs_jpegxl": ({"level": 90, "effort": None, "numthreads": 1}, "jpegxl"),
    "imagecodecs_jpeg": ({"level": 90}, "jpeg"),
    "imagecodecs_png": ({"level": None}, None),
}


@requires_imagecodecs
@pytest.mark.parametrize("codec", IMAGE_CODECS)
@pytest.mark.parametrize("packed", [False, True])
def test_image_codecs(codec: str, packed: bool, tmp_path: Path) -> None:
    """As diffusion-policy's real robot data and UMI's have them: a frame a chunk."""
    import imagecodecs

    settings, lossy = IMAGE_CODECS[codec]
    short = {"imagecodecs_jpeg": "jpeg8"}.get(codec, codec.removeprefix("imagecodecs_"))
    encode, decode = getattr(imagecodecs, f"{short}_encode"), getattr(imagecodecs, f"{short}_decode")
    frames = smooth(24)
    files = [bytes(encode(frame, level=settings["level"])) for frame in frames]
    want = np.stack([decode(file) for file in files])
    numbers = iter(range(24))
    write_buffer(
        tmp_path / "a",
        [10, 14],
        camera_0={
            "values": frames,
            "chunks": [1, 32, 32, 3],
            # `verbosity` stands for what other releases of the codec have
            "compressor": {"id": codec, **settings, "verbosity": 0},
            "encode": lambda chunk: files[next(numbers)],
        },
        action={"values": np.arange(48.0).reshape(24, 2), "chunks": [7, 2]},
    )
    source = as_zip(tmp_path / "a", tmp_path / "a.zarr.zip") if packed else tmp_path / "a"
    for choice in ("copy", "lossless"):
        plan, rows = convert(source, tmp_path / f"{choice}.zarr", frames=choice)
        np.testing.assert_array_equal(rows["camera_0"], want)
        (camera,) = [planned for planned in plan.columns if planned.path == "camera_0"]
        assert camera.is_copied == (choice == "copy" and codec != "imagecodecs_jpeg2k")
        if camera.is_copied:
            assert camera.estimate.codec.startswith(codec.removeprefix("imagecodecs_"))
            with open_dataset(str(tmp_path / "copy.zarr")) as buffer:
                stored = {info.name: info.stored_bytes for info in buffer.storage.describe()}
            assert stored["camera_0"] <= 1.1 * sum(map(len, files)) + 24 * 40
    np.testing.assert_array_equal(rows["action"], np.arange(48.0).reshape(24, 2))
    assert {planned.path: planned.column.lossy for planned in plan.columns} == {
        "camera_0": lossy,
        "action": None,
    }


@requires_imagecodecs
def test_a_damaged_frame_is_not_kept(tmp_path: Path) -> None:
    import imagecodecs

    files = [bytes(imagecodecs.jpegxl_encode(frame)) for frame in smooth(9)]
    files[6] = files[6][: len(files[6]) // 2]
    numbers = iter(range(9))
    camera = {"values": smooth(9), "chunks": [1, 32, 32, 3], "compressor": {"id": "imagecodecs_jpegxl"}}
    write_buffer(tmp_path / "a", [4, 5], camera_0={**camera, "encode": lambda chunk: files[next(numbers)]})
    for choice in ("copy", "lossless"):
        message = refusal(tmp_path / "a", tmp_path, "--frames", choice)
        assert "data/camera_0" in message
        assert "damaged" in message


def test_without_imagecodecs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    camera = {"values": smooth(4), "chunks": [1, 32, 32, 3], "compressor": {"id": "imagecodecs_jpegxl"}}
    write_buffer(tmp_path / "a", [4], camera_0=camera, action={"values": np.arange(4.0), "chunks": [4]})
    for name in ("imagecodecs", "imagecodecs.numcodecs"):
        monkeypatch.setitem(sys.modules, name, None)
    with open_reader(Source(str(tmp_path / "a"))) as reader:
        assert [column.name for column in reader.facts().columns] == ["action", "camera_0"]
        assert len(read_columns(reader, ["action"], [0])["action"]) == 4
        with pytest.raises(MissingDependencyError, match=r"pip install 'unienv-data\[images\]'$"):
            reader.check(["camera_0"], [0])


def test_what_else_is_said(tmp_path: Path) -> None:
    root = tmp_path / "a"
    write_buffer(root, [3, 0, 4], **{"x": {"values": np.arange(7), "chunks": [2]}})
    write_array(root, "data/obs/pose", np.arange(14.0).reshape(7, 2), [3, 2])
    write_array(root, "meta/success", np.array([True, False, True]), [2])
    write_array(root, "meta/gains", np.arange(6.0).reshape(3, 2), [3, 2])
    texts = numcodecs.VLenUTF8()
    write_array(
        root,
        "data/note",
        np.array(["a", "", "ünï", "d", "e", "f", "g"], object),
        [4],
        dtype="|O",
        filters=[texts.get_config()],
        encode=lambda chunk: texts.encode(np.where(chunk == 0, "", chunk)),
        fill_value="",
    )
    write_array(root, "data/tag", np.array([b"x", b"yy", b"", b"z", b"a", b"b", b"c"]), [7], fill_value=None)
    (root / ".zattrs").write_text('{"robot": "ur5"}')
    (root / "data/x/.zattrs").write_text('{"unit": "m"}')
    plan, rows = convert(root, tmp_path / "x.zarr")
    assert rows["obs"]["pose"].tolist() == np.arange(14.0).reshape(7, 2).tolist()
    assert rows["note"].tolist() == ["a", "", "ünï", "d", "e", "f", "g"]
    assert rows["tag"].tolist() == ["x", "yy", "", "z", "a", "b", "c"]
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert buffer.attributes["robot"] == "ur5"
        assert buffer.attributes["columns"]["x"]["unit"] == "m"
        known = ["start", "length", "source_episode", "gains", "success"]
        assert buffer.episodes.select(known).to_pylist() == [
            {"start": 0, "length": 3, "source_episode": 0, "gains": [0.0, 1.0], "success": True},
            {"start": 3, "length": 4, "source_episode": 2, "gains": [4.0, 5.0], "success": True},
        ]
    assert plan.rows == 7


def test_chunks_that_are_not_there_are_told(tmp_path: Path) -> None:
    write_buffer(
        tmp_path / "a",
        [4, 6],
        x={"values": np.ones(10), "chunks": [2], "leave_out": [1, 4], "fill_value": 7},
        y={"values": np.ones(12), "chunks": [5]},
    )
    plan, rows = convert(tmp_path / "a", tmp_path / "b")
    assert rows["x"].tolist() == [1, 1, 7, 7, 1, 1, 1, 1, 7, 7]
    assert plan.notes[0].startswith("2 of the 5 chunks of x are not there")
    assert plan.notes[1] == "2 rows of y after the last episode's end are left out."


def edit(name: str, **changes: Any) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        about = json.loads((root / name).read_text())
        (root / name).write_text(json.dumps({**about, **changes}))

    return act


def cut(name: str, keep: float = 0.5) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes(
        (root / name).read_bytes()[: int(keep * (root / name).stat().st_size)]
    )


def no_ends(root: Path) -> None:
    shutil.rmtree(root / "meta/episode_ends")
    (root / "meta/episode_ends").mkdir()
    (root / "meta/episode_ends/.zarray").write_text("{")


def falling_ends(root: Path) -> None:
    (root / "meta/episode_ends/0").write_bytes(np.array([47, 40, *range(50, 58)], np.int64).tobytes())


DAMAGES: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "a chunk is cut": (cut("data/img/3.0.0.0"), ["data/img/3.0.0.0", "rows 57 to 75", "blosc"]),
    "a chunk is nearly empty": (cut("data/img/3.0.0.0", 0.001), ["data/img/3.0.0.0", "blosc"]),
    "a chunk is another's": (
        lambda root: shutil.copy(root / "data/action/0.0", root / "data/img/3.0.0.0"),
        ["data/img/3.0.0.0", "values"],
    ),
    "an array is short": (edit("data/state/.zarray", shape=[470, 5]), ["data/state", "[470, 5]", "480 rows"]),
    "an array is no JSON": (cut("data/state/.zarray"), ["data/state/.zarray", "damaged"]),
    "an array of objects": (
        edit("data/state/.zarray", dtype="|O", filters=[{"id": "pickle"}]),
        ["data/state/.zarray", "Python objects (blosc, pickle)"],
    ),
    "pickles as a filter": (
        edit("data/state/.zarray", filters=[{"id": "pickle"}]),
        ["data/state", "pickles, which run whatever code"],
    ),
    "an unknown codec": (
        edit("data/state/.zarray", compressor={"id": "zfpy2"}),
        ["data/state", "zfpy2", "cannot be made"],
    ),
    "ends are no JSON": (no_ends, ["meta/episode_ends/.zarray", "damaged"]),
    "ends fall": (falling_ends, ["meta/episode_ends", "do not rise"]),
    "ends are cut": (cut("meta/episode_ends/0"), ["meta/episode_ends/0", "damaged"]),
    "ends have no chunk": (
        lambda root: (root / "meta/episode_ends/0").unlink(),
        ["meta/episode_ends/0", "missing"],
    ),
    "nothing in data": (lambda root: shutil.rmtree(root / "data"), ["there are no arrays"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(damage: str, tmp_path: Path) -> None:
    act, said = DAMAGES[damage]
    shutil.copytree(PUSHT, tmp_path / "copy")
    act(tmp_path / "copy")
    message = refusal(tmp_path / "copy", tmp_path)
    for part in said:
        assert part in message


def test_damaged_zips(tmp_path: Path) -> None:
    whole = as_zip(PUSHT, tmp_path / "a.zarr.zip").read_bytes()
    (tmp_path / "cut.zarr.zip").write_bytes(whole[: len(whole) // 2])
    assert "the zip is damaged or cut off" in refusal(tmp_path / "cut.zarr.zip", tmp_path)
    flipped = bytearray(whole)
    with zipfile.ZipFile(tmp_path / "a.zarr.zip") as archive:
        place = archive.getinfo("data/img/3.0.0.0").header_offset + 200
    flipped[place] ^= 0xFF
    (tmp_path / "flipped.zarr.zip").write_bytes(flipped)
    message = refusal(tmp_path / "flipped.zarr.zip", tmp_path)
    assert "flipped.zarr.zip: data/img/3.0.0.0: damaged: Bad CRC-32" in message
    with zipfile.ZipFile(tmp_path / "other.zarr.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    assert "nothing says where episodes end" in refusal(tmp_path / "other.zarr.zip", tmp_path)


def test_zarr_3_is_refused_with_the_reason(tmp_path: Path) -> None:
    group = zarr.open_group(str(tmp_path / "a"), mode="w", zarr_format=3)
    group.create_array("meta/episode_ends", data=np.array([3]))
    group.create_array("data/x", data=np.arange(3))
    assert "this buffer is Zarr format 3" in refusal(tmp_path / "a", tmp_path)


def test_all_before_a_damaged_episode_comes(tmp_path: Path) -> None:
    shutil.copytree(PUSHT, tmp_path / "copy")
    (tmp_path / "copy/data/img/4.0.0.0").write_bytes(b"")  # rows 76 to 94: episodes 1 and 2
    with open_reader(Source(str(tmp_path / "copy"))) as reader:
        assert len(read_columns(reader, ["img"], [0])["img"]) == 47
        for episode in (1, 2):
            with pytest.raises(ConversionError, match=r"4\.0\.0\.0"):
                read_columns(reader, ["img"], [episode])
        assert len(read_columns(reader, ["img"], range(3, 10))["img"]) == 340


def test_detected() -> None:
    assert detect(Source(str(PUSHT))).name == "diffusion_policy"
    facts, _ = read_all(PUSHT)
    assert facts.rows == 480
