"""Rows of resident arrays are those of the store; their files come, are shared, and go."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import CorruptDataError
from unienv_data.store import platform
from unienv_data.store.gather import Gather
from unienv_data.store.resident import arrays as arrays_module
from unienv_data.store.resident import budget
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is resident elsewhere")

ROWS = 300
SPACE: Any = DictSpace(
    B,
    {
        "frame": BoxSpace(B, 0, 255, B.uint8, shape=(64, 64, 3)),
        "state": BoxSpace(B, -1e9, 1e9, np.float64, shape=(3,)),
        "task": TextSpace(B, 30),
        "done": BoxSpace(B, 0, 1, B.int8, shape=()),
    },
)


def batch(numbers: Any) -> dict[str, Any]:
    rows = np.asarray(numbers)
    return {
        "frame": np.zeros((len(rows), 64, 64, 3), np.uint8)
        + (rows % 256).astype(np.uint8)[:, None, None, None],
        "state": np.stack([rows, -rows, rows / 7], axis=1).astype(np.float64),
        "task": np.array([f"task {row}" * (row % 4) for row in rows.tolist()], dtype=object),
        "done": (rows % 2).astype(np.int8),
    }


def check(found: Any, numbers: Any) -> None:
    expected = batch(numbers)
    for key, values in expected.items():
        np.testing.assert_array_equal(found[key], values, key)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where resident files stand."""
    place = tmp_path / "resident"
    monkeypatch.setenv(budget.FOLDER_VARIABLE, str(place))
    return place


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays_module, "_TIMES", 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "d.zarr"
    narrow = {"state": 4, "done": 8, "task": 4}
    with ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=place, chunks=narrow, shards={"state": 64, "done": 32, "task": 16}
    ) as buffer:
        for first in range(0, ROWS, 50):
            buffer.extend(batch(range(first, first + 50)))
    return place


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file()) if folder.exists() else []


