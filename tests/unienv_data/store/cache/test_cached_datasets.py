"""Datasets read through a cache: from the second time on without a request, by whatever process."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

import unienv_data
from tests.unienv_data.store.cache.datasets import ROWS, Web, batch, check, make, served
from unienv_data import ReplayBuffer
from unienv_data.errors import DatasetError
from unienv_data.samplers import MultiprocessingSampler, StepSampler
from unienv_data.store import platform
from unienv_data.store.resident import budget


@pytest.fixture(autouse=True)
def nothing_resident(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is decoded is told apart from what is kept encoded."""
    monkeypatch.setenv(budget.BYTES_VARIABLE, "0")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    make(tmp_path / "served" / "d.zarr")
    with served(tmp_path / "served") as web:
        yield web


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def opened(web: Web, cache: Path | None, **options: Any) -> ReplayBuffer[Any, Any, Any, Any, Any]:
    return unienv_data.open(f"{web.url}/d.zarr", cache_dir=cache, **options)


def epoch(sampler: Any) -> list[Any]:
    return [(value, np.array(value["state"][:, 0], dtype=np.int64)) for value in sampler]


def test_the_second_epoch_asks_for_nothing(web: Web, cache: Path) -> None:
    with opened(web, cache) as buffer:
        sampler = StepSampler(buffer, 64, seed=0)
        traffic = buffer.storage.objects.traffic
        for value, rows in epoch(sampler):
            check(value, rows)
        asked = web.take()
        assert {count for path, count in asked.items() if "/c." in path} == {1}
        before = traffic.snapshot()
        for value, rows in epoch(sampler):
            check(value, rows)
        assert traffic.snapshot() == before
        assert web.take() == {}


def test_nor_does_it_with_workers(web: Web, cache: Path) -> None:
    with (
        opened(web, cache) as buffer,
        StepSampler(buffer, 64, seed=0) as sampler,
        MultiprocessingSampler(sampler, n_workers=2, n_buffers=4) as ahead,
    ):
        first = np.concatenate([rows for _, rows in epoch(ahead)])
        asked = web.take()
        assert {count for path, count in asked.items() if "/c." in path} == {1}
        second = np.concatenate([rows for _, rows in epoch(ahead)])
        assert web.take() == {}
    assert sorted(first) == sorted(second) == list(range(ROWS))
    assert first.tolist() != second.tolist()


def test_another_job_finds_everything(web: Web, cache: Path) -> None:
    with opened(web, cache) as buffer:
        buffer.get_at(range(ROWS))
        assert len(buffer.episodes) == 5
    web.take()
    with opened(web, cache) as buffer:
        asked = web.take()
        assert all(path.endswith((".json", "metadata.json")) for path in asked)
        check(buffer.get_at(range(ROWS)), range(ROWS))
        assert len(buffer.episodes) == 5
        assert web.take() == {}
        again = pickle.loads(pickle.dumps(buffer))
        web.take()
        check(again.get_at(range(ROWS)), range(ROWS))
        assert web.take() == {}
        again.close()


def test_without_a_cache_there_is_none(web: Web, cache: Path) -> None:
    with opened(web, None) as buffer:
        buffer.get_at(range(10))
        web.take()
        buffer.get_at(range(10))
        assert web.take() != {}
    assert not cache.exists()


