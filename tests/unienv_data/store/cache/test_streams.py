"""Streams: folders in memory for what is expected, shared by workers, gone with their last user."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.unienv_data.store.cache.datasets import ROWS, SHARDS, Web, check, make, served
from tests.unienv_data.store.cache.making import wait_for
from unienv_data import ReplayBuffer
from unienv_data.store import home
from unienv_data.store.cache import nearby
from unienv_data.store.cache.ledger import Ledger
from unienv_data.store.resident import budget

ROOT = Path(__file__).resolve().parents[4]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders are not shared")


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where streams have their folders."""
    monkeypatch.setenv(budget.BYTES_VARIABLE, "0")
    place = tmp_path / "streams"
    monkeypatch.setattr(nearby, "_base", lambda size: str(place))
    return place


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    make(tmp_path / "served" / "d.zarr", sealed=True)
    with served(tmp_path / "served") as web:
        yield web


def opened(web: Web, **options: Any) -> ReplayBuffer[Any, Any, Any, Any, Any]:
    return unienv_data.open(f"{web.url}/d.zarr", **options)


def shards(asked: Any) -> dict[str, int]:
    return {path: count for path, count in asked.items() if "/c." in path}


def arrived(buffer: Any) -> bool:
    fetcher = buffer.storage.objects._near.fetcher
    with fetcher._mutex:
        texts = {name for name in fetcher._pins if "/note/" in name}
        is_told = not texts or any("/values/" in name for name in texts)
        return is_told and not fetcher._queue and not fetcher._under_way


