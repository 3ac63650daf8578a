"""Datasets of this library as sources: every space, episodes, attributes, and rows that are not decoded."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import requires_av, requires_imagecodecs
from tests.unienv_data.formats.samples import convert, refusal
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.formats import Source, detect, open_reader
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import CompressedListStorage, ZarrStorage
from unienv_data.testing import SPACES, same, values
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace
from unienv_interface.space.space_utils.batch_utils import concatenate

B: Any = NumpyComputeBackend
PUSHT = Path(__file__).parents[4] / "examples/data/lerobot_v30_pusht"


def frames_space(**bounds: int) -> DictSpace[Any, Any, Any]:
    image = BoxSpace(B, **{"low": 0, "high": 255, **bounds}, dtype=np.uint8, shape=(16, 24, 3))
    state = BoxSpace(B, -np.inf, np.inf, np.float32, shape=(3,))
    return DictSpace(B, {"image": image, "state": state})


def frames(count: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    smooth = rng.integers(0, 256, (count, 2, 3, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    return {"image": smooth, "state": rng.normal(size=(count, 3)).astype(np.float32)}


def write(path: Path, space: Any, batches: list[Any], storage: Any = ZarrStorage, **options: Any) -> None:
    with ReplayBuffer.create(storage, space, cache_path=str(path), **options) as buffer:
        for number, batch in enumerate(batches):
            buffer.extend(batch, {"task": f"task {number}", "number": number})


@pytest.mark.parametrize("name", [name for name in SPACES if name != "dict_empty"])
def test_every_space(name: str, tmp_path: Path) -> None:
    space = SPACES[name](B)
    rows = values(name, B)
    batch = concatenate(space, rows)
    write(tmp_path / "a", space, [batch, batch])
    with open_reader(Source(str(tmp_path / "a"))) as reader:
        assert reader.facts().space == space
    run_conversion(plan_conversion(str(tmp_path / "a"), str(tmp_path / "b")))
    with open_dataset(tmp_path / "a") as before, open_dataset(tmp_path / "b") as after:
        assert after.single_space == space
        assert after.get_segments() == [(0, len(rows)), (len(rows), 2 * len(rows))]
        assert same(after[:], before[:])


@pytest.mark.parametrize("name", ["robot", "everything", "union", "graph"])
@pytest.mark.parametrize("target_bytes", [1, 200, 1 << 20])
def test_chunks_of_any_size(name: str, target_bytes: int, tmp_path: Path) -> None:
    space = SPACES[name](B)
    rows = values(name, B)
    write(tmp_path / "a", space, [concatenate(space, rows)] * 3)
    with open_reader(Source(str(tmp_path / "a"))) as reader, open_dataset(tmp_path / "a") as whole:
        columns = [column.name for column in reader.facts().columns]
        for chosen in ([columns[0]], columns[::-1]):
            count = 0
            for chunk in reader.chunks(chosen, [0, 2], target_bytes=target_bytes):
                assert list(chunk.columns) == chosen
                first = chunk.episode * len(rows) + chunk.start
                want = whole[first : first + chunk.rows]
                for column in reader.facts().columns:
                    if column.name in chosen:
                        value = want
                        for key in column.path:
                            value = value[key]
                        assert same(chunk.columns[column.name], value)
                count += chunk.rows
            assert count == 2 * len(rows)


def test_episodes_and_attributes(tmp_path: Path) -> None:
    described = {"robot": "arm", "rig": {"fps": 30}, "columns": {"state": {"names": ["x", "y", "z"]}}}
    write(tmp_path / "a", frames_space(), [frames(3), frames(5), frames(2)], attributes=described)
    plan, rows = convert(tmp_path / "a", tmp_path / "b")
    with open_dataset(tmp_path / "a") as before, open_dataset(tmp_path / "b") as after:
        assert same(rows, before[:])
        assert after.episodes["source_episode"].to_pylist() == [0, 1, 2]
        assert after.episodes.select(before.episodes.column_names).equals(before.episodes)
        attributes = after.attributes
    assert (attributes["robot"], attributes["rig"]) == ("arm", {"fps": 30})
    assert attributes["columns"]["state"]["names"] == ["x", "y", "z"]
    assert attributes["source"]["format"] == "unienv_data"
    assert "earlier_sources" not in attributes
    assert (plan.format, plan.version) == ("unienv_data", "1")


@requires_av
def test_what_was_converted_stays_as_it_was(tmp_path: Path) -> None:
    """Twice converted is once converted: frames are never decoded, episodes keep their names."""
    _, first = convert(PUSHT, tmp_path / "a", episodes="3:8")
    plan, second = convert(tmp_path / "a", tmp_path / "b", episodes="1:4")
    assert [c.is_copied for c in plan.columns if c.path == "observation/image"] == [True]
    assert same(second, {name: value for name, value in _rows(first, slice(25, 25 + 80 + 53 + 38)).items()})
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.episodes["source_episode"].to_pylist() == [4, 5, 6]
        assert [source["format"] for source in buffer.attributes["earlier_sources"]] == ["lerobot_v30"]
        image = buffer.attributes["columns"]["observation/image"]
        assert (image["source"], image["lossy"], image["copied"]) == ("observation.image", "video", True)
    _, third = convert(tmp_path / "b", tmp_path / "c", frames="lossless")
    assert same(third, second)
    with open_dataset(tmp_path / "c") as buffer:
        assert "copied" not in buffer.attributes["columns"]["observation/image"]


def _rows(value: Any, rows: slice) -> Any:
    return {key: _rows(part, rows) for key, part in value.items()} if isinstance(value, dict) else value[rows]


CODECS = [
    pytest.param("zstd", id="zstd"),
    pytest.param("lz4", id="lz4"),
    pytest.param("jpeg:90", id="jpeg", marks=requires_imagecodecs),
    pytest.param("png", id="png", marks=requires_imagecodecs),
    pytest.param("video:h264:crf=20", id="h264", marks=requires_av),
]


@pytest.mark.parametrize("codec", CODECS)
def test_encoded_chunks_are_copied(codec: str, tmp_path: Path) -> None:
    chunks = {} if codec.startswith("video") else {"image": 1}
    batches = [frames(70), frames(40, 1)]
    write(tmp_path / "a", frames_space(), batches, codecs={"image": codec}, chunks=chunks)
    with ReplayBuffer.load_from(tmp_path / "a", read_only=False) as buffer:
        buffer.remove_at(np.r_[5:9, 80:82])
        buffer.extend(frames(10, 2))
    with open_dataset(tmp_path / "a") as buffer:
        want, stored = buffer[:], {info.name: info for info in buffer.storage.describe()}["image"]
    plan = plan_conversion(str(tmp_path / "a"), str(tmp_path / "b"))
    by_path = {planned.path: planned for planned in plan.columns}
    assert by_path["image"].is_copied
    assert by_path["image"].estimate.codec == stored.codec
    assert by_path["image"].estimate.lossy is False, "what is copied loses nothing"
    run_conversion(plan)
    with open_dataset(tmp_path / "b") as buffer:
        assert same(buffer[:], want)
        info = {info.name: info for info in buffer.storage.describe()}["image"]
        assert (info.codec, info.chunk_rows, info.lossy) == (stored.codec, stored.chunk_rows, stored.lossy)
        (column,) = [c for c in plan.columns if c.path == "image"]
        assert (column.column.lossy is not None) == stored.lossy


@requires_imagecodecs
def test_a_codec_that_is_there_already_is_no_reason_to_encode(tmp_path: Path) -> None:
    write(tmp_path / "a", frames_space(), [frames(20)], codecs={"image": "jpeg:90"})
    with open_dataset(tmp_path / "a") as buffer:
        want = buffer[:]
    for codec, copied in (("jpeg:90", True), ("jpeg:70", False)):
        plan, rows = convert(tmp_path / "a", tmp_path / codec.replace(":", "_"), codecs={"image": codec})
        (image,) = [planned for planned in plan.columns if planned.path == "image"]
        assert image.is_copied == copied
        assert np.array_equal(rows["image"], want["image"]) == copied
        assert image.estimate.lossy != copied


def test_bounds_are_kept_by_decoding(tmp_path: Path) -> None:
    """Encoded rows cannot be seen to be within bounds."""
    space = frames_space(low=0, high=254)
    batch = frames(6)
    batch["image"] = np.minimum(batch["image"], 254)
    write(tmp_path / "a", space, [batch])
    plan, rows = convert(tmp_path / "a", tmp_path / "b")
    assert not any(planned.is_copied for planned in plan.columns)
    assert plan.space == space
    assert same(rows, batch)


def test_other_codecs_chunks_and_columns(tmp_path: Path) -> None:
    write(tmp_path / "a", frames_space(), [frames(50), frames(20, 1)])
    plan, rows = convert(tmp_path / "a", tmp_path / "b", codecs={"image": "zstd:1"}, exclude=("state",))
    assert set(rows) == {"image"}
    assert not plan.columns[0].is_copied
    np.testing.assert_array_equal(
        rows["image"], np.concatenate([frames(50)["image"], frames(20, 1)["image"]])
    )


def test_a_ring(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with ReplayBuffer.create(ZarrStorage, frames_space(), cache_path=str(path), capacity=50) as buffer:
        for seed in range(6):
            buffer.extend(frames(15, seed), {"seed": seed})
        want, segments = buffer[:], buffer.get_segments()
    _, rows = convert(path, tmp_path / "b")
    assert same(rows, want)
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.get_segments() == segments
        assert buffer.episodes["seed"].to_pylist() == [2, 3, 4, 5]


def test_rows_outside_of_episodes(tmp_path: Path) -> None:
    with ReplayBuffer.create(ZarrStorage, frames_space(), cache_path=str(tmp_path / "a")) as buffer:
        buffer.extend(frames(4), {"task": "a"})
        buffer.append_batch(frames(3, 1))
        want = buffer[:]
    plan, rows = convert(tmp_path / "a", tmp_path / "b")
    assert same(rows, want)
    assert plan.notes == ("3 rows belong to no ended episode; they become episodes of their own.",)
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.get_segments() == [(0, 4), (4, 7)]
        assert buffer.episodes["task"].to_pylist() == ["a", None]


def test_without_segments(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    with ReplayBuffer.create(
        ZarrStorage, frames_space(), cache_path=path, maintain_segment_metadata=False
    ) as buffer:
        buffer.append_batch(frames(9))
    plan, rows = convert(tmp_path / "a", tmp_path / "b")
    assert (plan.episodes, plan.notes) == ((0,), ())
    assert same(rows, frames(9))


def test_names_of_episodes_that_do_not_tell_them_apart(tmp_path: Path) -> None:
    with ReplayBuffer.create(ZarrStorage, frames_space(), cache_path=str(tmp_path / "a")) as buffer:
        for name in (0, 1, 0):
            buffer.extend(frames(2), {"source_episode": name})
    convert(tmp_path / "a", tmp_path / "b")
    with open_dataset(tmp_path / "b") as buffer:
        assert buffer.episodes["source_episode"].to_pylist() == [0, 1, 2]
        assert buffer.episodes["earlier_source_episode"].to_pylist() == [0, 1, 0]


def test_another_storage(tmp_path: Path) -> None:
    """A list of compressed items, written out."""
    batch = frames(7)
    with ReplayBuffer.create(CompressedListStorage, frames_space(), capacity=7) as buffer:
        buffer.extend(batch)
        buffer.dumps(tmp_path / "a")
    _, rows = convert(tmp_path / "a", tmp_path / "b")
    assert same(rows, batch)


def test_an_earlier_commit(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    write(tmp_path / "a", frames_space(), [frames(4)])
    with ReplayBuffer.load_from(path, read_only=False) as buffer:
        number = buffer.storage.commit_number
        buffer.extend(frames(3, 1))
    chosen = ConversionOptions(format_options={"commit": str(number)})
    assert plan_conversion(path, str(tmp_path / "b"), chosen).rows == 4
    assert plan_conversion(path, str(tmp_path / "b")).rows == 7
    with pytest.raises(ConversionError, match="the number of a commit was expected, not 'new'"):
        open_reader(Source(path), options={"commit": "new"})


def test_detected(tmp_path: Path) -> None:
    write(tmp_path / "a", frames_space(), [frames(4)])
    assert detect(Source(str(tmp_path / "a"))).name == "unienv_data"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "metadata.json").write_text('{"format": "another"}')
    with pytest.raises(ConversionError, match="no known format"):
        detect(Source(str(tmp_path / "other")))


def _shards(root: Path) -> list[Path]:
    return sorted(file for file in (root / "storage/columns/image").rglob("*") if file.name != "zarr.json")


def _commits(root: Path) -> list[Path]:
    return sorted((root / "storage/commits").iterdir())


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a shard is gone": (lambda root: _shards(root)[0].unlink(), "missing"),
    "a shard is damaged": (lambda root: _flip(_shards(root)[0]), "of image cannot be decoded"),
    "a shard is cut": (
        lambda root: _shards(root)[0].write_bytes(_shards(root)[0].read_bytes()[:2000]),
        "storage/columns/image",
    ),
    "commits are damaged": (lambda root: [_flip(path) for path in _commits(root)], "commits"),
    "commits are gone": (lambda root: shutil.rmtree(root / "storage/commits"), "dataset"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_in_a_paragraph(damage: str, tmp_path: Path) -> None:
    batch = frames(200)
    batch["image"] = np.random.default_rng(0).integers(0, 256, batch["image"].shape, dtype=np.uint8)
    write(tmp_path / "a", frames_space(), [batch], shards={"image": 64})
    act, said = DAMAGES[damage]
    act(tmp_path / "a")
    message = refusal(tmp_path / "a", tmp_path, "--frames", "lossless")
    assert str(tmp_path / "a") in message
    assert said in message


def test_an_empty_dataset(tmp_path: Path) -> None:
    write(tmp_path / "a", frames_space(), [])
    assert "there are no rows in the source" in refusal(tmp_path / "a", tmp_path)
