"""Sources into foreign formats: what may stand at the destination before, and what stands there after."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.unienv_data.conversion.snapshots import snapshot
from unienv_data.conversion import ConversionOptions, plan_export, run_export
from unienv_data.errors import ConversionError, DatasetExistsError
from unienv_data.formats.readers.lerobot.v30.reader import LeRobotV30Reader

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Recording, build

OVERWRITE = ConversionOptions(overwrite=True)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return build(tmp_path_factory.mktemp("source") / "toy", images=True)


def export(toy: Recording, destination: Path | str, options: ConversionOptions | None = None) -> None:
    run_export(plan_export(str(toy.root), str(destination), options))


def rows_of(path: Path) -> int:
    with np.load(path) as arrays:
        return int(arrays["episode_ends"][-1])


def test_all_of_it(toy: Recording, tmp_path: Path) -> None:
    before = snapshot(toy.root)
    plan = plan_export(str(toy.root), str(tmp_path / "a/b/x.npz"))
    assert not list(tmp_path.iterdir()), "a plan writes nothing"
    done = run_export(plan)
    assert (done.rows, done.episodes) == (36, 5)
    assert done.stored_bytes == (tmp_path / "a/b/x.npz").stat().st_size
    assert plan.estimated_bytes == pytest.approx(done.stored_bytes, rel=0.3)
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["x.npz"]
    assert snapshot(toy.root) == before
    with np.load(tmp_path / "a/b/x.npz") as arrays:
        for name, values in toy.columns.items():
            np.testing.assert_array_equal(arrays[name], values)


def test_some_of_it(toy: Recording, tmp_path: Path) -> None:
    options = ConversionOptions(columns=("action", "index", "observation/png"), episodes="2:4")
    export(toy, tmp_path / "x.npz", options)
    with np.load(tmp_path / "x.npz") as arrays:
        assert set(arrays) == {"action", "index", "observation.png", "episode_ends"}
        assert arrays["index"].tolist() == list(range(10, 27))
        assert arrays["episode_ends"].tolist() == [12, 17]


def test_what_is_replaced(toy: Recording, tmp_path: Path) -> None:
    place = tmp_path / "x.npz"
    export(toy, place, ConversionOptions(episodes="0"))
    with pytest.raises(DatasetExistsError, match="--overwrite replaces it"):
        plan_export(str(toy.root), str(place))
    assert rows_of(place) == 7
    export(toy, place, OVERWRITE)
    assert rows_of(place) == 36
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


@pytest.mark.parametrize("name", ["x.npz", "x.parquet", "folder"])
def test_what_is_something_else_is_never_replaced(toy: Recording, tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.mkdir()
    (place / "part-00000.parquet").touch()
    (place / "thesis.txt").write_text("the only copy")
    options = ConversionOptions(overwrite=True, to="npz" if name == "folder" else None)
    with pytest.raises(DatasetExistsError, match="which is not replaced"):
        plan_export(str(toy.root), str(place), options)
    assert (place / "thesis.txt").read_text() == "the only copy"


def test_a_dataset_of_ours_is_not_replaced_by_another_format(toy: Recording, tmp_path: Path) -> None:
    from unienv_data.conversion import plan_conversion, run_conversion

    place = tmp_path / "x.zarr"
    options = ConversionOptions(columns=("action",))
    run_conversion(plan_conversion(str(toy.root), str(place), options))
    with pytest.raises(DatasetExistsError, match="is not Parquet alone"):
        plan_export(str(toy.root), str(place), ConversionOptions(overwrite=True, to="parquet"))


@pytest.mark.parametrize("name", ["x.npz", "x.parquet", "npz", "parquet"])
def test_failures_leave_nothing(
    toy: Recording, tmp_path: Path, failing: type[BaseException], name: str
) -> None:
    options = ConversionOptions(to=None if "." in name else name)
    with pytest.raises(failing):
        export(toy, tmp_path / "new" / name, options)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_what_stood_there(
    toy: Recording, tmp_path: Path, failing: type[BaseException]
) -> None:
    export(toy, tmp_path / "x.npz", ConversionOptions(episodes="0"))
    before = snapshot(tmp_path)
    with pytest.raises(failing):
        export(toy, tmp_path / "x.npz", OVERWRITE)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(("name", "to"), [("x.parquet", None), ("folder", "parquet")])
def test_remote(toy: Recording, memory: Any, name: str, to: str | None) -> None:
    url = f"memory://exports/{name}"

    def rows() -> int:
        files = memory.find("/exports")
        assert all(file.startswith(f"/exports/{name}") for file in files)
        return sum(pq.read_metadata(memory.open(file)).num_rows for file in files)

    export(toy, url, ConversionOptions(to=to, episodes="0:2"))
    assert rows() == 10
    with pytest.raises(DatasetExistsError, match="--overwrite"):
        export(toy, url, ConversionOptions(to=to))
    export(toy, url, ConversionOptions(to=to, overwrite=True))
    assert rows() == 36
    memory.pipe_file("/exports/folder/notes.txt", b"mine")
    with pytest.raises(DatasetExistsError, match="which is not replaced"):
        export(toy, "memory://exports/folder", ConversionOptions(to="parquet", overwrite=True))
    assert memory.cat_file("/exports/folder/notes.txt") == b"mine"


@pytest.mark.parametrize("stands", [False, True])
def test_a_network_that_fails(
    toy: Recording, memory: Any, monkeypatch: pytest.MonkeyPatch, stands: bool
) -> None:
    url = "memory://exports/folder"
    if stands:
        export(toy, url, ConversionOptions(to="parquet", episodes="0"))
    before = dict(memory.store)
    puts = []

    def failing_put(self: Any, local: str, remote: str, **options: Any) -> None:
        puts.append(remote)
        if len(puts) == 2:
            raise ConnectionError("gone")
        self.pipe_file(remote, Path(local).read_bytes())

    from unienv_data.formats.writers import parquet

    monkeypatch.setattr(parquet, "FILE_BYTES", 1)
    monkeypatch.setattr(parquet, "GROUP_BYTES", 1)
    monkeypatch.setattr(type(memory), "put_file", failing_put)
    with pytest.raises(ConversionError, match="cannot be written: gone"):
        export(toy, url, ConversionOptions(to="parquet", overwrite=True))
    assert dict(memory.store) == before


def test_refusals(toy: Recording, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="overlap"):
        plan_export(str(toy.root), str(toy.root / "x.npz"))
    options = ConversionOptions(codecs={"action": "lz4"}, chunks={"action": 4})
    with pytest.raises(ConversionError, match="--codec and --chunk choose how a dataset of ours is stored"):
        plan_export(str(toy.root), str(tmp_path / "x.npz"), options)
    with pytest.raises(ConversionError, match="no foreign format is asked for"):
        plan_export(str(toy.root), str(tmp_path / "x.zarr"))
    with pytest.raises(ConversionError, match="NPZ has no option level"):
        plan_export(str(toy.root), str(tmp_path / "x.npz"), ConversionOptions(to_options={"level": "1"}))


def test_too_little_space(toy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unienv_data.conversion.destinations.destination import Destination

    monkeypatch.setattr(Destination, "free_bytes", 10)
    plan = plan_export(str(toy.root), str(tmp_path / "x.npz"))
    with pytest.raises(ConversionError, match="10 are free"):
        run_export(plan)
    export(toy, tmp_path / "x.npz", ConversionOptions(force=True))
    assert rows_of(tmp_path / "x.npz") == 36


@pytest.mark.parametrize("to", ["npz", "parquet", "diffusion_policy"])
def test_bad_episodes_may_be_left_out(
    toy: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    whole = LeRobotV30Reader.chunks

    def broken(self: Any, columns: Any, episodes: Any, **options: Any) -> Any:
        for episode in episodes:
            if episode in (0, 3):
                raise ConversionError(f"episode {episode} is damaged")
            yield from whole(self, columns, [episode], **options)

    monkeypatch.setattr(LeRobotV30Reader, "chunks", broken)
    with pytest.raises(ConversionError, match="episode 0 is damaged"):
        plan_export(str(toy.root), str(tmp_path / "x"), ConversionOptions(to=to))
    plan = plan_export(str(toy.root), str(tmp_path / "x"), ConversionOptions(to=to, skip_bad=True))
    done = run_export(plan)
    assert (done.rows, done.episodes) == (24, 3)
    assert [(each.source_episode, each.reason) for each in done.skipped] == [
        (0, "episode 0 is damaged"),
        (3, "episode 3 is damaged"),
    ]
    options = ConversionOptions(to=to, skip_bad=True, episodes="0")
    with pytest.raises(ConversionError, match="no episode can be read; episode 0 is damaged"):
        export(toy, tmp_path / "y", options)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_ways_that_are_for_datasets_of_ours(toy: Recording, tmp_path: Path) -> None:
    options = ConversionOptions(workers=2, resume=True)
    with pytest.raises(ConversionError, match="--workers and --resume: only datasets of ours"):
        plan_export(str(toy.root), str(tmp_path / "x.npz"), options)


def test_little_memory(toy: Recording, tmp_path: Path) -> None:
    export(toy, tmp_path / "x.npz", ConversionOptions(memory=1000))
    with np.load(tmp_path / "x.npz") as arrays:
        np.testing.assert_array_equal(arrays["observation.png"], toy.columns["observation.png"])


_SLOW = """
import sys, time
from unienv_data.conversion import ConversionOptions, plan_export, run_export
from unienv_data.formats.writers.npz import NPZWriter

write = NPZWriter.write

def slow(self, chunk):
    write(self, chunk)
    print("writing", flush=True)
    time.sleep(60)

plan = plan_export(sys.argv[1], sys.argv[2])
NPZWriter.write = slow
run_export(plan)
"""


@pytest.mark.skipif(os.name == "nt", reason="processes are killed otherwise there")
def test_what_a_killed_process_leaves_is_removed_by_the_next(toy: Recording, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SLOW, str(toy.root), str(tmp_path / "x.npz")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
            export(toy, tmp_path / "x.npz", ConversionOptions(episodes="0"))
            left = [path.name for path in tmp_path.iterdir() if path.name != "x.npz"]
            assert len(left) == 1, "what somebody writes is left alone"
        finally:
            process.kill()
    export(toy, tmp_path / "x.npz", OVERWRITE)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    assert rows_of(tmp_path / "x.npz") == 36