def homes(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


class Decodings:
    """Counts the chunks that are decoded of each array."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chunks: dict[str, int] = {}
        real = Gather.read

        def read(gather: Any, array: Any, plan: Any, *args: Any) -> None:
            self.chunks[array.name] = self.chunks.get(array.name, 0) + len(plan.chunks)
            real(gather, array, plan, *args)

        monkeypatch.setattr(Gather, "read", read)

    def take(self) -> dict[str, int]:
        taken, self.chunks = {name: count for name, count in self.chunks.items() if count}, {}
        return taken


def test_an_array_is_decoded_about_twice_and_then_no_more(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decodings = Decodings(monkeypatch)
    rng = np.random.default_rng(0)
    with ReplayBuffer.load_from(path) as buffer:
        assert files(folder) == []
        total: dict[str, int] = {}
        for _ in range(60):
            numbers = rng.integers(0, ROWS, 20)
            check(buffer.get_at(numbers), numbers)
            for name, count in decodings.take().items():
                total[name] = total.get(name, 0) + count
        chunks = {"state": 75, "done": 38, "task/index": 75}
        for name, count in chunks.items():
            assert count <= total[name] <= 2 * count + 20, name
        numbers = rng.integers(0, ROWS, 100)
        check(buffer.get_at(numbers), numbers)
        assert set(decodings.take()) == {"frame"}  # which stand alone in their chunks
        check(buffer.get_at(slice(3, 250)), range(3, 250))
        check(buffer.get_at(slice(290, 10, -7)), range(290, 10, -7))
        assert set(decodings.take()) == {"frame"}
        assert len(homes(folder)) == 1
    assert homes(folder) == []


@pytest.mark.usefixtures("eager")
def test_what_is_read_is_the_readers_own(path: Path) -> None:
    with ReplayBuffer.load_from(path) as buffer:
        for index in (slice(0, 40), [3, 4, 5], slice(9, 2, -2), 7):
            found: Any = buffer.get_at(index)
            found["state"] += 5  # is not read-only, and no part of the file
        check(buffer[:], range(ROWS))


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("capacity", [None, 130])
def test_writers_read_what_they_add(capacity: int | None, tmp_path: Path, folder: Path) -> None:
    rng = np.random.default_rng(1)
    model: list[int] = []
    with ReplayBuffer.create(
        ZarrStorage,
        SPACE,
        cache_path=tmp_path / "w.zarr",
        capacity=capacity,
        commit_interval=1e9,
        chunks={"state": 4, "done": 8, "task": 4},
        shards={"state": 8, "done": 32, "task": 16},
    ) as buffer:
        for step in range(40):
            count = int(rng.integers(1, 12))
            numbers = range(step * 100, step * 100 + count)
            buffer.extend(batch(numbers))
            model = [*model, *numbers][-(capacity or 10**9) :]
            if step % 3 == 0:
                buffer.commit()
            if step % 7 == 6:
                buffer.remove_at([0, len(model) // 2])
                del model[len(model) // 2], model[0]
            if step == 25:
                buffer.compact()
            rows = rng.integers(0, len(model), 15)
            check(buffer.get_at(rows), np.array(model)[rows])
            if len(model) > 3:
                check(buffer.get_at(slice(1, -1)), model[1:-1])
    check(ReplayBuffer.load_from(tmp_path / "w.zarr")[:], model)


@pytest.mark.usefixtures("eager")
def test_processes_share_the_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ReplayBuffer.load_from(path) as first:
        check(first[:], range(ROWS))
        monkeypatch.setattr(arrays_module, "_TIMES", 1)
        decodings = Decodings(monkeypatch)
        with ReplayBuffer.load_from(path) as second:  # as another process would
            check(second.get_at([5, 299, 0]), [5, 299, 0])
        assert set(decodings.take()) == {"frame"}


READING = """
import sys
import numpy as np
from unienv_data import ReplayBuffer
from unienv_data.store.resident import arrays
arrays._TIMES = 0
path, seed = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(seed)
for _ in range(5):
    buffer = ReplayBuffer.load_from(path)
    for _ in range(20):
        rows = rng.integers(0, len(buffer), 30)
        found = buffer.get_at(rows)
        assert (found["state"][:, 0] == rows).all() and (found["done"] == rows % 2).all()
        assert found["task"].tolist() == [f"task {row}" * (row % 4) for row in rows.tolist()]
    buffer.close()
print("read", flush=True)
if seed == 0:
    buffer = ReplayBuffer.load_from(path)
    buffer.get_at([1, 2, 3])
    sys.stdin.read()
"""


def reading(path: Path, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", READING, str(path), str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_fill_opening_and_closing_at_once(path: Path, folder: Path) -> None:
    readers = [reading(path, seed) for seed in range(1, 5)]
    for reader in readers:
        assert reader.communicate(timeout=60)[0] == "read\n"
        assert reader.returncode == 0
    assert homes(folder) == []


def test_files_of_the_killed_are_swept_by_the_next(path: Path, folder: Path) -> None:
    reader = reading(path, 0)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "read\n"
    deadline = time.monotonic() + 20
    while len(files(folder)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    with ReplayBuffer.load_from(path) as buffer:
        check(buffer.get_at([5]), [5])
    assert len(files(folder)) >= 3  # somebody uses them
    os.kill(reader.pid, signal.SIGKILL)
    reader.communicate()
    assert len(homes(folder)) == 1
    other = reading(path, 1)
    assert other.communicate(timeout=60)[0] == "read\n"
    assert homes(folder) == []


@pytest.mark.usefixtures("eager")
def test_forked_children_read_on(path: Path, folder: Path) -> None:
    with ReplayBuffer.load_from(path) as buffer:
        check(buffer.get_at([1, 2]), [1, 2])
        context: Any = multiprocessing.get_context("fork")
        children = [context.Process(target=_read_some, args=(buffer, seed)) for seed in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0, 0]
        check(buffer.get_at([200, 7]), [200, 7])
    assert homes(folder) == []


def _read_some(buffer: Any, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, ROWS, 50)
    check(buffer.get_at(rows), rows)
    buffer.close()


@pytest.mark.usefixtures("eager")
def test_threads_fill_at_once(path: Path) -> None:
    failures: list[BaseException] = []

    def read(seed: int) -> None:
        try:
            for rows in np.random.default_rng(seed).integers(0, ROWS, (20, 30)):
                check(buffer.get_at(rows), rows)
        except BaseException as exc:
            failures.append(exc)

    with ReplayBuffer.load_from(path) as buffer:
        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.usefixtures("eager")
def test_readers_follow_what_is_committed(path: Path) -> None:
    with ReplayBuffer.load_from(path) as reader:
        check(reader[:], range(ROWS))
        with ReplayBuffer.load_from(path, read_only=False) as writer:
            for count in (1, 2, 70, 400):
                length = len(writer)
                writer.extend(batch(range(length, length + count)))
                writer.commit()
                reader.refresh()
                check(reader.get_at(slice(length - 3, None)), range(length - 3, length + count))
                rows = np.random.default_rng(count).integers(0, len(reader), 50)
                check(reader.get_at(rows), rows)


def test_what_was_being_removed_by_the_killed_is_swept(path: Path, folder: Path) -> None:
    left = folder / "home.removed-0123"
    left.mkdir(parents=True, mode=0o700)
    folder.chmod(0o700)
    (left / "rows").write_text("old")
    with ReplayBuffer.load_from(path) as buffer:
        for _ in range(3):
            check(buffer[:], range(ROWS))
        assert len(homes(folder)) == 1
        assert not left.exists()


# What is not to be resident


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("allowed", [0, 100, 3000])
def test_the_budget_is_kept(allowed: int, path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(budget.BYTES_VARIABLE, str(allowed))
    with ReplayBuffer.load_from(path) as buffer:
        check(buffer.get_at(slice(0, ROWS, 3)), range(0, ROWS, 3))
        rows = [file for file in files(folder) if file != "users" and not file.endswith(".filled")]
        # `done` takes 300 bytes, `task/values` about 3,000, `task/index` 4,800, `state` 7,200.
        assert len(rows) == {0: 0, 100: 0, 3000: 1}[allowed]


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("failing_call", [1, 2, 3, 5, 8])
def test_without_room_on_the_disk_everything_is_read_as_before(
    failing_call: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = platform.allocate, [failing_call]

    def allocate(*args: Any) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(28, "No space left on device")
        real(*args)

    monkeypatch.setattr(platform, "allocate", allocate)
    with ReplayBuffer.load_from(path) as buffer:
        for seed in range(3):
            rows = np.random.default_rng(seed).integers(0, ROWS, 50)
            check(buffer.get_at(rows), rows)
    assert left[0] <= 0


@pytest.mark.usefixtures("eager")
def test_a_folder_that_others_may_write_to_is_not_used(path: Path, folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with ReplayBuffer.load_from(path) as buffer:
        check(buffer.get_at([1, 2]), [1, 2])
    assert files(folder) == []


@pytest.mark.usefixtures("eager")
def test_a_damaged_chunk_costs_its_own_rows_only(path: Path) -> None:
    shard = path / "storage" / "columns" / "state" / "c.1.0"
    data = bytearray(shard.read_bytes())
    data[3] ^= 0x10  # the first chunk: rows 64 to 67
    shard.write_bytes(data)
    with ReplayBuffer.load_from(path) as buffer:
        check(buffer.get_at([70, 71, 127]), [70, 71, 127])
        with pytest.raises(CorruptDataError, match=r"columns/state/c\.1\.0"):
            buffer.get_at([64])
        check(buffer.get_at([70, 0]), [70, 0])
