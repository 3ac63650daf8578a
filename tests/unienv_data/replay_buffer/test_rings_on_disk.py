"""A ring on disk takes the room of its rows, however long it is written to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.store import commits
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

SPACE: DictSpace[Any, Any, Any] = DictSpace(
    NumpyComputeBackend,
    {
        "state": BoxSpace(NumpyComputeBackend, -np.inf, np.inf, dtype=np.dtype(np.float32), shape=(50,)),
        "text": TextSpace(NumpyComputeBackend, 100),
    },
)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.timeout(300)
def test_what_a_ring_has_overwritten_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "_GRACE", timedelta(0))
    rng = np.random.default_rng(0)
    url = tmp_path / "ring.zarr"
    sizes = []
    options: dict[str, Any] = {"chunks": {"**": 4}, "shards": {"**": 16}}
    with ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, capacity=60, **options) as buffer:
        state = rng.normal(size=(0, 50)).astype(np.float32)
        for step in range(1, 301):
            fresh = rng.normal(size=(10, 50)).astype(np.float32)
            texts = np.array([f"{step} {i} {rng.bytes(30).hex()}" for i in range(10)], dtype=object)
            buffer.extend({"state": fresh, "text": texts})
            buffer.commit()
            state = np.concatenate([state, fresh])[-60:]
            if step % 100 == 0:
                sizes.append(size_of(url))
                value = buffer[...]
                np.testing.assert_array_equal(value["state"], state)
                assert value["text"][-10:].tolist() == texts.tolist()
                assert [text.split()[0] for text in value["text"][::10]] == [
                    str(number) for number in range(step - 5, step + 1)
                ]
        # 100 commits are kept, whose tails are the most of it; what was written before is gone.
        assert sizes[-1] < 1.2 * sizes[1]
        shards = list((url / "storage" / "columns").rglob("c.*"))
        assert len(shards) < 3 * (1000 + 60) // 16 + 12  # of the rows that kept commits show
    with ReplayBuffer.load_from(url) as reader:
        np.testing.assert_array_equal(reader[...]["state"], state)
