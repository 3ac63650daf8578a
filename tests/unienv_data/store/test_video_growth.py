"""Columns of video that grow by commits, end in crashes, are rewritten, copied and compacted.

What anybody has read of a committed row never changes; where nothing is lost, it is what was appended.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("av")

from tests.unienv_data.store.codecs.video.scenes import psnr, scene
from unienv_data.columns import EncodedRows
from unienv_data.errors import CodecError, CorruptDataError, SpaceError, SpaceValueError
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.store.codecs.video import encoding, parse_payload
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace

SHAPE = (16, 16, 3)
FRAMES = scene(400, SHAPE)
SPECS = {"lossy": "video:h264:gop=4:preset=ultrafast", "lossless": "video:ffv1"}
Buffer = ReplayBuffer[Any, Any, Any, Any, Any]


def space() -> Any:
    frame = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=SHAPE)
    number = BoxSpace(NumpyComputeBackend, -(2**40), 2**40, np.int64, shape=())
    return DictSpace(NumpyComputeBackend, {"frame": frame, "number": number})


def rows(numbers: Any) -> dict[str, NDArray[Any]]:
    numbers = np.asarray(numbers, dtype=np.int64)
    return {"frame": FRAMES[numbers % len(FRAMES)], "number": numbers}


def create(path: Path, spec: str, capacity: int | None = None) -> Buffer:
    return ReplayBuffer.create(
        ZarrStorage,
        space(),
        cache_path=path,
        capacity=capacity,
        codecs={"frame": spec},
        chunks={"frame": 8, "number": 8},
        shards={"frame": 16, "number": 16},
        commit_interval=1e9,
    )


def kill(buffer: Buffer) -> None:
    """What the death of its process leaves of a writer."""
    buffer.storage._store._lock.release()  # type: ignore[attr-defined]
    from unienv_data.replay_buffer import lifetime

    lifetime.forget(buffer)


class Expected:
    """The rows that there must be, and what was read of those that are committed."""

    def __init__(self, lossless: bool) -> None:
        self.lossless = lossless
        self.numbers: list[int] = []
        self.committed: list[int] = []
        self.seen: dict[int, NDArray[Any]] = {}

    def check(self, buffer: Buffer, numbers: list[int], *, committed: bool) -> None:
        found = buffer.get_at(slice(None))
        assert found["number"].tolist() == numbers
        if not numbers:
            return
        frames = found["frame"]
        if self.lossless:
            np.testing.assert_array_equal(frames, rows(numbers)["frame"])
        else:
            assert min(map(psnr, frames, rows(numbers)["frame"])) > 20
        for number, frame in zip(numbers, frames, strict=True):
            if number in self.seen:
                np.testing.assert_array_equal(frame, self.seen[number], err_msg=f"row {number} has changed")
            elif committed:
                self.seen[number] = frame.copy()


STEP = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 13)),
    st.tuples(
        st.sampled_from(["one", "end", "commit", "reader", "reopen", "kill", "seal", "compact"]), st.just(0)
    ),
    st.tuples(st.sampled_from(["set", "remove"]), st.integers(0, 10**6)),
)


@pytest.mark.parametrize("kind", SPECS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=4, max_size=25))
def test_whatever_happens_committed_rows_stay(
    tmp_path_factory: pytest.TempPathFactory, kind: str, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.mktemp("video") / "a.zarr"
    model = Expected(kind == "lossless")
    buffer = create(path, SPECS[kind])
    new = 0
    for step, argument in steps:
        if step in ("append", "one"):
            count = argument or 1
            numbers = [*range(new, new + count)]
            new += count
            if argument:
                buffer.append_batch(rows(numbers))
            else:
                buffer.append({name: column[0] for name, column in rows(numbers).items()})
            model.numbers += numbers
        elif step == "set" and model.numbers:
            place = argument % len(model.numbers)
            buffer.set_at(place, {name: column[0] for name, column in rows([new]).items()})
            model.numbers[place] = new
            new += 1
        elif step == "remove" and model.numbers:
            place = argument % len(model.numbers)
            buffer.remove_at(place)
            del model.numbers[place]
        elif step == "end":
            buffer.mark_segment_end(commit=False)
        elif step == "reader":
            if model.committed or path.joinpath("metadata.json").exists():
                with ReplayBuffer.load_from(path) as reader:
                    model.check(reader, model.committed, committed=True)
        elif step == "kill":
            kill(buffer)
            buffer = ReplayBuffer.load_from(path, read_only=False, commit_interval=1e9)
            model.numbers = list(model.committed)
        elif step in ("commit", "reopen", "seal", "compact"):
            if step == "reopen":
                buffer.close()
                buffer = ReplayBuffer.load_from(path, read_only=False, commit_interval=1e9)
            else:
                getattr(buffer, step)()
            model.committed = list(model.numbers)
            model.check(buffer, model.numbers, committed=True)
        model.check(buffer, model.numbers, committed=False)
    buffer.mark_segment_end()
    model.check(buffer, model.numbers, committed=True)
    buffer.dumps(path.with_name("copy.zarr"))
    with ReplayBuffer.load_from(path.with_name("copy.zarr"), read_only=False) as copy:
        model.check(copy, model.numbers, committed=True)
        copy.append_batch(rows([new, new + 1]))
        copy.mark_segment_end()
        model.check(copy, [*model.numbers, new, new + 1], committed=True)
    buffer.close()


@pytest.mark.parametrize("kind", SPECS)
def test_a_ring(tmp_path: Path, kind: str) -> None:
    model = Expected(kind == "lossless")
    buffer = create(tmp_path / "ring.zarr", SPECS[kind], capacity=20)
    for start in range(0, 90, 9):
        buffer.append_batch(rows(range(start, start + 9)))
        buffer.mark_segment_end()
        model.check(buffer, [*range(max(0, start + 9 - 20), start + 9)], committed=True)
        with ReplayBuffer.load_from(tmp_path / "ring.zarr") as reader:
            model.check(reader, [*range(max(0, start + 9 - 20), start + 9)], committed=True)
    buffer.compact()
    model.check(buffer, [*range(70, 90)], committed=True)
    buffer.close()


def encoded_frames(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames each call of an encoder gets from now on."""
    from unienv_data.store.codecs.video import chunkcodec

    counts: list[int] = []

    def counted(rows: NDArray[Any], *others: Any) -> Any:
        counts.append(len(rows))
        return encoding.encode_frames(rows, *others)

    monkeypatch.setattr(chunkcodec, "encode_frames", counted)
    return counts


