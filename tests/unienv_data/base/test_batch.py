"""What every batch does, against a plain list of rows."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.base.models import (
    FLATTENABLE,
    METADATA,
    NESTED,
    NUMBER,
    NUMERIC,
    SPACES,
    VECTOR,
    ListBatch,
    ReadOnlyBatch,
    samples,
)
from tests.unienv_interface.corpus import same
from unienv_data.errors import (
    ClosedError,
    IndexOutOfRangeError,
    InvalidIndexError,
    ReadOnlyError,
    SpaceValueError,
)
from unienv_interface.space.space_utils import batch_utils, flatten_utils

INDEXES: list[Any] = [
    slice(None),
    slice(1, None, 2),
    slice(None, None, -1),
    slice(4, 2),
    ...,
    range(3),
    [0, 3, 3, -1],
    (2,),
    [],
    np.array([2, 0]),
    np.array([], dtype=np.int64),
    np.array([True, False, True, False, True]),
    np.zeros(5, dtype=bool),
]


def picked(rows: list[Any], index: Any) -> list[Any]:
    return [rows[position] for position in np.arange(len(rows))[index if index is ... else _plain(index)]]


def _plain(index: Any) -> Any:
    return np.array(index, dtype=np.int64) if isinstance(index, list | tuple | range) else index


@pytest.mark.parametrize("name", SPACES)
def test_integer_gives_a_sample(name: str) -> None:
    rows = samples(SPACES[name], 5)
    batch = ListBatch(SPACES[name], rows)
    for index in (0, 4, -1, np.int64(2), np.array(3), np.uint8(1)):
        value = batch[index]
        assert same(value, rows[int(index)])
        assert SPACES[name].contains(value)
        assert same(batch.get_at_with_metadata(index), (value, None))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("index", INDEXES, ids=repr)
def test_other_indexes_give_batches(name: str, index: Any) -> None:
    space, rows = SPACES[name], samples(SPACES[name], 5)
    batch = ListBatch(space, rows)
    expected = picked(rows, index)
    value = batch[index]
    assert batch_utils.batch_space(space, len(expected)).contains(value)
    assert batch_utils.batch_size_data(value) == len(expected)
    assert same(list(batch_utils.iterate(space, value)), expected)
    assert same(batch.get_at(index), value)


@pytest.mark.parametrize("name", FLATTENABLE)
@pytest.mark.parametrize("index", INDEXES, ids=repr)
def test_flattened_form_is_that_of_the_structured_one(name: str, index: Any) -> None:
    space, rows = SPACES[name], samples(SPACES[name], 5)
    batch = ListBatch(space, rows)
    expected = [flatten_utils.flatten_data(space, row) for row in picked(rows, index)]
    flat = batch.get_flattened_at(index)
    assert flat.shape == (len(expected), flatten_utils.flat_dim(space))
    assert same(list(flat), expected)
    assert flat.dtype == flatten_utils.flatten_data(space, rows[0]).dtype
    for position in (0, -1):
        assert same(batch.get_flattened_at(position), flatten_utils.flatten_data(space, rows[position]))
    assert same(batch.get_flattened_at_with_metadata(index), (flat, None))


@pytest.mark.parametrize("flattened", [False, True])
def test_metadata_comes_with_every_form(flattened: bool) -> None:
    batch = ListBatch(NUMERIC, samples(NUMERIC, 5), metadata=True)
    read = batch.get_flattened_at_with_metadata if flattened else batch.get_at_with_metadata
    _, metadata = read([3, 0])
    assert metadata is not None
    assert metadata["row"].tolist() == [3, 0]
    assert metadata["name"].tolist() == ["row 3", "row 0"]
    _, metadata = read(-1)
    assert METADATA.contains(metadata)
    assert metadata is not None
    assert (int(metadata["row"]), metadata["name"]) == (4, "row 4")
    _, metadata = read([])
    assert batch_utils.batch_space(METADATA, 0).contains(metadata)


def test_wrong_indexes_are_refused_by_every_method() -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 5))
    whole = batch[...]
    calls: list[Any] = [
        batch.get_at,
        batch.get_at_with_metadata,
        batch.get_flattened_at,
        batch.get_flattened_at_with_metadata,
        batch.__getitem__,
        batch.remove_at,
        batch.__delitem__,
        lambda index: batch.set_at(index, whole),
        lambda index: batch.set_flattened_at(index, whole[:, None]),
    ]
    for call in calls:
        for index in (5, -6, [0, 5], np.array([-6]), 100):
            with pytest.raises(IndexOutOfRangeError):
                call(index)
        for index in (1.0, "0", None, True, [[0]], np.zeros((1, 1), dtype=np.int64), np.ones(4, dtype=bool)):
            with pytest.raises(InvalidIndexError):
                call(index)
    assert len(batch) == 5


def test_out_of_range_is_refused_under_optimization() -> None:
    code = (
        "from tests.unienv_data.base.models import ReadOnlyBatch\n"
        "try: ReadOnlyBatch().get_at(100)\n"
        "except IndexError: raise SystemExit(7)\n"
    )
    assert subprocess.run([sys.executable, "-O", "-c", code], check=False).returncode == 7


@given(
    start=st.lists(st.integers(-9, 9), max_size=8),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["set", "set many", "append", "extend", "remove", "remove many"]),
            st.integers(-9, 9),
            st.lists(st.integers(0, 7), max_size=4),
        ),
        max_size=12,
    ),
    flattened=st.booleans(),
)
def test_changes_are_those_of_a_list(start: list[int], steps: list[Any], flattened: bool) -> None:
    def one(value: int) -> Any:
        return np.array([value] if flattened else value, dtype=np.int64)

    def many(values: list[int]) -> Any:
        return (
            np.array(values, dtype=np.int64).reshape(-1, 1) if flattened else np.array(values, dtype=np.int64)
        )

    batch, model = ListBatch(NUMBER, [one(value).reshape(()) for value in start]), list(start)
    write, append, extend = batch.set_at, batch.append, batch.extend
    if flattened:
        write, append, extend = batch.set_flattened_at, batch.append_flattened, batch.extend_flattened
    for kind, value, positions in steps:
        positions = [position for position in positions if position < len(model)]
        if kind == "set" and positions:
            write(positions[0] - len(model), one(value))
            model[positions[0]] = value
        elif kind == "set many":
            write(positions, many([value] * len(positions)))
            for position in positions:
                model[position] = value
        elif kind == "append":
            append(one(value))
            model.append(value)
        elif kind == "extend":
            extend(many(positions))
            model.extend(positions)
        elif kind == "remove" and positions:
            del batch[positions[0]]
            del model[positions[0]]
        elif kind == "remove many":
            batch.remove_at(positions)
            model = [kept for position, kept in enumerate(model) if position not in positions]
        assert len(batch) == len(model)
        assert batch[...].tolist() == model


@pytest.mark.parametrize("name", SPACES)
def test_setting_and_appending_structured_values(name: str) -> None:
    space = SPACES[name]
    first, second, third, fourth = samples(space, 4)
    batch = ListBatch(space)
    batch.append(first)
    batch.extend(batch_utils.concatenate(space, [second, third]))
    batch[1] = fourth
    assert same(batch.rows, [first, fourth, third])
    batch[[2, 0]] = batch_utils.concatenate(space, [first, second])
    assert same(batch.rows, [second, fourth, first])
    batch[::2] = batch[:2]
    assert same(batch.rows, [second, fourth, fourth])


def test_removing_hands_over_ascending_rows_without_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 6))
    handed: list[Any] = []
    monkeypatch.setattr(batch, "_remove", handed.append)
    for index in (slice(None, None, -2), [4, 1, 1, -2], 3, np.array([], dtype=np.int64)):
        batch.remove_at(index)
    assert [list(rows) for rows in handed] == [[1, 3, 5], [1, 4], [3]]


def test_batch_of_another_length_than_its_index_is_refused() -> None:
    batch = ListBatch(VECTOR, samples(VECTOR, 5))
    before = list(batch.rows)
    for index, rows in (([0, 1], 3), (slice(None), 4), ([], 1), (np.ones(5, dtype=bool), 6)):
        with pytest.raises(
            SpaceValueError, match=f"expected {len(picked(before, index))} rows.* got {rows} rows"
        ):
            batch[index] = np.zeros((rows, 3), dtype=np.float32)
    assert same(batch.rows, before)


def test_single_value_that_does_not_fit_is_refused_with_its_place() -> None:
    batch = ListBatch(NESTED, samples(NESTED, 2))
    wrong = {**batch[0], "image": np.full((2, 2, 3), 300, dtype=np.int64)}
    for call in (batch.append, lambda value: batch.set_at(0, value)):
        with pytest.raises(SpaceValueError, match=r"^image"):
            call(wrong)
        with pytest.raises(SpaceValueError, match="keys"):
            call({**batch[0], "extra": 0})
    assert len(batch) == 2


def test_read_only_batch_refuses_every_change() -> None:
    batch = ReadOnlyBatch()
    calls: list[Any] = [
        lambda: batch.set_at(0, 1),
        lambda: batch.set_at([], np.empty(0)),
        lambda: batch.__setitem__(0, 1),
        lambda: batch.set_flattened_at(0, np.array([1])),
        lambda: batch.append(1),
        lambda: batch.append_flattened(np.array([1])),
        lambda: batch.extend(np.array([1])),
        lambda: batch.extend_flattened(np.array([[1]])),
        lambda: batch.remove_at(0),
        lambda: batch.remove_at([]),
        lambda: batch.__delitem__(0),
        lambda: batch.extend_from(ReadOnlyBatch()),
    ]
    for call in calls:
        with pytest.raises(ReadOnlyError, match="ReadOnlyBatch"):
            call()
    batch.is_mutable = True  # says that it can be changed, and implements no change
    for call in calls[:1] + calls[2:9] + calls[10:]:
        with pytest.raises(ReadOnlyError, match="ReadOnlyBatch"):
            call()


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 100])
def test_iterating_gives_the_rows_with_bounded_reads(length: int) -> None:
    rows = samples(NESTED, length)
    batch = ListBatch(NESTED, rows)
    assert same(list(batch), rows)
    assert sum(batch.reads) == length
    assert all(count <= 32 for count in batch.reads)


def test_iterating_reads_no_further_than_asked() -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 100))
    iterator = iter(batch)
    assert batch.reads == []
    next(iterator)
    assert batch.reads == [32]


@pytest.mark.parametrize("chunk_size", [1, 3, 8, 100])
@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (None, [20]),
        ([], [20]),
        ([(0, 20)], [20]),
        ([(0, 5), (5, 9), (9, 20)], [5, 4, 11]),
        ([(2, 5), (5, 5), (9, 12)], [2, 3, 4, 3, 8]),
    ],
)
def test_extending_keeps_segments_and_bounds_chunks(
    chunk_size: int, segments: Any, expected: list[int]
) -> None:
    source = ListBatch(NESTED, samples(NESTED, 20), segments=segments)
    target = ListBatch(NESTED, samples(NESTED, 2, seed=1))
    before = list(target.rows)
    target.extend_from(source, chunk_size=chunk_size)
    assert same(target.rows, before + source.rows)
    assert [sum(chunks) for chunks in target.appended] == expected
    assert all(count <= chunk_size for chunks in target.appended for count in chunks)
    assert all(count <= chunk_size for count in source.reads)


def test_extending_from_itself_doubles() -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 10))
    batch.extend_from(batch, chunk_size=3)
    assert same(batch.rows[:10], batch.rows[10:])
    assert len(batch) == 20


def test_extending_from_nothing_changes_nothing() -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 3))
    batch.extend_from(ListBatch(NUMBER))
    assert (len(batch), batch.appended) == (3, [])


def test_extending_draws_a_bar_only_when_asked(capfd: pytest.CaptureFixture[str]) -> None:
    source, target = ListBatch(NUMBER, samples(NUMBER, 10)), ListBatch(NUMBER)
    target.extend_from(source)
    assert capfd.readouterr() == ("", "")
    target.extend_from(source, tqdm=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "10.0/10.0" in err


def test_extending_by_chunks_of_nothing_is_refused() -> None:
    batch = ListBatch(NUMBER, samples(NUMBER, 3))
    with pytest.raises(ValueError, match="chunk_size"):
        batch.extend_from(batch, chunk_size=0)


def test_closing_happens_once_and_ends_use() -> None:
    with ListBatch(NUMBER, samples(NUMBER, 3)) as batch:
        assert len(batch[:2]) == 2
    batch.close()
    assert batch.closings == 1
    for call in (
        lambda: batch[0],
        lambda: batch[[]],
        lambda: batch.get_flattened_at(0),
        lambda: batch.set_at(0, batch.rows[0]),
        lambda: batch.append(batch.rows[0]),
        lambda: batch.extend(np.zeros(1, dtype=np.int64)),
        lambda: batch.remove_at(0),
        lambda: batch.extend_from(batch),
        lambda: next(iter(batch)),
    ):
        with pytest.raises(ClosedError, match="ListBatch has been closed"):
            call()


def test_half_built_batch_can_be_closed() -> None:
    batch = ListBatch.__new__(ListBatch)
    batch.closings = 0
    batch.close()
    assert batch.closings == 1


def test_backend_and_device_are_those_of_the_space() -> None:
    batch = ReadOnlyBatch()
    assert batch.backend is NUMBER.backend
    assert batch.device == NUMBER.device
    assert batch.single_metadata_space is None
    assert batch.get_segments() is None
