"""The facts of a dataset."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from unienv_data import ReplayBuffer, ZarrStorage, describe_dataset
from unienv_data.errors import DatasetError
from unienv_interface import BoxSpace, NumpyComputeBackend

SPACE = BoxSpace(NumpyComputeBackend, -np.inf, np.inf, np.float32, shape=(2,))


def test_a_dataset_in_memory_has_facts_too() -> None:
    with ReplayBuffer.create(ZarrStorage, SPACE, attributes={"fps": 50}) as buffer:
        for length in (3, 9, 4):
            buffer.extend(np.ones((length, 2), np.float32))
        buffer.commit()
        facts = describe_dataset(buffer, "memory")
    assert facts.rows == 16
    assert facts.episode_lengths == (3, 3, 9)
    assert not facts.sealed
    assert facts.raw_bytes == 16 * 8
    assert [column.shape for column in facts.columns] == [(2,)]
    assert facts.attributes == {"fps": 50}
    assert facts.space["type"] == "BoxSpace"


def test_a_storage_without_commits_has_none() -> None:
    buffer = cast(Any, SimpleNamespace(storage=object()))
    with pytest.raises(DatasetError, match="somewhere: a object keeps no record"):
        describe_dataset(buffer, "somewhere")