def test_no_frame_is_encoded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = create(tmp_path / "a.zarr", SPECS["lossy"])
    counts = encoded_frames(monkeypatch)
    for number in range(0, 60, 3):
        buffer.append_batch(rows(range(number, number + 3)))
        buffer.commit()
        buffer.get_at(slice(None))
    assert sum(counts) == 60
    buffer.mark_segment_end()
    kill(buffer)
    buffer = ReplayBuffer.load_from(tmp_path / "a.zarr", read_only=False)
    buffer.append_batch(rows([60]))  # copies the unfinished block
    buffer.mark_segment_end()
    buffer.remove_at([0, 13])
    buffer.compact()
    buffer.dumps(tmp_path / "b.zarr")
    buffer.close()
    assert sum(counts) == 61


def test_groups_begin_with_episodes(tmp_path: Path) -> None:
    buffer = create(tmp_path / "a.zarr", "video:h264:gop=100")
    for start, stop in ((0, 3), (3, 5), (5, 8)):
        buffer.append_batch(rows(range(start, stop)))
        buffer.mark_segment_end(commit=False)
    buffer.extend(rows([8, 9]))
    buffer.extend(rows(range(10, 16)))
    buffer.close()
    (shard,) = (tmp_path / "a.zarr" / "storage" / "columns" / "frame").glob("c.*")
    data = shard.read_bytes()
    index = np.frombuffer(data[-4 - 16 * 2 : -4], "<u8").reshape(2, 2).tolist()
    payloads = [parse_payload(data[start : start + length - 4]) for start, length in index]
    assert [payload.groups[:, 2].tolist() for payload in payloads] == [[3, 2, 3], [2, 6]]


