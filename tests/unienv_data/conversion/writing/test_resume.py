"""A conversion that is killed, at any time, is gone on with, and ends as one that was not disturbed."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.unienv_data.conversion.writing.small_blocks import make_small
from tests.unienv_data.conversion.writing.test_workers import assert_same
from unienv_data.conversion import ConversionOptions, plan_conversion, run, run_conversion
from unienv_data.conversion.writing import spans
from unienv_data.errors import ConversionError
from unienv_data.opening import open as open_dataset
from unienv_data.replay_buffer import ReplayBuffer

pytest.importorskip("av")
pytest.importorskip("imagecodecs")

from tests.unienv_data.formats.lerobot_builder import Camera, Recording, build

ROOT = Path(__file__).parents[4]
LENGTHS = (7, 3, 12, 5, 9)
ROWS = sum(LENGTHS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return build(
        tmp_path_factory.mktemp("made") / "toy",
        lengths=LENGTHS,
        data_files=(range(5),),
        cameras={"observation.front": Camera(files=(range(5),))},
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def convert(made: Recording, destination: Path | str, **options: Any) -> Any:
    plan = plan_conversion(str(made.root), str(destination), ConversionOptions(frames="lossless", **options))
    return run_conversion(plan)


@pytest.fixture(scope="module")
def undisturbed(made: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        place = tmp_path_factory.mktemp("undisturbed") / "x.zarr"
        convert(made, place)
        return place


def kill_in_the_middle(made: Recording, destination: Path, receipts: int, *options: str) -> None:
    """Run a conversion until there are so many receipts, and kill it."""
    command = [sys.executable, "-m", "tests.unienv_data.conversion.writing.small_blocks", "convert"]
    options = ("--frames", "lossless", *options)
    environment = {**os.environ, "SECONDS_A_UNIT": "0.1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    process = subprocess.Popen(
        [*command, str(made.root), str(destination), "-q", *options],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        try:
            deadline = time.monotonic() + 40
            while written(destination) < receipts:
                assert process.poll() is None, process.stdout and process.stdout.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
    assert not destination.exists()


def written(destination: Path) -> int:
    found = destination.parent.glob(f".{destination.name}.*.partial/storage/unfinished/*.npz")
    return len(list(found))


@pytest.mark.parametrize(("receipts", "workers"), [(1, 1), (5, 1), (2, 2)])
def test_a_killed_conversion_is_gone_on_with(
    made: Recording, tmp_path: Path, undisturbed: Path, receipts: int, workers: int
) -> None:
    kill_in_the_middle(made, tmp_path / "x.zarr", receipts, f"--workers={workers}")
    done = convert(made, tmp_path / "x.zarr", resume=True, workers=workers)
    assert done.resumed_rows > 0
    assert done.rows == ROWS
    assert_same(tmp_path / "x.zarr", undisturbed)
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]


def test_without_resume_what_is_left_goes(made: Recording, tmp_path: Path, undisturbed: Path) -> None:
    kill_in_the_middle(made, tmp_path / "x.zarr", 2)
    assert len(list(tmp_path.iterdir())) == 1
    assert convert(made, tmp_path / "x.zarr").resumed_rows == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]
    assert_same(tmp_path / "x.zarr", undisturbed)


class KilledError(BaseException):
    """Stands for the end of the process: nothing is cleaned up."""


STEPS = {
    "before the journal": ("unienv_data.conversion.writing.rows", "write_journal", 0),
    "before the first receipt": ("unienv_data.conversion.writing.spans", "write_receipt", 0),
    "before the last receipt": ("unienv_data.conversion.writing.spans", "write_receipt", 8),
    "before the rows are taken in": ("unienv_data.replay_buffer.ReplayBuffer", "settle", 0),
    "before the commit": ("unienv_data.replay_buffer.ReplayBuffer", "seal", 0),
    "between the commit and its sealing": ("unienv_data.store.logstore", "write_shapes", 1),
    "after the commit": ("unienv_data.conversion.run", "forget_unfinished", 0),
    "before the rename": ("unienv_data.conversion.destinations.destination", "_replace", 0),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("remote", [False, True])
def test_every_step(
    made: Recording,
    tmp_path: Path,
    undisturbed: Path,
    step: str,
    remote: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = f"memory://resume/{tmp_path.name}" if remote else str(tmp_path / "x.zarr")
    module, name, calls = STEPS[step]
    with monkeypatch.context() as patch:
        die_at(patch, module, name, calls)
        patch.setattr("unienv_data.conversion.destinations.destination.is_to_be_kept", lambda exc: True)
        if remote and name == "_replace":
            return
        with pytest.raises(KilledError):
            convert(made, place, resume=True)
    done = convert(made, place, resume=True)
    assert done.rows == ROWS
    if remote:
        filesystem = fsspec.filesystem("memory")
        assert not filesystem.find(f"/resume/{tmp_path.name}/storage/unfinished")
        with open_dataset(place) as buffer:
            assert len(buffer) == ROWS
        filesystem.rm(f"/resume/{tmp_path.name}", recursive=True)
    else:
        assert_same(tmp_path / "x.zarr", undisturbed)
        assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]


def die_at(patch: pytest.MonkeyPatch, module: str, name: str, calls: int) -> None:
    owner: Any = ReplayBuffer if module.endswith("ReplayBuffer") else importlib.import_module(module)
    whole = getattr(owner, name)
    left = [calls]

    def dies(*arguments: Any, **options: Any) -> Any:
        if not left[0]:
            raise KilledError
        left[0] -= 1
        return whole(*arguments, **options)

    patch.setattr(owner, name, dies)


def test_another_conversion_is_not_gone_on_with(made: Recording, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, "unienv_data.conversion.writing.spans", "write_receipt", 3)
        with pytest.raises(KilledError):
            convert(made, tmp_path / "x.zarr", resume=True)
    with pytest.raises(ConversionError, match="without --resume it is removed"):
        convert(made, tmp_path / "x.zarr", resume=True, columns=("action",))
    convert(made, tmp_path / "x.zarr", columns=("action",))
    assert [path.name for path in tmp_path.iterdir()] == ["x.zarr"]


def test_a_source_that_turns_out_bad_leaves_nothing_even_so(
    made: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ConversionError("damaged")

    plan = plan_conversion(str(made.root), str(tmp_path / "x.zarr"), ConversionOptions(resume=True))
    monkeypatch.setattr(spans, "write_receipt", refuse)
    with pytest.raises(ConversionError, match="damaged"):
        run_conversion(plan)
    assert not list(tmp_path.iterdir())


def test_a_running_conversion_is_left_alone(
    made: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Path
) -> None:
    whole = run.write_rows
    monkeypatch.setattr(run, "write_rows", lambda *arguments: (meanwhile(), whole(*arguments))[1])

    def meanwhile() -> None:
        monkeypatch.setattr(run, "write_rows", whole)
        convert(made, tmp_path / "x.zarr", columns=("action",))
        (tmp_path / "x.zarr").rename(tmp_path / "y.zarr")

    convert(made, tmp_path / "x.zarr")
    assert_same(tmp_path / "x.zarr", undisturbed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zarr", "y.zarr"]
