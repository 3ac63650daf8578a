"""Statistics that a buffer keeps: right, or given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data.errors import CorruptDataError, ReadOnlyError, SpaceError
from unienv_data.formats.base import space_of
from unienv_data.formats.tabular.arrow import array_space, text_space
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer, gathering
from unienv_data.replay_buffer.gathering import gathered_statistics, sampled_rows
from unienv_data.statistics import DatasetAccumulator, leaves_of, spaces_of
from unienv_data.storages import CompressedListStorage, ZarrStorage
from unienv_interface.transformations import ImageToFloatTransformation, NormalizeTransformation

SPACE = space_of(
    {
        ("obs", "state"): array_space(np.dtype(np.float32), (3,)),
        ("obs", "image"): array_space(np.dtype(np.uint8), (8, 6, 3)),
        ("action",): array_space(np.dtype(np.float64), (2,)),
        ("done",): array_space(np.dtype(bool), ()),
        ("task",): text_space(),
    }
)


def rows(count: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "obs": {
            "state": rng.normal(size=(count, 3)).astype(np.float32),
            "image": rng.integers(0, 256, (count, 8, 6, 3), dtype=np.uint8),
        },
        "action": rng.normal(size=(count, 2)),
        "done": np.arange(count) == count - 1,
        "task": np.array(["x"] * count, dtype=object),
    }


def make(path: Path | None, capacity: int | None = None) -> ReplayBuffer[Any, Any, Any, Any, Any]:
    return ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path, capacity=capacity)


def filled(path: Path | None, capacity: int | None = None) -> ReplayBuffer[Any, Any, Any, Any, Any]:
    buffer = make(path, capacity)
    for seed, count in enumerate((5, 1, 9)):
        buffer.extend(rows(count, seed))
    return buffer


def check(found: Any, values: dict[str, Any]) -> None:
    """Statistics against NumPy's of all rows."""
    for path, axes, scale in (("obs/state", (0,), 1), ("obs/image", (0, 1, 2), 255), ("action", (0,), 1)):
        wide = leaves_of(SPACE, values)[path].astype(np.float64) / scale
        np.testing.assert_allclose(found[path]["mean"], wide.mean(axes), rtol=1e-9)
        np.testing.assert_allclose(found[path]["std"], wide.std(axes), rtol=1e-9)
        np.testing.assert_allclose(found[path]["q90"], np.quantile(wide, 0.9, axes), rtol=1e-9)
        np.testing.assert_allclose(found[path]["max"], wide.max(axes), rtol=1e-9)


def test_they_are_kept_with_the_commit(tmp_path: Path) -> None:
    with filled(tmp_path / "x") as buffer:
        assert buffer.stats is None
        buffer.update_stats()
    with open_dataset(tmp_path / "x") as buffer:
        found = buffer.stats
        assert found is not None
        assert (found.rows, found.start, found.stop) == (15, 0, 15)
        assert set(found) == {"obs/state", "obs/image", "action"}
        check(found, buffer[:])
        assert found.columns["done"]["mean"] == 3 / 15
        assert dict(found.columns["task"]) == {"count": 15}
        table = buffer.episode_stats()
        assert table["length"].to_pylist() == [5, 1, 9]
        np.testing.assert_allclose(table["action/mean"][2].as_py(), rows(9, 2)["action"].mean(0))
        with pytest.raises(ReadOnlyError):
            buffer.update_stats()


def test_they_normalize_as_they_are(tmp_path: Path) -> None:
    with filled(tmp_path / "x") as buffer:
        buffer.update_stats()
        values, found = buffer[:], buffer.stats
    assert found is not None
    normal = NormalizeTransformation(found)
    batch = normal.transform(SPACE, values)
    for part, axes in ((batch["obs"]["state"], 0), (batch["obs"]["image"], (0, 1, 2)), (batch["action"], 0)):
        np.testing.assert_allclose(part.mean(axes), 0, atol=1e-5)
        np.testing.assert_allclose(part.std(axes), 1, rtol=1e-5)
    assert batch["task"] is values["task"]
    back = normal.direction_inverse(SPACE).transform(normal.get_target_space_from_source(SPACE), batch)
    np.testing.assert_array_equal(back["obs"]["image"], values["obs"]["image"])
    images = SPACE.spaces["obs"].spaces["image"]  # type: ignore[attr-defined]
    to_float = ImageToFloatTransformation(layout="HWC")
    floats = to_float.transform(images, values["obs"]["image"])
    alone = NormalizeTransformation({"": found["obs/image"]})
    after = alone.transform(to_float.get_target_space_from_source(images), floats)
    np.testing.assert_allclose(after, batch["obs"]["image"], atol=1e-5)


