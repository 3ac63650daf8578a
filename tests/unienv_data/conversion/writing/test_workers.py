"""What several processes write is what one writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zarr

from tests.unienv_data.conversion.writing.small_blocks import make_small, shards
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.errors import ConversionError
from unienv_data.opening import open as open_dataset
from unienv_data.progress import Progress, Task
from unienv_data.replay_buffer import ReplayBuffer

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, Recording, build

LENGTHS = (7, 3, 12, 5, 9, 31, 1, 20, 14, 2, 2, 2, 17)
ROWS = sum(LENGTHS)
CAMERAS = {
    "observation.front": Camera(files=((0, 1, 2, 3, 4, 5, 6), (7, 8, 9, 10, 11, 12))),
    "observation.wrist": Camera(files=((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),), height=96),
}


def comment(row: int) -> str:
    return f"{'long ' * 300}{row // 9}" if row % 5 else f"Ä{row % 3}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    texts = pa.array([comment(row) for row in range(ROWS)])
    return build(
        tmp_path_factory.mktemp("made") / "toy",
        lengths=LENGTHS,
        data_files=((0, 1, 2), (3, 4, 5, 6, 7), (8, 9, 10, 11, 12)),
        cameras=CAMERAS,
        images=True,
        extra={"comment": (texts, {"dtype": "string", "shape": [1]})},
        episode_columns={"success": [bool(n % 2) for n in range(len(LENGTHS))]},
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def convert(made: Recording, destination: Path, **options: Any) -> Any:
    plan = plan_conversion(str(made.root), str(destination), ConversionOptions(**options))
    return run_conversion(plan)


def assert_same(one: Path, other: Path) -> None:
    with open_dataset(str(one)) as a, open_dataset(str(other)) as b:
        assert a.episodes.equals(b.episodes)
        assert a.get_segments() == b.get_segments()
        assert a.storage.is_sealed
        assert b.storage.is_sealed
        assert a.attributes == b.attributes
        assert a.storage.describe() == b.storage.describe()
        assert_values(a[...], b[...])
    found, wanted = shards(one), shards(other)
    assert found.keys() == wanted.keys()
    assert [name for name in found if found[name] != wanted[name]] == []


def assert_values(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_values(one[key], other[key])
    else:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("frames", ["copy", "lossless"])
def test_columns_of_every_kind(made: Recording, tmp_path: Path, frames: str) -> None:
    one = convert(made, tmp_path / "one.zarr", frames=frames)
    three = convert(made, tmp_path / "three.zarr", frames=frames, workers=3)
    assert (one.rows, one.episodes) == (three.rows, three.episodes) == (ROWS, len(LENGTHS))
    assert one.stored_bytes == three.stored_bytes
    assert_same(tmp_path / "one.zarr", tmp_path / "three.zarr")
    with open_dataset(str(tmp_path / "three.zarr")) as buffer:
        assert buffer[...]["comment"].tolist() == [comment(row) for row in range(ROWS)]
        np.testing.assert_array_equal(buffer[...]["action"], made.columns["action"])
    names = [path.name for path in (tmp_path / "three.zarr/storage").iterdir()]
    assert sorted(names) == ["claims", "columns", "commits", "writer.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zarr", "three.zarr"]


def test_there_are_several_blocks_and_plain_readers_see_them(made: Recording, tmp_path: Path) -> None:
    columns = ("observation.front", "action")
    convert(made, tmp_path / "x.zarr", workers=2, frames="lossless", columns=columns)
    assert len(list((tmp_path / "x.zarr/storage/claims/columns/rows").iterdir())) > 4
    group = zarr.open_group(tmp_path / "x.zarr/storage/columns", mode="r")
    np.testing.assert_array_equal(group["action"][:], made.columns["action"])
    np.testing.assert_array_equal(group["observation/front"][:], made.frames["observation.front"])


def test_rows_can_be_appended_after(made: Recording, tmp_path: Path) -> None:
    convert(made, tmp_path / "x.zarr", workers=2, frames="lossless", columns=("observation.front", "note"))
    with ReplayBuffer.load_from(str(tmp_path / "x.zarr"), read_only=False) as buffer:
        rows = buffer[3:20]
        buffer.extend(rows)
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert_values(buffer[ROWS:], buffer[3:20])


def test_some_columns_and_episodes(made: Recording, tmp_path: Path) -> None:
    options: dict[str, Any] = {"columns": ("action", "comment"), "episodes": "4:9"}
    convert(made, tmp_path / "one.zarr", **options)
    convert(made, tmp_path / "two.zarr", workers=2, **options)
    assert_same(tmp_path / "one.zarr", tmp_path / "two.zarr")


class Counting(Progress):
    def __init__(self) -> None:
        self.rows, self.bytes = 0, 0

    def task(self, description: str, *, total: int | None = None, unit: str = "row") -> Any:
        counting = self
        if description != "converting":
            return super().task(description, total=total, unit=unit)
        assert total == ROWS

        class Counted(Task):
            def advance(self, amount: int = 1) -> None:
                counting.rows += amount

            def weigh(self, size: int) -> None:
                counting.bytes += size

        import contextlib

        return contextlib.nullcontext(Counted())


@pytest.mark.parametrize("workers", [1, 2])
def test_progress(made: Recording, tmp_path: Path, workers: int) -> None:
    progress = Counting()
    plan = plan_conversion(str(made.root), str(tmp_path / "x.zarr"), ConversionOptions(workers=workers))
    run_conversion(plan, progress)
    assert progress.rows == ROWS
    assert progress.bytes > ROWS * 100


def test_a_bad_episode_stops_with_its_name(made: Recording, tmp_path: Path) -> None:
    broken = damaged(made, tmp_path / "broken")
    plan = plan_conversion(
        broken, str(tmp_path / "out/x.zarr"), ConversionOptions(workers=2, columns=("comment",))
    )
    with pytest.raises(ConversionError, match=r"episode 5: .*comment has no value.*--skip-bad"):
        run_conversion(plan)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("workers", [1, 3])
def test_bad_episodes_are_left_out(made: Recording, tmp_path: Path, workers: int) -> None:
    broken = damaged(made, tmp_path / "broken")
    options = ConversionOptions(workers=workers, skip_bad=True)
    done = run_conversion(plan_conversion(broken, str(tmp_path / "x.zarr"), options))
    assert [skipped.source_episode for skipped in done.skipped] == [5, 7]
    assert "comment has no value" in done.skipped[0].reason
    kept = [n for n in range(len(LENGTHS)) if n not in (5, 7)]
    starts = np.cumsum([0, *LENGTHS])
    rows = np.concatenate([np.arange(starts[n], starts[n + 1]) for n in kept])
    assert (done.rows, done.episodes) == (len(rows), len(kept))
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        assert buffer.episodes["length"].to_pylist() == [LENGTHS[n] for n in kept]
        assert buffer.episodes["source_episode"].to_pylist() == kept
        np.testing.assert_array_equal(buffer[...]["action"], made.columns["action"][rows])
        np.testing.assert_array_equal(
            buffer[...]["observation"]["front"], made.frames["observation.front"][rows]
        )
        assert set(buffer.attributes["skipped_episodes"]) == {"5", "7"}


def damaged(made: Recording, target: Path) -> str:
    """A copy of the recording, in which episodes 5 and 7 have a text that is missing."""
    import shutil

    import pyarrow.parquet as pq

    shutil.copytree(made.root, target)
    for file in sorted(target.glob("data/**/*.parquet")):
        table = pq.read_table(file)
        owners = np.asarray(table["episode_index"])
        texts = [
            None if owner in (5, 7) and row % 2 == 0 else text
            for row, (owner, text) in enumerate(zip(owners, table["comment"].to_pylist(), strict=True))
        ]
        place = table.schema.get_field_index("comment")
        pq.write_table(table.set_column(place, "comment", pa.array(texts, pa.string())), file)
    return str(target)
