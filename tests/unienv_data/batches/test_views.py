"""What views read, cost and refuse."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.base.models import NUMBER, ListBatch, counting, samples
from unienv_data import (
    CombinedBatch,
    FrameStackedBatch,
    ReplayBuffer,
    SliceStackedBatch,
    StepSampler,
    SubIndexedBatch,
    SubItemBatch,
    TransformedBatch,
    ZarrStorage,
)
from unienv_data.base import BatchBase
from unienv_data.errors import ClosedError, PathError, SegmentError, SpaceError, SpaceValueError
from unienv_data.store.gather import Gather
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BoxSpace, DictSpace
from unienv_interface.transformations import RescaleTransformation

BACKEND = NumpyComputeBackend
ROBOT = DictSpace(
    BACKEND,
    {
        "image": BoxSpace(BACKEND, 0, 255, dtype=np.uint8, shape=(2, 2, 3)),
        "state": BoxSpace(BACKEND, -1e9, 1e9, dtype=np.float32, shape=(1,)),
        "action": BoxSpace(BACKEND, -1e9, 1e9, dtype=np.float64, shape=(1,)),
    },
)


def robot_rows(count: int, start: int = 0) -> dict[str, Any]:
    numbers = np.arange(start, start + count)
    return {
        "image": np.repeat((numbers % 256).astype(np.uint8), 12).reshape(count, 2, 2, 3),
        "state": numbers[:, None].astype(np.float32),
        "action": numbers[:, None].astype(np.float64),
    }


def buffer_of(*lengths: int, **options: Any) -> Any:
    buffer = ReplayBuffer.create(ZarrStorage, ROBOT, **options)
    start = 0
    for length in lengths:
        buffer.extend(robot_rows(length, start))
        start += length
    return buffer


# What is read


def test_a_window_of_a_column_of_a_slice_fetches_that_columns_chunks_once(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And neither other columns nor chunks that hold no step of it."""
    buffer = buffer_of(30, 34, cache_path=tmp_path / "a.zarr", chunks={"image": 1, "state": 4, "action": 4})
    buffer.close()
    fetched: list[tuple[str, int]] = []
    read = Gather.read

    def counting_read(self: Any, array: Any, plan: Any, *args: Any) -> None:
        fetched.extend((array.name, chunk) for chunk in plan.chunks.tolist())
        read(self, array, plan, *args)

    monkeypatch.setattr(Gather, "read", counting_read)
    with ReplayBuffer.load_from(tmp_path / "a.zarr") as reader:
        part = reader.get_slice(slice(10, 50))
        for windows in (
            FrameStackedBatch(part, 2, 2).get_column(["image"]),
            FrameStackedBatch(part.get_column(["image"]), 2, 2),
        ):
            fetched.clear()
            # Rows 12, 13 and 28 to 30, where an episode ends with row 29.
            values = windows[[2, 3, 2, 18, 19, 20]]
            assert values[:, :, 0, 0, 0].tolist() == [
                [10, 11, 12, 13, 14],
                [11, 12, 13, 14, 15],
                [10, 11, 12, 13, 14],
                [26, 27, 28, 29, 29],
                [27, 28, 29, 29, 29],
                [30, 30, 30, 31, 32],
            ]
            rows = [*range(10, 16), *range(26, 33)]
            assert sorted(fetched) == [("image", row) for row in rows]
        fetched.clear()
        both = SliceStackedBatch(part, {"image": [0], "action": range(4)})
        both[[0, 1]]
        images, actions = [("image", 10), ("image", 11)], [("action", 2), ("action", 3)]
        assert sorted(fetched) == actions + images + [("state", 2)]
        fetched.clear()
        assert len(windows.complete()) == 32
        assert fetched == []


def test_rows_that_several_steps_need_are_read_once() -> None:
    source = ListBatch(NUMBER, samples(NUMBER, 20), metadata=True)
    windows = FrameStackedBatch(source, 3, 3, stack_metadata=True)
    windows.get_at_with_metadata([5, 6, 7, 5])
    assert source.reads == [9]
    function = SliceStackedBatch.get_valid_mask_function_with_episodeid_key("row", is_in_metadata=True)
    source.reads.clear()
    values, metadata = FrameStackedBatch(source, 1, 1, function).get_at_with_metadata([0, 10])
    assert source.reads == [5]
    assert metadata is not None
    assert metadata["slice_valid_mask"].tolist() == [[False, True, False], [False, True, False]]
    assert metadata["name"].tolist() == ["row 0", "row 10"]
    assert values[1].tolist() == [int(source.rows[10])] * 3


