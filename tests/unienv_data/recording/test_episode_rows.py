"""Rows of open episodes, small and large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_interface.corpus import box, same
from unienv_data.errors import SpaceValueError
from unienv_data.recording import episode_rows
from unienv_data.recording.episode_rows import EpisodeRows
from unienv_interface import NumpyComputeBackend as N
from unienv_interface.space import DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils.batch_utils import concatenate, get_at


def space_of(side: int) -> Any:
    parts = {"frame": box(N, 0, 255, "uint8", (side, side, 3)), "said": TextSpace(N, 5, charset="ab")}
    return DictSpace(N, {**parts, "both": TupleSpace(N, [box(N, 0, 9, "int64", ()), parts["frame"]])})


@pytest.mark.parametrize("side", [2, 64])
@pytest.mark.parametrize("count", [0, 1, 9, 40])
def test_what_was_appended_comes_back(side: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    space, rng = space_of(side), np.random.default_rng(0)
    monkeypatch.setattr(episode_rows, "_BATCH_BYTES", 8 * (2 * side * side * 3 + 8) + 7)
    given = [space.sample(rng)[1] for _ in range(count)]
    rows = EpisodeRows(space)
    for number, row in enumerate(given):
        assert len(rows) == number
        rows.append(row)
    batches = list(rows.batches())
    sizes = [len(batch["frame"]) for batch in batches]
    assert sum(sizes) == count
    assert all(size == 8 for size in sizes[:-1]), "no more at once than was allowed"
    found = [get_at(space, batch, i) for batch, size in zip(batches, sizes, strict=True) for i in range(size)]
    assert all(same(one, space.coerce(other)) for one, other in zip(found, given, strict=True))
    if count:
        assert same(concatenate(space, found), concatenate(space, given))


def test_frames_wait_in_a_small_part_of_their_size() -> None:
    space = space_of(256)
    row = {
        "frame": np.full((256, 256, 3), 7, np.uint8),
        "said": "a",
        "both": (1, np.zeros((256, 256, 3), np.uint8)),
    }
    rows = EpisodeRows(space)
    for _ in range(20):
        rows.append(row)
    packed: Any = rows._packed
    assert packed.storage.bytes() < 20 * 256 * 256 * 6 / 50


@pytest.mark.parametrize("side", [2, 64])
def test_what_does_not_fit_is_refused(side: int) -> None:
    space = space_of(side)
    row = {**space.sample(np.random.default_rng(0))[1], "said": "c"}

    def keep() -> None:
        rows = EpisodeRows(space)
        rows.append(row)
        list(rows.batches())

    with pytest.raises(SpaceValueError, match="charset"):
        keep()