def _read(buffer: Any, queue: Any) -> None:
    value = buffer.get_at(range(ROWS))
    queue.put([value["state"].tolist(), value["frame"].sum()])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_reads_from_it(web: Web, cache: Path) -> None:
    with opened(web, cache) as buffer:
        buffer.get_at(range(ROWS // 2))
        context = multiprocessing.get_context("fork")
        queue: Any = context.Queue()
        child = context.Process(target=_read, args=(buffer, queue))
        child.start()
        state, frames = queue.get(timeout=60)
        child.join()
        expected = batch(range(ROWS))
        assert state == expected["state"].tolist()
        assert frames == expected["frame"].sum()
        web.take()
        check(buffer.get_at(range(ROWS)), range(ROWS))
        assert web.take() == {}


def test_a_dataset_in_anothers_place_has_its_own_rows(cache: Path) -> None:
    url = "memory://cached-places/d.zarr"
    try:
        for salt in range(3):
            make(url, salt, overwrite=True)
            for _ in range(2):
                with unienv_data.open(url, cache_dir=cache) as buffer:
                    check(buffer.get_at(range(ROWS)), range(ROWS), salt)
    finally:
        fsspec.filesystem("memory").rm("/cached-places", recursive=True)


def test_a_reader_goes_on_with_what_is_written(cache: Path) -> None:
    url = "memory://cached-growth/d.zarr"
    try:
        make(url)
        with unienv_data.open(url, cache_dir=cache) as reader:
            check(reader.get_at(range(ROWS)), range(ROWS))
            with unienv_data.open(url, "a", cache_dir=cache) as writer:
                writer.extend(batch(range(100)))
                check(writer.get_at(range(ROWS, ROWS + 100)), range(100))
            assert reader.refresh()
            check(reader.get_at(range(ROWS)), range(ROWS))
            check(reader.get_at(range(ROWS, ROWS + 100)), range(100))
    finally:
        fsspec.filesystem("memory").rm("/cached-growth", recursive=True)


def test_a_budget_too_small_reads_right_rows(web: Web, cache: Path) -> None:
    rng = np.random.default_rng(0)
    for limit in (1, 3_000, 40_000, 10**9):
        with opened(web, cache, cache_bytes=limit) as buffer:
            for _ in range(5):
                rows = rng.integers(0, ROWS, 50)
                check(buffer.get_at(rows), rows)
        kept = sum(path.stat().st_size for path in cache.glob("*/objects/**/*") if path.is_file())
        assert kept <= limit


def test_damaged_copies_are_fetched_again(web: Web, cache: Path) -> None:
    with opened(web, cache) as buffer:
        buffer.get_at(range(ROWS))
    for path in cache.glob("*/objects/**/c.*"):
        data = bytearray(path.read_bytes())
        data[0] ^= 0xFF
        path.write_bytes(data)
    kept = next(cache.glob("*/objects"))
    with opened(web, cache) as buffer:
        buffer.storage.objects.forget([path.relative_to(kept).as_posix() for path in kept.rglob("c.*")])
        check(buffer.get_at(range(ROWS)), range(ROWS))


def test_a_cache_that_cannot_be_made_is_done_without(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="nothing can be kept there"):
        buffer = opened(web, tmp_path / "file" / "cache")
    with buffer:
        check(buffer.get_at(range(ROWS)), range(ROWS))


def test_a_cache_that_is_removed_is_done_without(web: Web, cache: Path) -> None:
    with opened(web, cache) as buffer:
        check(buffer.get_at(range(100)), range(100))
        shutil.rmtree(cache)
        with pytest.warns(UserWarning, match="nothing can be kept there"):
            check(buffer.get_at(range(ROWS)), range(ROWS))
        check(buffer.get_at(range(ROWS)), range(ROWS))


def test_what_is_refused(web: Web, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cache_bytes: expected at least 1 byte, got 0"):
        opened(web, cache, cache_bytes=0)
    with pytest.raises(TypeError):
        opened(web, cache, cache_bytes="20GB")
    with pytest.raises(ValueError, match="expected a cache_dir with it"):
        opened(web, None, cache_bytes=10)
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=r"file is no folder"):
        opened(web, tmp_path / "file")
    if sys.platform == "linux":
        monkeypatch.setattr(platform, "is_own_disk", lambda path, device: False)
        with pytest.raises(DatasetError, match="not on a disk of this machine"):
            opened(web, cache)


def test_folders_say_that_they_need_no_backup(web: Web, cache: Path) -> None:
    with opened(web, cache):
        assert (cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert "127.0.0.1" not in " ".join(os.listdir(cache))