def test_combined_columns_read_only_those() -> None:
    parts = [buffer_of(5), buffer_of(3)]
    combined = CombinedBatch(parts)
    seen: list[Any] = []
    for part in parts:
        get = part.storage.get_parts
        part.storage.get_parts = lambda index, paths, get=get: (seen.append(paths), get(index, paths))[1]
    assert combined.get_column("state")[[7, 0]].tolist() == [[2.0], [0.0]]
    assert seen == [[("state",)], [("state",)]]


# What views cost


def test_nested_slices_cost_nothing() -> None:
    space = BoxSpace(BACKEND, 0, 255, dtype=np.uint8, shape=())
    rows = 300_000_000
    buffer = ReplayBuffer(ZarrStorage.create(space, capacity=rows), "", count=rows)
    tracemalloc.start()
    began = time.perf_counter()
    view: Any = buffer
    views = [view := view.get_slice(slice(1, None) if i % 2 else slice(None, -1)) for i in range(1000)]
    taken = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(views[-1]) == rows - 1000
    assert views[-1][[0, -1]].tolist() == [0, 0]
    assert views[-1].batch is buffer
    assert taken < 1
    assert peak < 10e6


def test_finding_rows_in_two_thousand_batches_takes_less_than_five_milliseconds() -> None:
    class Part(BatchBase[Any, Any, Any, Any, Any]):
        def __len__(self) -> int:
            return 50

        def _read(self, rows: Any) -> Any:
            raise NotImplementedError

    combined = CombinedBatch([Part(NUMBER) for _ in range(2000)])
    rows = np.random.default_rng(0).integers(0, 100_000, 4096)

    def found() -> tuple[float, Any]:
        began = time.perf_counter()
        groups = combined._groups(rows)
        return time.perf_counter() - began, groups

    taken, groups = min((found() for _ in range(10)), key=lambda pair: pair[0])
    assert taken < 0.005
    back = np.empty(4096, dtype=np.int64)
    for part, local, places in groups:
        back[places] = part * 50 + local
    assert np.array_equal(back, rows)


# What views follow


def test_combined_lengths_are_never_stale() -> None:
    first, second = counting(3), counting(2)
    combined = CombinedBatch([first, second])
    kept = combined.get_slice([3, 4])
    column = combined.get_column([])
    first.extend(np.array([7, 8]))
    assert len(combined) == len(column) == 7
    assert combined[...].tolist() == column[...].tolist() == [0, 1, 2, 7, 8, 0, 1]
    assert kept[:].tolist() == [0, 1]
    assert combined.get_flattened_at([]).shape == (0, 1)
    assert combined.get_segments() == [(0, 5), (5, 7)]


def test_a_slice_of_everything_follows_and_others_do_not() -> None:
    buffer = buffer_of(3)
    following, fixed = buffer.get_slice(...), buffer.get_slice(slice(None))
    buffer.extend(robot_rows(2, 3))
    assert (len(following), len(fixed)) == (5, 3)
    assert following.get_column("action")[:].reshape(-1).tolist() == [0, 1, 2, 3, 4]


def test_an_open_episode_is_an_end_and_grows() -> None:
    buffer = buffer_of(3)
    windows = FrameStackedBatch(buffer, 1, 1).get_column(["action"])
    complete = FrameStackedBatch(buffer, 1, 1).complete()
    chosen = complete.get_slice(0)
    for number in (3, 4, 5):
        buffer.append({name: value[0] for name, value in robot_rows(1, number).items()})
    assert windows[...][..., 0].tolist()[2:] == [[1, 2, 2], [3, 3, 4], [3, 4, 5], [4, 5, 5]]
    assert [int(row["action"][1, 0]) for row in complete] == [1, 4]
    assert int(chosen[0]["action"][1, 0]) == 1


def test_evicted_rows_of_windows_and_views_of_views_are_gone() -> None:
    buffer = buffer_of(4, 4, capacity=8)
    part = buffer.get_slice(slice(0, 6))
    windows, combined = FrameStackedBatch(part, 1, 1), CombinedBatch([part, buffer])
    complete = FrameStackedBatch(buffer, 1, 0).complete()
    combined_complete = CombinedBatch([complete, complete]).get_slice([4, 8])
    unfilled = FrameStackedBatch(part, 1, 0, fill_invalid_data=False)
    assert combined_complete[:]["action"][:, 1, 0].tolist() == [6, 3]
    buffer.extend(robot_rows(3, 8))
    for view in (part, windows, combined, combined.get_slice(...), windows.get_slice([1, 2])):
        with pytest.raises(IndexError, match="gone"):
            view[1]
    assert windows[3]["action"][:, 0].tolist() == [3, 3, 3]
    assert windows[5]["action"][:, 0].tolist() == [4, 5, 5]
    assert unfilled[3]["action"][:, 0].tolist() == [3, 3]
    assert combined_complete[0]["action"][:, 0].tolist() == [5, 6]
    with pytest.raises(IndexError, match="gone"):
        combined_complete[1]


