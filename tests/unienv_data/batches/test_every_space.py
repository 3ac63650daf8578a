"""Views of values of every space."""

from __future__ import annotations

import pytest

from tests.unienv_data.base.models import SPACES, ListBatch, samples
from tests.unienv_interface.corpus import same
from unienv_data import CombinedBatch, FrameStackedBatch, SliceStackedBatch, ToBackendOrDeviceBatch
from unienv_interface.space.space_utils import batch_utils


@pytest.mark.parametrize("name", SPACES)
def test_windows_and_combinations(name: str) -> None:
    space, rows = SPACES[name], samples(SPACES[name], 6)
    first, second = ListBatch(space, rows[:4]), ListBatch(space, rows[4:])
    combined = CombinedBatch([first, second])
    assert same(combined[[5, 0, 4, 0]], batch_utils.concatenate(space, [rows[i] for i in (5, 0, 4, 0)]))
    assert same(combined[:], batch_utils.concatenate(space, rows))
    windows = FrameStackedBatch(combined, 1, 1)
    steps = {0: (0, 0, 1), 3: (2, 3, 3), 4: (4, 4, 5), 2: (1, 2, 3)}
    expected = [batch_utils.concatenate(space, [rows[i] for i in steps[place]]) for place in steps]
    found = windows[[*steps]]
    assert same(found, batch_utils.concatenate(windows.single_space, expected))
    assert batch_utils.batch_space(windows.single_space, len(steps)).contains(found)
    assert same(windows[3], expected[1])
    assert same(
        SliceStackedBatch(first, [0])[:],
        batch_utils.concatenate(
            windows_of(first), [batch_utils.concatenate(space, [row]) for row in rows[:4]]
        ),
    )
    assert same(ToBackendOrDeviceBatch(combined)[1:3], combined[1:3])


def windows_of(batch: ListBatch) -> object:
    return SliceStackedBatch(batch, [0]).single_space