@pytest.mark.parametrize("shared", [False, True])
def test_an_epoch_in_a_small_buffer_fetches_everything_once(web: Web, base: Path, shared: bool) -> None:
    """Groups of rows are expected ahead, read in any order within, and released."""
    group = 64
    rng = np.random.default_rng(0)
    with opened(web) as buffer:
        stored = sum(column.stored_bytes for column in buffer.storage.describe())
        buffer._stream(stored // 2, shared=shared)
        kept = buffer.storage.objects._near.fetcher.folder
        web.take()
        before = buffer.storage.objects.traffic.snapshot()
        groups = [range(first, min(first + group, ROWS)) for first in range(0, ROWS, group)]
        held = [buffer._expect(rows, [()]) for rows in groups[:2]]
        most = 0
        for number, rows in enumerate(groups):
            if number + 2 < len(groups):
                held.append(buffer._expect(groups[number + 2], [()]))
            for part in np.array_split(rng.permutation(rows), 3):
                check(buffer.get_at(part), part)
                most = max(most, Ledger(next(base.iterdir()).as_posix()).count() if shared else kept._bytes)
            held[number].release()
        traffic = buffer.storage.objects.traffic.snapshot() - before
        asked = shards(web.take())
        assert {path: count for path, count in asked.items() if count > 1} == {}
        assert traffic.bytes_read <= 1.25 * stored  # small shards, of which the indexes are a part
        assert 0 < most <= stored // 2
    assert list(base.iterdir() if shared else base.parent.glob("streams")) == []


def test_what_one_process_keeps_is_shared_once_others_come(web: Web, base: Path) -> None:
    with opened(web) as buffer:
        buffer._stream(1 << 20)
        alone = buffer._expect(range(ROWS), [()])
        wait_for(lambda: arrived(buffer))
        assert not base.exists()
        buffer._stream(1 << 20, shared=True)
        buffer._stream(1 << 19)  # there is a place already
        together = buffer._expect(range(ROWS), [()])
        wait_for(lambda: arrived(buffer))
        alone.release()
        with pickle.loads(pickle.dumps(buffer)) as other:
            web.take()
            check(buffer.get_at(range(ROWS)), range(ROWS))
            other._expect(range(ROWS), [()])
            check(other.get_at(range(ROWS)), range(ROWS))
            assert web.take() == {}
        together.release()
    assert list(base.iterdir()) == []


def test_other_processes_join_and_the_last_one_removes(web: Web, base: Path) -> None:
    first = opened(web)
    first._stream(1 << 20, shared=True)
    second = pickle.loads(pickle.dumps(first))
    assert second.storage.objects._near.fetcher.folder.base == first.storage.objects._near.fetcher.folder.base
    held = first._expect(range(ROWS), [()])
    wait_for(lambda: arrived(first))
    web.take()
    expected = second._expect(range(ROWS), [()])
    wait_for(lambda: arrived(second))
    check(second.get_at(range(ROWS)), range(ROWS))
    assert web.take() == {}
    held.release()
    first.close()
    check(second.get_at(range(ROWS)), range(ROWS))
    assert web.take() == {}
    assert len(list(base.iterdir())) == 1
    expected.release()
    second.close()
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("shared", [False, True])
def test_what_was_not_expected_is_read_in_parts(web: Web, shared: bool) -> None:
    with opened(web) as buffer:
        buffer._stream(1 << 20, shared=shared)
        before = buffer.storage.objects.traffic.snapshot()
        check(buffer.get_at([7]), [7])
        few = buffer.storage.objects.traffic.snapshot() - before
        assert few.bytes_read < 100_000
        folder = buffer.storage.objects._near.fetcher.folder
        assert not (list(Path(folder.base).rglob("c.*")) if shared else folder._bytes)


def test_a_cache_needs_no_stream(web: Web, base: Path, tmp_path: Path) -> None:
    with opened(web, cache_dir=tmp_path / "cache") as buffer:
        buffer._stream(1 << 20)
        buffer._stream(1 << 20, shared=True)
        held = buffer._expect(range(SHARDS["frame"]), [("frame",)])
        wait_for(lambda: arrived(buffer))
        web.take()
        buffer.get_column("frame").get_at(range(SHARDS["frame"]))
        assert web.take() == {}
        held.release()
    assert not base.exists()


def test_local_data_needs_no_stream(base: Path, tmp_path: Path, web: Web) -> None:
    with unienv_data.open(tmp_path / "served" / "d.zarr") as buffer:
        buffer._stream(1 << 20, shared=True)
        buffer._expect(range(ROWS), [()]).release()
        check(buffer.get_at(range(ROWS)), range(ROWS))
    assert not base.exists()


def test_a_stream_that_cannot_be_is_done_without(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearby, "_base", lambda size: "/proc/nowhere")
    with opened(web) as buffer:
        with pytest.warns(UserWarning, match="read row by row: nothing can be kept in memory"):
            buffer._stream(1 << 20, shared=True)
        buffer._expect(range(ROWS), [()]).release()
        check(buffer.get_at(range(ROWS)), range(ROWS))


def test_streams_of_the_killed_are_swept(web: Web, base: Path) -> None:
    code = (
        "import sys, time, unienv_data\n"
        "from unienv_data.store.cache import nearby\n"
        "nearby._base = lambda size: sys.argv[2]\n"
        "buffer = unienv_data.open(sys.argv[1])\n"
        "buffer._stream(1 << 20, shared=True)\n"
        f"held = buffer._expect(range({ROWS}), [()])\n"
        "print('ready', flush=True); time.sleep(600)\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", code, f"{web.url}/d.zarr", str(base)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        left = [path.name for path in base.iterdir()]
        assert len(left) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with opened(web) as buffer:
        buffer._stream(1 << 20, shared=True)
        assert left[0] not in os.listdir(base)
        assert len(os.listdir(base)) == 1


def test_there_is_room_in_memory_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    user = f"unienv-data-streams-{os.getuid()}"
    in_memory = os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK)
    if in_memory:
        assert nearby._base(1) == f"/dev/shm/{user}"
    assert nearby._base(1 << 60) == os.path.join(tempfile.gettempdir(), user)


def test_a_home_is_left_once(tmp_path: Path) -> None:
    mine = home.private_home(str(tmp_path / "homes"), "label")
    also = home.Home(mine.path)
    mine.leave()
    mine.leave()
    assert os.path.isdir(also.path)
    also.leave()
    assert os.listdir(tmp_path / "homes") == []
