"""What commits, what readers see of it, and what a commit that fails leaves."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.unienv_data.replay_buffer.small import SPACE, contents, rows, writer_of
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import ReadOnlyError, SegmentError
from unienv_data.store.objects import LocalObjects


def test_refreshing_moves_forward_only(dataset: str) -> None:
    reader = ReplayBuffer.load_from(dataset)
    assert not reader.refresh()
    with writer_of(dataset) as writer:
        writer.extend(rows(3, 4), episode={"task": "pull", "success": True})
        assert not reader.refresh()
        writer.commit()
        assert not writer.refresh()
        assert contents(reader) == [0, 1, 2]
        assert reader.refresh()
        assert contents(reader) == [0, 1, 2, 3, 4]
        assert reader.get_segments() == [(0, 3), (3, 5)]
        assert reader.episodes["success"].to_pylist() == [None, True]
        assert not reader.refresh()
        writer.append(rows(5)[0])
        writer.set_attributes({"a": 1})
        writer.commit()
        assert not reader.has_open_segment
        assert reader.refresh()
        assert reader.has_open_segment
        assert reader.attributes == {"a": 1}
        writer.clear()
        writer.commit()
        reader.refresh()
        assert contents(reader) == []
        assert reader.get_segments() == []


def test_what_commits(place: str) -> None:
    buffer: Any = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place, commit_interval=1e9)

    def seen() -> int | None:
        return ReplayBuffer.get_length_from_path(place)

    buffer.extend(rows(0, 1))
    buffer.append(rows(2)[0])
    buffer.append_batch(rows(3, 4))
    assert seen() == 0
    buffer.mark_segment_end(commit=False)
    assert seen() == 0
    buffer.commit()
    assert seen() == 5
    buffer.append(rows(5)[0])
    buffer.mark_segment_end()
    assert seen() == 6
    buffer[0] = rows(9)[0]
    buffer.remove_at(1)
    buffer.seal()
    assert seen() == 5
    number = buffer.storage.commit_number
    buffer.commit()
    buffer.mark_segment_end()
    buffer.seal()
    assert buffer.storage.commit_number == number  # nothing has changed
    buffer.extend(rows(6))
    buffer.dumps(place + "-copy")
    assert seen() == 6
    buffer.extend(rows(7))
    buffer.compact()
    assert seen() == 7
    buffer.extend(rows(8))
    buffer.close()
    assert seen() == 8


def test_extending_commits_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    path = tmp_path / "d.zarr"
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path, commit_interval=2.0)
    for seconds, expected in ((0.5, 0), (1.5, 0), (2.5, 3), (4.0, 3), (5.0, 5)):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: now + seconds)
        buffer.extend(rows(1))
        assert ReplayBuffer.get_length_from_path(path) == expected
    at_once = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=tmp_path / "e.zarr", commit_interval=0)
    at_once.extend(rows(1))
    assert ReplayBuffer.get_length_from_path(tmp_path / "e.zarr") == 1


def test_a_commit_that_fails_is_made_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "d.zarr"
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path, commit_interval=1e9)
    buffer.extend(rows(0), episode={"task": "a"})
    for broken in ("store.commits.CommitLog.publish", "replay_buffer.episodes.to_parquet"):
        with monkeypatch.context() as patch:
            patch.setattr(f"unienv_data.{broken}", fail)
            with pytest.raises(OSError, match="No space left"):
                buffer.commit()
        assert ReplayBuffer.get_length_from_path(path) == 0
        buffer.extend(rows(1))
    buffer.commit()
    assert contents(ReplayBuffer.load_from(path)) == [0, 1, 1]
    assert ReplayBuffer.load_from(path).episodes.to_pylist()[0]["task"] == "a"


@pytest.mark.parametrize("written", range(4))
@pytest.mark.parametrize("capacity", [None, 30])
def test_an_append_that_fails_half_way_changes_nothing(
    written: int, capacity: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.zarr"
    buffer: Any = ReplayBuffer.create(
        ZarrStorage,
        SPACE,
        cache_path=path,
        capacity=capacity,
        commit_interval=1e9,
        chunks={"value": 2},
        shards={"value": 4},
    )
    buffer.extend(rows(*range(7)), episode={"task": "a"})
    buffer.commit()
    buffer.append(rows(7)[0])
    real, left = LocalObjects.write, [written]

    def fail(self: LocalObjects, name: str, parts: Any) -> None:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        real(self, name, parts)

    with monkeypatch.context() as patch:
        patch.setattr(LocalObjects, "write", fail)
        with pytest.raises(OSError, match="No space left"):
            buffer.append_batch(rows(*range(100, 118)))
        assert contents(buffer) == list(range(8))
        assert buffer.has_open_segment
        assert buffer.get_segments() == [(0, 7)]
    buffer.append_batch(rows(*range(8, 20)))
    buffer.mark_segment_end()
    assert contents(buffer) == list(range(20))
    buffer.close()
    again = ReplayBuffer.load_from(path)
    assert contents(again) == list(range(20))
    assert again.get_segments() == [(0, 7), (7, 20)]


def test_leaving_the_context_by_an_exception_commits(place: str) -> None:
    def appends_and_fails() -> None:
        with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place, commit_interval=1e9) as buffer:
            buffer.append(rows(7)[0])
            raise KeyError

    with pytest.raises(KeyError):
        appends_and_fails()
    assert contents(ReplayBuffer.load_from(place)) == [7]


def test_an_open_segment_is_gone_on_with_after_opening(place: str) -> None:
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place) as buffer:
        buffer.append(rows(0)[0])
    with writer_of(place) as buffer:
        assert buffer.has_open_segment
        with pytest.raises(SegmentError):
            buffer.extend(rows(1))
        buffer.append(rows(1)[0])
        buffer.mark_segment_end({"task": "push"})
    assert ReplayBuffer.load_from(place).episodes.to_pylist() == [{"start": 0, "length": 2, "task": "push"}]


def test_a_reader_that_is_told_to_change(dataset: str) -> None:
    reader = ReplayBuffer.load_from(dataset)
    for change in (reader.seal, reader.compact, reader.commit, lambda: reader.set_attributes({})):
        with pytest.raises(ReadOnlyError, match="opened for reading"):
            change()
    reader.dumps(dataset + "-copy")
    assert len(ReplayBuffer.load_from(dataset + "-copy")) == 3