def test_further_rows_leave_them_of_the_first_ones(tmp_path: Path) -> None:
    with filled(tmp_path / "x") as buffer:
        buffer.update_stats()
        buffer.commit()
        first = buffer[:]
        buffer.extend(rows(4, 7))
        found = buffer.stats
        assert found is not None
        assert found.rows == 15
        check(found, first)
        assert buffer.episode_stats().num_rows == 4
        buffer.update_stats()
        assert buffer.stats is not None
        check(buffer.stats, buffer[:])


@pytest.mark.parametrize("change", ["remove", "set", "clear", "evict"])
def test_whoever_changes_a_row_gives_them_up(tmp_path: Path, change: str) -> None:
    with filled(tmp_path / "x", 16 if change == "evict" else None) as buffer:
        buffer.update_stats()
        buffer.commit()
        match change:
            case "remove":
                buffer.remove_at([3])
            case "set":
                buffer.set_at([0, 1], rows(2, 9))
            case "clear":
                buffer.clear()
            case "evict":
                buffer.extend(rows(1, 9))
                assert buffer.stats is not None
                buffer.extend(rows(1, 9))
        assert buffer.stats is None
    with open_dataset(tmp_path / "x") as buffer:
        assert buffer.stats is None
        assert buffer.compute_stats().rows == len(buffer)


def test_older_commits_keep_theirs(tmp_path: Path) -> None:
    with filled(tmp_path / "x") as buffer:
        buffer.update_stats()
        buffer.commit()
        number = buffer.storage.commit_number  # type: ignore[attr-defined]
        buffer.remove_at([0])
    with ReplayBuffer.load_from(tmp_path / "x", commit=number) as buffer:
        assert buffer.stats is not None


def test_copies_and_compaction_keep_them(tmp_path: Path) -> None:
    with filled(tmp_path / "x") as buffer:
        buffer.update_stats()
        buffer.dumps(tmp_path / "y")
        buffer.compact()
        assert buffer.stats is not None
    with open_dataset(tmp_path / "y") as buffer:
        assert buffer.stats is not None
        check(buffer.stats, buffer[:])
        assert buffer.episode_stats().num_rows == 3


def test_in_memory_they_are_computed_only() -> None:
    with filled(None) as buffer:
        assert buffer.stats is None
        check(buffer.compute_stats(), buffer[:])
        with pytest.raises(SpaceError, match="compute_stats"):
            buffer.update_stats()
    space = SPACE.spaces["action"]  # type: ignore[attr-defined]
    with ReplayBuffer.create(CompressedListStorage, space, capacity=None) as other:
        other.extend(np.ones((3, 2)))
        assert other.compute_stats()[""]["mean"].tolist() == [1.0, 1.0]


def test_a_single_box(tmp_path: Path) -> None:
    space = SPACE.spaces["action"]  # type: ignore[attr-defined]
    with ReplayBuffer.create(ZarrStorage, space, cache_path=tmp_path / "x") as buffer:
        values = np.random.default_rng(0).normal(size=(50, 2))
        buffer.extend(values)
        buffer.update_stats()
        assert buffer.stats is not None
        normal = NormalizeTransformation(buffer.stats).transform(space, values)
    np.testing.assert_allclose(normal.std(0), 1)


def test_no_rows(tmp_path: Path) -> None:
    with make(tmp_path / "x") as buffer:
        found = buffer.update_stats()
        assert (found.rows, len(found), found.columns["action"].count) == (0, 0, 0)
        assert buffer.episode_stats().num_rows == 0


