"""What may stand at a destination before, and what stands there after, whatever happens between."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.unienv_data.conversion.snapshots import snapshot
from unienv_data.conversion import ConversionOptions, plan_conversion, run_conversion
from unienv_data.conversion.destinations.destination import Destination
from unienv_data.errors import ConversionError, DatasetExistsError
from unienv_data.formats import Source
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.store.blockwriter import BlockWriter

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import build

OVERWRITE = ConversionOptions(overwrite=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build(tmp_path_factory.mktemp("source") / "toy").root)


def convert(source: str, destination: Path | str, options: ConversionOptions | None = None) -> None:
    run_conversion(plan_conversion(source, str(destination), options))


def rows_at(destination: Path | str) -> int:
    with open_dataset(str(destination)) as buffer:
        return len(buffer)


class TestLocal:
    def test_missing_parents_are_made(self, source: str, tmp_path: Path) -> None:
        convert(source, tmp_path / "a/b/x.zarr")
        assert rows_at(tmp_path / "a/b/x.zarr") == 36
        assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["x.zarr"]

    def test_relative_paths_and_file_urls(
        self, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        convert(os.path.relpath(source), "x.zarr")
        convert(source, f"file://{tmp_path}/y.zarr")
        assert rows_at(tmp_path / "x.zarr") == rows_at(tmp_path / "y.zarr") == 36

    def test_an_empty_folder_is_filled(self, source: str, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        convert(source, tmp_path / "x")
        assert rows_at(tmp_path / "x") == 36

    def test_failure_leaves_nothing(self, source: str, tmp_path: Path, failing: type[BaseException]) -> None:
        (tmp_path / "other").mkdir()
        plan = plan_conversion(source, str(tmp_path / "a/b/x.zarr"))
        with pytest.raises(failing):
            run_conversion(plan)
        assert snapshot(tmp_path) == {"other": "folder"}

    def test_failure_keeps_what_was_to_be_replaced(
        self, source: str, tmp_path: Path, failing: type[BaseException]
    ) -> None:
        with ReplayBuffer.create(
            _storage(), _space(), cache_path=str(tmp_path / "x.zarr"), capacity=None
        ) as old:
            old.extend(np.zeros((5, 2), np.float32))
        before = snapshot(tmp_path)
        plan = plan_conversion(source, str(tmp_path / "x.zarr"), OVERWRITE)
        with pytest.raises(failing):
            run_conversion(plan)
        assert snapshot(tmp_path) == before
        assert rows_at(tmp_path / "x.zarr") == 5

    def test_a_dataset_is_replaced_when_asked(self, source: str, tmp_path: Path) -> None:
        convert(source, tmp_path / "x.zarr", ConversionOptions(episodes="0"))
        with pytest.raises(DatasetExistsError, match=r"x\.zarr: a dataset stands there; --overwrite"):
            plan_conversion(source, str(tmp_path / "x.zarr"))
        assert rows_at(tmp_path / "x.zarr") == 7
        convert(source, tmp_path / "x.zarr", OVERWRITE)
        assert rows_at(tmp_path / "x.zarr") == 36
        assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]

    def test_a_failing_rename_puts_the_old_one_back(
        self, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        convert(source, tmp_path / "x.zarr", ConversionOptions(episodes="0"))
        before = snapshot(tmp_path)
        plan = plan_conversion(source, str(tmp_path / "x.zarr"), OVERWRITE)
        rename = Path.rename

        def refuse(self: Path, target: Path) -> Path:
            if self.name.endswith(".partial"):
                raise OSError(errno.EIO, "Input/output error")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", refuse)
        with pytest.raises(ConversionError, match=r"x\.zarr: cannot be written: Input/output error"):
            run_conversion(plan)
        assert snapshot(tmp_path) == before

    @pytest.mark.parametrize("options", [None, OVERWRITE])
    def test_nothing_else_is_replaced(
        self, source: str, tmp_path: Path, options: ConversionOptions | None
    ) -> None:
        (tmp_path / "file").write_text("mine")
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder/notes.txt").write_text("mine")
        before = snapshot(tmp_path)
        with pytest.raises(DatasetExistsError, match="file: a file stands there"):
            convert(source, tmp_path / "file", options)
        with pytest.raises(DatasetExistsError, match="folder: a folder with something else"):
            convert(source, tmp_path / "folder", options)
        with pytest.raises(ConversionError, match="file is not a folder"):
            convert(source, tmp_path / "file/x.zarr", options)
        assert snapshot(tmp_path) == before

    def test_what_came_meanwhile_is_not_replaced(self, source: str, tmp_path: Path) -> None:
        plan = plan_conversion(source, str(tmp_path / "x.zarr"))

        def write() -> None:
            with plan.destination.writing(overwrite=False) as location:
                Path(location).mkdir()
                (tmp_path / "x.zarr").write_text("mine")

        with pytest.raises(DatasetExistsError, match="came to stand there"):
            write()
        assert {path.name for path in tmp_path.iterdir()} == {"x.zarr"}
        with pytest.raises(DatasetExistsError, match="a file stands there"):
            run_conversion(plan)

    @pytest.mark.parametrize("place", ["", "inside.zarr", "..", "data/deep/x.zarr"])
    def test_source_and_destination_must_not_overlap(self, tmp_path: Path, place: str) -> None:
        made = build(tmp_path / "home/toy")
        before = snapshot(tmp_path)
        with pytest.raises(ConversionError, match="overlap"):
            convert(str(made.root), os.path.normpath(made.root / place), OVERWRITE)
        assert snapshot(tmp_path) == before

    @pytest.mark.skipif(os.name != "posix", reason="links need a privilege on Windows")
    def test_links_are_followed(self, source: str, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        convert(source, tmp_path / "disk/x.zarr", ConversionOptions(episodes="0"))
        (tmp_path / "link.zarr").symlink_to(tmp_path / "disk/x.zarr")
        convert(source, tmp_path / "link.zarr", OVERWRITE)
        assert (tmp_path / "link.zarr").is_symlink()
        assert rows_at(tmp_path / "disk/x.zarr") == 36
        assert [path.name for path in (tmp_path / "disk").iterdir()] == ["x.zarr"]

    def test_a_folder_that_cannot_be_written(
        self, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(ConversionError, match="no permission to write in"):
            plan_conversion(source, str(tmp_path / "x.zarr"))

    def test_a_disk_that_turns_out_read_only(
        self, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plan = plan_conversion(source, str(tmp_path / "x.zarr"))

        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(errno.EROFS, "Read-only file system", "somewhere")

        monkeypatch.setattr(ReplayBuffer, "create", refuse)
        with pytest.raises(ConversionError, match=r"x\.zarr: cannot be written: Read-only file system"):
            run_conversion(plan)
        assert not list(tmp_path.iterdir())

    def test_free_space(self, tmp_path: Path) -> None:
        assert (Destination(str(tmp_path / "a/b/c")).free_bytes or 0) > 0


class TestObjectStore:
    """The memory filesystem stands for one: no rename, and a dataset exists with its first commit."""

    def test_convert(self, source: str, memory: Any) -> None:
        convert(source, "memory://bucket/x.zarr")
        assert rows_at("memory://bucket/x.zarr") == 36
        assert Destination("memory://bucket/x.zarr").free_bytes is None

    def test_there_is_no_commit_before_the_end(
        self, source: str, memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = []
        append = BlockWriter.append

        def watching(self: Any, *rows: Any) -> None:
            append(self, *rows)
            seen.append(ReplayBuffer.is_loadable_from("memory://bucket/x.zarr"))

        monkeypatch.setattr(BlockWriter, "append", watching)
        convert(source, "memory://bucket/x.zarr")
        assert seen == [False] * 5

    def test_failure_leaves_nothing(self, source: str, memory: Any, failing: type[BaseException]) -> None:
        memory.pipe_file("/bucket/other", b"1")
        plan = plan_conversion(source, "memory://bucket/x.zarr")
        with pytest.raises(failing):
            run_conversion(plan)
        assert memory.find("/bucket") == ["/bucket/other"]

    def test_a_failure_never_makes_a_commit(
        self, source: str, memory: Any, failing: type[BaseException], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even if the process dies before it has removed what it wrote."""
        plan = plan_conversion(source, "memory://bucket/x.zarr")
        monkeypatch.setattr(type(memory), "rm", lambda *_, **__: None)
        with pytest.raises(failing):
            run_conversion(plan)
        assert not ReplayBuffer.is_loadable_from("memory://bucket/x.zarr")

    def test_what_stands_there(self, source: str, memory: Any) -> None:
        memory.pipe_file("/bucket/file", b"1")
        memory.pipe_file("/bucket/folder/notes.txt", b"1")
        for options in (None, OVERWRITE):
            with pytest.raises(DatasetExistsError, match="a file stands there"):
                convert(source, "memory://bucket/file", options)
            with pytest.raises(DatasetExistsError, match="a folder with something else"):
                convert(source, "memory://bucket/folder", options)
        convert(source, "memory://bucket/x.zarr", ConversionOptions(episodes="0"))
        with pytest.raises(DatasetExistsError, match="--overwrite replaces it"):
            convert(source, "memory://bucket/x.zarr")
        convert(source, "memory://bucket/x.zarr", OVERWRITE)
        assert rows_at("memory://bucket/x.zarr") == 36

    def test_an_unknown_filesystem(self, source: str) -> None:
        with pytest.raises(ConversionError, match="gopher"):
            plan_conversion(source, "gopher://x/y")

    def test_only_what_was_added_is_removed(self, memory: Any) -> None:
        memory.pipe_file("/bucket/x/old", b"1")

        def write() -> None:
            with Destination("memory://bucket/x").writing(overwrite=True):
                memory.pipe_file("/bucket/x/new", b"2")
                raise ArithmeticError

        with pytest.raises(ArithmeticError):
            write()
        assert memory.find("/bucket/x") == ["/bucket/x/old"]


def test_a_remote_source_overlaps_with_nothing(tmp_path: Path) -> None:
    Destination(str(tmp_path / "x")).check(Source("memory://anything"), overwrite=False)


def _space() -> Any:
    from unienv_data.formats.tabular.arrow import array_space

    return array_space(np.dtype(np.float32), (2,))


def _storage() -> Any:
    from unienv_data.storages import ZarrStorage

    return ZarrStorage


def test_episode_columns_of_any_kind(tmp_path: Path) -> None:
    made = build(
        tmp_path / "toy",
        episode_columns={
            "score": [0.5, None, 1.5, 2.5, 3.5],
            "tags": [["a"], [], ["b", "c"], None, ["d"]],
            "operator": pa.array(list("abcde")).to_pylist(),
        },
    )
    convert(str(made.root), tmp_path / "x.zarr")
    with open_dataset(str(tmp_path / "x.zarr")) as buffer:
        table = buffer.episodes
        assert table["score"].to_pylist() == [0.5, None, 1.5, 2.5, 3.5]
        assert table["tags"].to_pylist() == [["a"], [], ["b", "c"], None, ["d"]]
        assert table["operator"].to_pylist() == list("abcde")
