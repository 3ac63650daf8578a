"""Windows, masks, slices and splits of a buffer under random edits, against a list of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unienv_data import CombinedBatch, ReplayBuffer, SliceStackedBatch, ZarrStorage
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace

BACKEND = NumpyComputeBackend
SPACE = DictSpace(
    BACKEND,
    {
        "number": BoxSpace(BACKEND, 0, 10**6, dtype=np.int64, shape=()),
        "episode": BoxSpace(BACKEND, 0, 10**6, dtype=np.int64, shape=(1,)),
        "end": BinarySpace(BACKEND, ()),
    },
)


@dataclass
class Model:
    """Rows as (number of the row since the beginning, number of its episode)."""

    capacity: int | None
    rows: list[tuple[int, int]] = field(default_factory=list)
    appended: int = 0
    episode: int = 0
    is_open: bool = False

    def add(self, count: int) -> dict[str, Any]:
        fresh = [(self.appended + i, self.episode) for i in range(count)]
        self.appended += count
        self.rows += fresh
        if self.capacity is not None:
            del self.rows[: -self.capacity]
        return {
            "number": np.array([number for number, _ in fresh], dtype=np.int64),
            "episode": np.array([[episode] for _, episode in fresh], dtype=np.int64).reshape(-1, 1),
            "end": np.array([i == count - 1 for i in range(count)], dtype=bool),
        }

    def end(self) -> None:
        self.episode += 1
        self.is_open = False


EDITS = st.one_of(
    st.tuples(st.just("extend"), st.integers(0, 7)),
    st.tuples(st.just("append"), st.integers(1, 4)),
    st.tuples(st.just("end"), st.just(0)),
    st.tuples(st.just("remove"), st.lists(st.integers(0, 30), min_size=1, max_size=3)),
    st.tuples(st.just("clear"), st.just(0)),
)
OFFSETS = st.lists(st.integers(-4, 4), min_size=1, max_size=4, unique=True).map(sorted)


def edited(buffer: Any, model: Model, edit: tuple[str, Any]) -> None:
    kind, what = edit
    if kind == "extend" and not model.is_open:
        buffer.extend(model.add(what))
        model.end()
    elif kind == "append":
        buffer.append_batch(model.add(what))
        model.is_open = True
    elif kind == "end":
        buffer.mark_segment_end()
        model.end()
    elif kind == "remove":
        gone = {row % len(model.rows) for row in what if model.rows}
        buffer.remove_at(sorted(gone))
        model.rows = [row for place, row in enumerate(model.rows) if place not in gone]
    elif kind == "clear" and not model.is_open:
        buffer.clear()
        model.rows, model.episode = [], model.episode + 1


def made(capacity: int | None, edits: Any) -> tuple[Any, Model]:
    model = Model(capacity)
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, capacity=capacity)
    for edit in edits:
        edited(buffer, model, edit)
    return buffer, model


def runs(rows: list[tuple[int, int]], *, episodes: bool = True) -> list[list[int]]:
    """The places of rows that follow one another in time, and in one episode."""
    parts: list[list[int]] = []
    for place, (number, episode) in enumerate(rows):
        previous = rows[place - 1]
        if parts and previous[0] == number - 1 and (previous[1] == episode or not episodes):
            parts[-1].append(place)
        else:
            parts.append([place])
    return parts


def check_windows(windows: Any, rows: list[tuple[int, int]], offsets: list[int]) -> None:
    """`windows`, of the field `number`, are those of `rows`."""
    assert len(windows) == len(rows)
    values, metadata = windows.get_at_with_metadata(...)
    of = {place: run for run in runs(rows) for place in run}
    for place in range(len(rows)):
        wanted = [place + offset for offset in offsets]
        cut = [min(max(step, of[place][0]), of[place][-1]) for step in wanted]
        assert values[place].tolist() == [rows[step][0] for step in cut]
        assert metadata["slice_valid_mask"][place].tolist() == [
            a == b for a, b in zip(wanted, cut, strict=True)
        ]
    complete = windows.complete()
    held = [p for p in range(len(rows)) if all(p + offset in of[p] for offset in offsets)]
    assert len(complete) == len(held)
    assert complete[:].tolist() == [[rows[p + offset][0] for offset in offsets] for p in held]


@settings(max_examples=80)
@given(st.sampled_from([None, 6, 15]), st.lists(EDITS, max_size=12), OFFSETS, st.data())
def test_windows_and_splits(
    capacity: int | None, edits: Any, offsets: list[int], data: st.DataObject
) -> None:
    buffer, model = made(capacity, edits)
    windows = SliceStackedBatch(buffer, offsets).get_column(["number"])
    check_windows(windows, model.rows, offsets)
    joined = SliceStackedBatch(CombinedBatch([buffer, buffer]), offsets).get_column(["number"])
    later = [(number + 10**9, episode + 10**9) for number, episode in model.rows]
    values = joined[:] % 10**9
    assert values.tolist() == [row for row in windows[:].tolist()] * 2
    assert len(joined.complete()) == 2 * len(windows.complete())
    assert [row[0] for row in runs(model.rows + later)][: len(runs(model.rows))] == [
        row[0] for row in runs(model.rows)
    ]
    # What was made before follows what comes after.
    for edit in data.draw(st.lists(EDITS, max_size=4)):
        edited(buffer, model, edit)
        check_windows(windows, model.rows, offsets)
    start, stop = data.draw(st.integers(0, 15)), data.draw(st.integers(0, 15))
    part = buffer.get_slice(slice(start, stop))
    check_windows(SliceStackedBatch(part, offsets).get_column(["number"]), model.rows[start:stop], offsets)
    splits = buffer.split_episodes({"train": 0.6, "val": 0.4}, seed=data.draw(st.integers(0, 3)))
    segments = buffer.get_segments()
    dealt: list[tuple[int, int]] = []
    for view in splits.values():
        numbers = view.get_column(["number"])[:].tolist()
        rows = [row for row in model.rows if row[0] in numbers]
        assert [number for number, _ in rows] == numbers
        dealt += rows
        check_windows(SliceStackedBatch(view, offsets).get_column(["number"]), rows, offsets)
        assert {row[1] for row in rows} == {rows[start][1] for start, _ in view.get_segments()}
    assert len({row for row in dealt}) == len(dealt) == sum(stop - start for start, stop in segments)
    buffer.close()


@settings(max_examples=60)
@given(
    st.sampled_from([None, 9]),
    st.lists(EDITS, max_size=8),
    st.lists(EDITS, max_size=6),
    st.tuples(st.integers(0, 9), st.integers(0, 12), st.sampled_from([1, 2, -1])),
)
def test_slices_keep_meaning_their_rows(capacity: int | None, edits: Any, later: Any, ends: Any) -> None:
    buffer, model = made(capacity, edits)
    index = slice(*ends) if ends[2] > 0 else slice(ends[1], None, -1)
    meant = [number for number, _ in model.rows][index]
    places = np.array(range(len(model.rows))[index], dtype=np.int64)
    views = [
        buffer.get_slice(index),
        buffer.get_slice(places),
        # Rows of the second batch shift whenever the first one's come or go.
        CombinedBatch([buffer.get_slice(...), buffer]).get_slice(places + len(model.rows)),
        SliceStackedBatch(buffer, [0]).get_slice(index),
    ]
    for edit in later:
        edited(buffer, model, edit)
    there = {number for number, _ in model.rows}
    for view in views:
        assert len(view) == len(meant)
        column = view.get_column(["number"])
        for position, number in enumerate(meant):
            if number in there:
                assert column[position].reshape(-1).tolist() == [number]
            else:
                with pytest.raises(IndexError, match=f"row {position} of the view is gone"):
                    column[position]
    buffer.close()


@settings(max_examples=60)
@given(
    st.sampled_from([None, 9]),
    st.lists(EDITS, max_size=10),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
)
def test_mask_functions(capacity: int | None, edits: Any, before: int, after: int, by_end: bool) -> None:
    buffer, model = made(capacity, edits)
    rows = model.rows
    if by_end:
        function = SliceStackedBatch.get_valid_mask_function_with_episode_end_key("end")
    else:
        function = SliceStackedBatch.get_valid_mask_function_with_episodeid_key("episode")
    offsets = list(range(-before, after + 1))
    windows = SliceStackedBatch(buffer, offsets, function)
    ends = buffer.get_column(["end"])[:].tolist()
    values, metadata = windows.get_at_with_metadata(...)
    of = {place: run for run in runs(rows, episodes=False) for place in run}
    complete = []
    for place in range(len(rows)):
        real = []
        for offset in offsets:
            step = place + offset
            low, high = sorted((place, step))
            is_real = step in of[place] and (
                not any(ends[low:high]) if by_end else rows[step][1] == rows[place][1]
            )
            real.append(is_real)
        assert metadata["slice_valid_mask"][place].tolist() == real
        edge = before
        while edge > 0 and real[edge - 1]:
            edge -= 1
        last = before
        while last < before + after and real[last + 1]:
            last += 1
        shown = [
            offset if is_real else (edge if i < before else last) - before
            for i, (offset, is_real) in enumerate(zip(offsets, real, strict=True))
        ]
        assert values["number"][place].tolist() == [rows[place + offset][0] for offset in shown]
        if all(real):
            complete.append(place)
    assert windows.complete()[:]["number"].tolist() == values["number"][complete].tolist()
    buffer.close()