# Windows


def test_metadata_is_that_of_the_row_or_of_every_step() -> None:
    source = ListBatch(NUMBER, samples(NUMBER, 6), metadata=True, segments=[(0, 3), (3, 6)])
    _, metadata = FrameStackedBatch(source, 1, 1).get_at_with_metadata([0, 3])
    assert metadata is not None
    assert metadata["row"].tolist() == [0, 3]
    stacked = FrameStackedBatch(source, 1, 1, stack_metadata=True)
    _, metadata = stacked.get_at_with_metadata([0, 3])
    assert metadata is not None
    assert metadata["row"].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert metadata["name"].shape == (2, 3)
    _, metadata = stacked.get_at_with_metadata(5)
    assert stacked.single_metadata_space.contains(metadata)


def test_mask_functions_are_given_what_the_reference_says() -> None:
    source = ListBatch(NUMBER, [np.array(row * row) for row in range(6)], metadata=True)
    calls: list[Any] = []

    def even(batch: Any, expanded_idx: Any, data: Any, metadata: Any) -> Any:
        calls.append((batch, expanded_idx.tolist(), data.tolist(), metadata["row"].tolist()))
        return data % 2 == 0

    windows = SliceStackedBatch(source, [-1, 0, 2], even)
    values, metadata = windows.get_at_with_metadata([0, 3])
    assert calls == [(windows, [[0, 0, 2], [2, 3, 5]], [[0, 0, 4], [4, 9, 25]], [[0, 0, 2], [2, 3, 5]])]
    assert metadata is not None
    assert metadata["slice_valid_mask"].tolist() == [[False, True, True], [True, False, False]]
    assert values.tolist() == [[0, 0, 4], [4, 9, 9]]
    unfilled = SliceStackedBatch(source, [-1, 0, 2], even, fill_invalid_data=False)
    assert unfilled[[0, 3]].tolist() == [[0, 0, 4], [4, 9, 25]]
    assert [int(row[1]) for row in SliceStackedBatch(source, [0, 2], even).complete()] == [4, 16]


def test_mask_functions_of_columns_with_their_own_steps() -> None:
    buffer = buffer_of(6)
    function = SliceStackedBatch.get_valid_mask_function_with_episode_end_key("action")
    windows = SliceStackedBatch(buffer, {"image": [-1, 0], "state": [0, 1]}, function)
    _, metadata = windows.get_at_with_metadata([0, 2, 5])
    # Every action but the first is "true", an end.
    mask = metadata["slice_valid_mask"]
    assert mask["image"].tolist() == [[False, True], [False, True], [False, True]]
    assert mask["state"].tolist() == [[True, True], [True, False], [True, False]]
    assert len(windows.complete()) == 0


def test_masks_by_themselves() -> None:
    source = ListBatch(NUMBER, [np.array(row) for row in range(6)], segments=[(0, 4), (4, 6)])
    windows = FrameStackedBatch(source, 1, 1)
    expanded = windows.expand_index(np.array([True, False, False, True, True, False]))
    assert expanded.tolist() == [[0, 0, 1], [2, 3, 4], [3, 4, 5]]
    assert windows.expand_index(-1).tolist() == [[4, 5, 5]]
    mask = windows.get_valid_mask(expanded, source[...][expanded], None)
    assert mask.tolist() == [[False, True, True], [True, True, False], [False, True, True]]
    data = np.array([[9, 1, 2], [3, 4, 9], [9, 5, 6]])
    filled = [[1, 1, 2], [3, 4, 4], [5, 5, 6]]
    assert windows.fill_data_with_stack_mask(None, data, mask).tolist() == filled
    assert windows.fill_data_with_stack_mask(windows.single_space, data, mask).tolist() == filled
    assert np.array_equal(windows.get_valid_mask_flattened(expanded, data[..., None], None), mask)
    by_value = FrameStackedBatch(source, 1, 1, lambda batch, idx, data, metadata: data < 4)
    flat_mask = by_value.get_valid_mask_flattened(expanded, data[..., None], None)
    assert flat_mask.tolist() == [[False, True, True], [True, False, False], [False, False, False]]
    with pytest.raises(SpaceValueError, match="valid_mask"):
        windows.fill_data_with_stack_mask(None, data, mask[:, :2])


