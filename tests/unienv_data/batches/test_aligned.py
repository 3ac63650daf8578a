"""Batches of different spaces in one, against rows that are aligned one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unienv_data.base.models import SPACES, ListBatch, samples
from tests.unienv_data.batches.test_conformance import BufferCase
from tests.unienv_interface.corpus import same
from unienv_data import AlignedBatch, CombinedBatch, FrameStackedBatch, align_batches
from unienv_data.errors import PathError, ReadOnlyError, SpaceError
from unienv_data.testing import BatchCase
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace, TextSpace, TupleSpace
from unienv_interface.space.space_utils import batch_utils
from unienv_interface.space.space_utils.default_values import default_value

N = NumpyComputeBackend


def box(high: float, *shape: int) -> Any:
    return BoxSpace(N, 0, high, N.float32, shape=shape)


ARM = DictSpace(
    N,
    {
        "observation": DictSpace(N, {"wrist": box(1, 2, 2), "state": box(1, 3)}),
        "task": TextSpace(N, 4),
        "hands": TupleSpace(N, [DictSpace(N, {"left": box(1), "grip": BinarySpace(N, ())}), box(3, 2)]),
    },
)
DOG = DictSpace(
    N,
    {
        "observation": DictSpace(N, {"state": box(5, 3), "gait": TextSpace(N, 7, min_length=1)}),
        "task": TextSpace(N, 9),
        "hands": TupleSpace(N, [DictSpace(N, {"left": box(2)}), box(1, 2)]),
    },
)


def pair() -> tuple[ListBatch, ListBatch]:
    first = ListBatch(ARM, samples(ARM, 5, 1), segments=[(0, 2), (2, 5)])
    return first, ListBatch(DOG, samples(DOG, 4, 2), segments=[(0, 4)])


def in_space(space: Any, value: Any) -> Any:
    """What is shown of one value: its parts by name, and what says nothing in place of others."""
    if isinstance(space, DictSpace):
        return {
            key: default_value(part) if key not in value else in_space(part, value[key])
            for key, part in space.spaces.items()
        }
    if isinstance(space, TupleSpace):
        return tuple(in_space(part, one) for part, one in zip(space.spaces, value, strict=True))
    return value


MASKED = {
    "hands/0/grip": (True, False),
    "observation/gait": (False, True),
    "observation/wrist": (True, False),
}


@pytest.mark.parametrize("align", ["intersect", "union"])
def test_rows_are_shown_column_by_column(align: str) -> None:
    sources = pair()
    aligned = align_batches(sources, align)
    assert aligned[0].single_space == aligned[1].single_space
    assert aligned[0].single_metadata_space == aligned[1].single_metadata_space
    for place, (source, view) in enumerate(zip(sources, aligned, strict=True)):
        space = view.single_space
        rows = [in_space(space, row) for row in source.rows]
        value, metadata = view.get_at_with_metadata([3, 0, 3])
        assert same(value, batch_utils.concatenate(space, [rows[i] for i in (3, 0, 3)]))
        assert batch_utils.batch_space(space, 3).contains(value)
        assert view.get_segments() == source.get_segments()
        if align == "intersect":
            assert metadata is None
            assert list(space["observation"]) == ["state"]  # type: ignore[index]
            continue
        assert metadata is not None
        mask = metadata["column_valid_mask"]
        assert {name: found.tolist() for name, found in mask.items()} == {
            name: [there[place]] * 3 for name, there in MASKED.items()
        }


def test_only_columns_that_are_shown_are_read() -> None:
    asked: list[Any] = []

    class Recording(ListBatch):
        reads_parts = True

        def _read_parts(self, rows: Any, paths: Any) -> Any:
            asked.append(list(paths))
            return super()._read_parts(rows, paths)

    source = Recording(ARM, samples(ARM, 5))
    view = align_batches([source, pair()[1]], "union")[0]
    assert isinstance(view, AlignedBatch)
    asked.clear()
    view.get_column("observation").get_at([1, 2])
    assert asked == [[("observation", "state"), ("observation", "wrist")]]
    common = align_batches([source, pair()[1]], "intersect")[0]
    asked.clear()
    common[0:2]
    assert ("observation", "wrist") not in asked[0]


def test_combined_batches_of_different_spaces() -> None:
    first, second = pair()
    views = align_batches([first, second], "union")
    both = CombinedBatch(views)
    space = both.single_space
    rows = [in_space(space, row) for row in (*first.rows, *second.rows)]
    value, metadata = both.get_at_with_metadata([8, 0, 5, 4])
    assert same(value, batch_utils.concatenate(space, [rows[i] for i in (8, 0, 5, 4)]))
    assert metadata is not None
    assert metadata["batch_index"].tolist() == [1, 0, 1, 0]
    assert metadata["column_valid_mask"]["observation/gait"].tolist() == [True, False, True, False]
    windows = FrameStackedBatch(both, 1)
    window = windows[3]
    assert same(window, batch_utils.concatenate(space, [rows[2], rows[3]]))


def test_batches_that_need_it_not_stay_as_they_are() -> None:
    first, second = ListBatch(ARM, samples(ARM, 3)), ListBatch(ARM, samples(ARM, 2))
    for align in ("strict", "intersect", "union"):
        assert align_batches([first, second], align) == [first, second]
    known = [ListBatch(ARM, samples(ARM, 3), metadata=True), first]
    with pytest.raises(SpaceError, match=r"name: in metadata of batches\[0\], and not in metadata of"):
        align_batches(known, "strict")
    assert align_batches(known, "intersect")[1] is first
    assert align_batches(known[:1], "intersect") == known[:1]


def test_metadata_that_all_have_is_shown() -> None:
    views = align_batches(
        {"arm": ListBatch(ARM, samples(ARM, 3), metadata=True), "dog": ListBatch(DOG, samples(DOG, 3))},
        "union",
    )
    assert list(views[0].get_at_with_metadata(0)[1] or ()) == ["column_valid_mask"]
    views = align_batches([ListBatch(s, samples(s, 3), metadata=True) for s in (ARM, DOG)], "union")
    metadata = views[1].get_at_with_metadata([2, 1])[1]
    assert metadata is not None
    assert list(metadata) == ["column_valid_mask", "name", "row"]
    assert metadata["name"].tolist() == ["row 2", "row 1"]


def test_differences_are_told_by_name() -> None:
    first, second = pair()
    with pytest.raises(SpaceError) as caught:
        align_batches({"arm": first, "dog": second})
    assert str(caught.value).splitlines() == [
        "spaces to align (strict) differ:",
        "- hands/0/grip: in arm, and not in dog",
        "- observation/gait: in dog, and not in arm",
        "- observation/wrist: in arm, and not in dog",
    ]
    with pytest.raises(ValueError, match="align: expected one of strict, intersect, union"):
        align_batches([first], "inner")


def test_a_space_of_ones_own() -> None:
    first, _ = pair()
    wide = DictSpace(N, {"task": TextSpace(N, 99), "note": TextSpace(N, 5)})
    view = AlignedBatch(first, wide)
    assert view[1] == {"note": "", "task": first.rows[1]["task"]}
    assert view.get_at_with_metadata(0)[1] == {"column_valid_mask": {"note": np.False_}}
    with pytest.raises(ReadOnlyError):
        view.append(view[0])
    with pytest.raises(SpaceError, match="task: expected what holds the batch's values"):
        AlignedBatch(first, DictSpace(N, {"task": TextSpace(N, 2)}))
    with pytest.raises(SpaceError, match="differ"):
        AlignedBatch(first, DictSpace(N, {"task": box(1)}))
    with pytest.raises(PathError, match="masked: expected columns among note, task, got nose"):
        AlignedBatch(first, wide, masked=["nose"])
    with pytest.raises(SpaceError, match="metadata_space: expected columns of"):
        AlignedBatch(first, wide, DictSpace(N, {"row": box(1)}))


@pytest.mark.parametrize("name", SPACES)
def test_values_of_every_space(name: str) -> None:
    """As a column that one batch has and the other has not."""
    space = DictSpace(N, {"x": SPACES[name], "y": box(1)})
    one = ListBatch(space, samples(space, 3))
    other = ListBatch(DictSpace(N, {"y": box(1)}), samples(DictSpace(N, {"y": box(1)}), 2))
    both = CombinedBatch(align_batches([one, other], "union"))
    nothing = default_value(SPACES[name])
    rows = [*one.rows, *({"x": nothing, "y": row["y"]} for row in other.rows)]
    for index in ([4, 0, 3, 1], [1, 2], [4]):
        assert same(both[index], batch_utils.concatenate(space, [rows[i] for i in index]))


class TestAligned(BufferCase):
    """The shipped suite, over a buffer with a column less and one more."""

    on_disk = pickles = True

    def make(self, backend: Any) -> BatchCase:
        buffer, rows = self.buffer(backend)
        parts = dict(buffer.single_space.spaces)
        del parts["done"]
        extra = BoxSpace(backend, 2, 3, backend.float32, shape=(2,), device=buffer.device)
        space = DictSpace(backend, {**parts, "extra": extra})
        view = AlignedBatch(buffer, space)
        filled = backend.full((2,), 2, dtype=backend.float32, device=buffer.device)
        shown = [{key: filled if key == "extra" else row[key] for key in space} for row in rows]
        known = [{"column_valid_mask": {"extra": backend.asarray(False)}} for _ in rows]
        return BatchCase(view, shown, known)