def test_values_that_do_not_fit_leave_everything_as_it_was(tmp_path: Path) -> None:
    depth = BoxSpace(NumpyComputeBackend, 0, 65535, np.uint16, shape=(8, 8))
    buffer = ReplayBuffer.create(
        ZarrStorage, depth, cache_path=tmp_path / "a.zarr", codecs={"value": "video:ffv1:bits=12"}
    )
    good = np.arange(5 * 64, dtype=np.uint16).reshape(5, 8, 8)
    buffer.extend(good)
    for count in (1, 200):
        bad = np.zeros((count, 8, 8), np.uint16)
        bad[-1, 3, 3] = 4096
        with pytest.raises(CodecError, match="a value of 4096, where bits=12"):
            buffer.extend(bad)
        np.testing.assert_array_equal(buffer.get_at(slice(None)), good)
    buffer.close()


def test_a_damaged_chunk_is_named(tmp_path: Path) -> None:
    with create(tmp_path / "a.zarr", SPECS["lossy"]) as buffer:
        buffer.extend(rows(range(16)))
    (shard,) = (tmp_path / "a.zarr" / "storage" / "columns" / "frame").glob("c.*")
    data = bytearray(shard.read_bytes())
    data[len(data) // 4] ^= 1
    shard.write_bytes(data)
    with ReplayBuffer.load_from(tmp_path / "a.zarr") as reader:
        with pytest.raises(CorruptDataError, match=r"c\.0\.0\.0\.0: rows 0 to 7 of frame cannot be decoded"):
            reader.get_at(3)
        assert psnr(reader.get_at(12)["frame"], FRAMES[12]) > 20


def test_encoded_rows_are_stored_as_they_are(tmp_path: Path) -> None:
    with create(tmp_path / "a.zarr", SPECS["lossy"]) as source:
        source.extend(rows(range(40)))
        expected = source.get_at(slice(None))["frame"]
        store = source.storage._store  # type: ignore[attr-defined]
        array = store._reader._arrays["frame"]
        source.commit()
        encoded = store._reader.with_commit(store.commit_read, None).encoded_rows(array, range(3, 37))
    assert encoded.shape == (34, *SHAPE)
    with create(tmp_path / "b.zarr", SPECS["lossless"]) as target:
        target.append_batch(rows(range(5)))
        target.append_batch({"frame": encoded, "number": np.arange(34)})
        target.append_batch(rows(range(5, 8)))
        found = target.get_at(slice(None))["frame"]
        target.mark_segment_end()
        np.testing.assert_array_equal(target.get_at(slice(None))["frame"], found)
    np.testing.assert_array_equal(found[5:39], expected[3:37])
    np.testing.assert_array_equal(np.delete(found, slice(5, 39), axis=0), FRAMES[:8])


def test_encoded_rows_that_do_not_fit(tmp_path: Path) -> None:
    frame = EncodedRows(np.dtype(np.uint8), SHAPE, [b"no video"], [2])
    other = EncodedRows(np.dtype(np.uint8), (4, 4, 3), [b""], [2])
    number = np.arange(2)
    with create(tmp_path / "a.zarr", SPECS["lossy"]) as buffer:
        buffer.extend(rows(range(3)))
        before = buffer.get_at(slice(None))["frame"]
        with pytest.raises(CodecError, match="encoded rows that do not fit"):
            buffer.extend({"frame": frame, "number": number})
        with pytest.raises(SpaceValueError, match="frame"):
            buffer.extend({"frame": other, "number": number})
        np.testing.assert_array_equal(buffer.get_at(slice(None))["frame"], before)
    with create(tmp_path / "b.zarr", "zstd") as buffer, pytest.raises(CodecError, match="decode them"):
        buffer.extend({"frame": frame, "number": number})
    with (
        ReplayBuffer.create(ZarrStorage, space()) as buffer,
        pytest.raises(SpaceError, match="decode encoded rows"),
    ):
        buffer.extend({"frame": frame, "number": number})