def test_damage_is_told(tmp_path: Path) -> None:
    with filled(tmp_path / "x") as buffer:
        buffer.update_stats()
    (document,) = (tmp_path / "x/stats").glob("*.json")
    (table,) = (tmp_path / "x/stats").glob("*.parquet")
    table.write_bytes(table.read_bytes()[:-9] + b"damaged!!")
    with open_dataset(tmp_path / "x") as buffer:
        with pytest.raises(CorruptDataError, match="checksum"):
            buffer.episode_stats()
        document.write_bytes(document.read_bytes().replace(b'"rows":15', b'"rows":16'))
        with pytest.raises(CorruptDataError, match="damaged"):
            buffer.stats  # noqa: B018
        document.unlink()
        with pytest.raises(CorruptDataError, match="missing, but a commit refers to it"):
            buffer.stats  # noqa: B018


def test_frames_are_sampled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert sampled_rows(10, 1).tolist() == list(range(10))
    assert sampled_rows(640, gathering.SAMPLE_BYTES).tolist() == list(range(0, 640, 10))
    assert sampled_rows(0, 1).tolist() == []
    assert sampled_rows(640, 1, is_video=True).tolist() == list(range(0, 640, 10))
    assert sampled_rows(640, 1, is_video=True, every=True).tolist() == list(range(640))
    monkeypatch.setattr(gathering, "SAMPLE_ROWS", 1)
    monkeypatch.setattr(gathering, "SAMPLE_BYTES", 4 * 8 * 6 * 3)
    assert sampled_rows(10, 8 * 6 * 3).tolist() == [0, 2, 5, 7]
    with filled(tmp_path / "x") as buffer:
        frames = buffer[:]["obs"]["image"]
        found = buffer.compute_stats()
        assert (found.columns["obs/image"].count, found.is_sample("obs/image")) == (4, True)
        np.testing.assert_allclose(
            found["obs/image"]["mean"], frames[[0, 3, 7, 11]].mean((0, 1, 2)) / 255, rtol=1e-12
        )
        assert not found.is_sample("action")
        assert buffer.episode_stats()["obs/image/count"].to_pylist() == [2, 0, 2]
        assert buffer.episode_stats()["obs/image/mean"][1].as_py() is None
        check(buffer.compute_stats(every_frame=True), buffer[:])


def test_however_many_rows_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(None) as buffer:
        buffer.append(
            {
                key: {name: part[0] for name, part in value.items()} if key == "obs" else value[0]
                for key, value in rows(1, 5).items()
            }
        )
        whole = gathered_statistics(buffer, buffer.get_segments() or [])
        for size in (1, 200, 1000):
            monkeypatch.setattr(gathering, "READ_BYTES", size)
            found = gathered_statistics(buffer, buffer.get_segments() or [])
            mine, theirs = found.episodes.table(), whole.episodes.table()
            assert mine["length"].equals(theirs["length"])
            for name in mine.column_names:
                one, other = ([*map(np.asarray, table[name].to_pylist())] for table in (mine, theirs))
                np.testing.assert_allclose(one, other, rtol=1e-12, err_msg=name)
            assert found.summaries()["action"].count == 16
            np.testing.assert_allclose(
                found.summaries()["obs/state"]["std"], whole.summaries()["obs/state"]["std"], rtol=1e-12
            )


def test_what_was_collected_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(tmp_path / "x") as buffer:
        spaces = spaces_of(SPACE)
        collected = DatasetAccumulator(spaces, without=["obs/image"])
        for seed, count in enumerate((5, 1, 9)):
            collected.add(leaves_of(SPACE, rows(count, seed)))
            collected.end_episode(count)
        read: list[Any] = []
        parts = type(buffer)._read_parts

        def watching(self: Any, index: Any, paths: Any) -> Any:
            read.extend(paths)
            return parts(self, index, paths)

        monkeypatch.setattr(type(buffer), "_read_parts", watching)
        buffer.update_stats(collected=collected)
        assert set(read) == {("obs", "image")}
        monkeypatch.undo()
        assert buffer.stats is not None
        check(buffer.stats, buffer[:])
        assert buffer.episode_stats().num_rows == 3