def test_steps_that_make_no_sense_are_refused() -> None:
    buffer = buffer_of(3)
    steps: Any
    for steps in (
        [],
        [1, 0],
        [0, 0],
        [0.5],
        [True],
        [[0]],
        3,
        "01",
        {},
        {"image": []},
        np.zeros((1, 1), int),
    ):
        with pytest.raises(ValueError, match="fixed_offset"):
            SliceStackedBatch(buffer, steps)
    for steps in ({"nothing": [0]}, {"image": [0], "**": [0]}):
        with pytest.raises(PathError):
            SliceStackedBatch(buffer, steps)
    with pytest.raises(ValueError, match="0 among the steps"):
        SliceStackedBatch(buffer, [1, 2], lambda *_: None)
    with pytest.raises(ValueError, match="stack_metadata"):
        SliceStackedBatch(buffer, {"image": [0]}, stack_metadata=True)
    with pytest.raises(PathError):
        SliceStackedBatch(buffer, [0], SliceStackedBatch.get_valid_mask_function_with_episodeid_key("id"))
    with pytest.raises(ValueError, match="prefetch_horizon"):
        FrameStackedBatch(buffer, -1)
    assert SliceStackedBatch(buffer, [1, 2])[[0, 2]]["action"][..., 0].tolist() == [[1, 2], [2, 2]]


# The others


def test_splits_need_segments() -> None:
    with pytest.raises(SegmentError, match="segments"):
        counting(3).split_episodes({"all": 1.0})


def test_combined_batches_must_be_alike() -> None:
    with pytest.raises(SpaceError, match="at least one"):
        CombinedBatch([])
    with pytest.raises(SpaceError, match=r"batches\[1\]: expected the space"):
        CombinedBatch([counting(1), buffer_of(1)])
    with pytest.raises(SpaceError, match=r"batches\[1\]: expected the metadata space"):
        CombinedBatch([counting(1), ListBatch(NUMBER, metadata=True)])


def test_overwriting_several_batches_is_all_or_nothing() -> None:
    parts = [buffer_of(2), buffer_of(2)]
    combined = CombinedBatch(parts)
    wrong = robot_rows(4)
    wrong["state"][3] = np.inf
    with pytest.raises(SpaceValueError, match="state"):
        combined[:] = wrong
    combined[[3, 0]] = robot_rows(2, 50)
    assert combined.get_column("action")[:].reshape(-1).tolist() == [51, 1, 0, 50]


def test_transformations_lead_there_and_back() -> None:
    buffer = ReplayBuffer.create(ZarrStorage, BoxSpace(BACKEND, 0, 10, dtype=np.float32, shape=(2,)))
    buffer.extend(np.array([[0, 10], [5, 5]], dtype=np.float32))
    view = TransformedBatch(buffer, RescaleTransformation(0, 20))
    assert view[...].tolist() == [[0, 20], [10, 10]]
    view[0] = np.array([2, 4], dtype=np.float32)
    view.extend(np.array([[20, 20]], dtype=np.float32))
    assert buffer[...].tolist() == [[1, 2], [5, 5], [10, 10]]
    windows = FrameStackedBatch(view, 1, 0)
    assert windows[[2]].tolist() == [[[20, 20], [20, 20]]]  # an extend is an episode of its own


def test_views_can_be_sampled_and_sent() -> None:
    sampler = StepSampler(FrameStackedBatch(counting(10), 1, 0), 4, seed=0)
    seen = [row for batch in sampler for row in batch[:, 1].tolist()]
    assert sorted(seen) == list(range(10))
    assert sampler.get_slice([3])[:].tolist() == [[2, 3]]
    with pytest.raises(TypeError, match="in memory"):
        pickle.dumps(buffer_of(2).get_slice(0))


def test_views_end_with_what_they_view() -> None:
    buffer = buffer_of(3)
    views = [
        SubIndexedBatch(buffer, 0),
        SubItemBatch(buffer, ["image"]),
        FrameStackedBatch(buffer, 1),
        CombinedBatch([buffer]),
    ]
    views += [view.get_slice(...) for view in views]
    for view in views:
        view.get_at(0)
    buffer.close()
    for view in views:
        with pytest.raises(ClosedError):
            view.get_at(0)
