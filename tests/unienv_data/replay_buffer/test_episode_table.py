"""The episode table by itself: columns of mixed types, parts that merge, what is refused."""

from __future__ import annotations

import datetime
import io
import math
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unienv_data.errors import CorruptDataError, SpaceValueError
from unienv_data.replay_buffer.episodes import EpisodeTable
from unienv_data.schema.commit import EpisodePart
from unienv_data.store.objects import MemoryObjects


class Counted(MemoryObjects):
    """Objects in memory that count what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def read(self, name: str) -> bytes:
        self.reads.append(name)
        return super().read(name)


def added(table: EpisodeTable, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        table.add(10 * len(table), 3, table.check(row))


def commit(table: EpisodeTable, number: int) -> tuple[EpisodePart, ...]:
    parts = table.write_pending(number)
    table.accept(parts)
    return parts


def user_rows(table: EpisodeTable) -> list[dict[str, Any]]:
    rows = table.table().to_pylist()
    assert [(row["start"], row["length"]) for row in rows] == [(10 * i, 3) for i in range(len(rows))]
    return [
        {name: row[name] for name in row if name not in ("start", "length") and row[name] is not None}
        for row in rows
    ]


columns = st.dictionaries(
    st.sampled_from(["task", "success", "reward", "tags"]),
    st.none()
    | st.text(max_size=3)
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([2**53 + 1, -(2**63), 0.5, -0.0, math.inf])
    | st.lists(st.integers(0, 9), max_size=2)
    | st.lists(st.sampled_from(["a", "b"]), max_size=2),
    max_size=3,
)


@given(st.lists(st.lists(columns, max_size=4), max_size=6), st.booleans())
def test_what_is_accepted_comes_back_whatever_was_committed_together(
    commits: Sequence[Sequence[dict[str, Any]]], reopened: bool
) -> None:
    objects = MemoryObjects()
    table = EpisodeTable(objects)
    kept: list[dict[str, Any]] = []
    for number, rows in enumerate(commits):
        for row in rows:
            try:
                added(table, [row])
            except SpaceValueError:
                continue
            kept.append({name: value for name, value in row.items() if value is not None})
        parts = commit(table, number)
        assert sum(part.episodes for part in parts) == len(kept)
        if reopened:
            table = EpisodeTable(objects, parts)
    assert user_rows(table) == kept
    assert user_rows(EpisodeTable(objects, table.parts)) == kept
    assert table.bounds().tolist() == [[10 * i, 10 * i + 3] for i in range(len(kept))]
    assert len(table) == len(kept)


def test_columns_of_later_episodes_of_a_commit_are_kept() -> None:
    table = EpisodeTable(MemoryObjects())
    added(table, [{}, {"task": "push"}, {"success": True}])
    assert user_rows(table) == [{}, {"task": "push"}, {"success": True}]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (None, "text"),
        (1, 2.5),
        (np.int8(-3), np.uint8(200)),
        (np.float32(0.1), 0.1),
        ([], [1]),
        ([1], np.array([0.5])),
        ({"a": 1}, {"a": 0.5, "b": "x"}),
        (datetime.date(2020, 1, 1), None),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_column_widens_where_no_value_changes(first: Any, second: Any, together: bool) -> None:
    objects = MemoryObjects()
    table = EpisodeTable(objects)
    added(table, [{"x": first}])
    if not together:
        table = EpisodeTable(objects, commit(table, 0))
    added(table, [{"x": second}])
    commit(table, 1)
    values = table.table()["x"].to_pylist()
    assert len(values) == 2
    for stored, given_ in zip(values, (first, second), strict=True):
        if isinstance(given_, dict):
            assert given_.items() <= stored.items()
        else:
            assert np.array_equal(stored, given_) or stored == given_


@pytest.mark.parametrize(
    ("first", "second"),
    [(1, "a"), ("a", 1), (True, 1), ("a", b"a"), (b"a", "a"), (2**53 + 1, 0.5), (0.5, 2**53 + 1), ([1], 1)],
)
@pytest.mark.parametrize("together", [True, False])
def test_values_that_do_not_go_together_are_refused_and_change_nothing(
    first: Any, second: Any, together: bool
) -> None:
    objects = MemoryObjects()
    table = EpisodeTable(objects)
    added(table, [{"x": first}])
    if not together:
        table = EpisodeTable(objects, commit(table, 0))
    with pytest.raises(SpaceValueError, match="episode/x: expected a value that goes with"):
        added(table, [{"x": second, "other": 1}])
    commit(table, 1)
    assert table.table().to_pylist() == [{"start": 0, "length": 3, "x": first}]


@pytest.mark.parametrize(
    "columns",
    [
        {"start": 1},
        {"length": 1},
        {1: 2},
        {"x": object()},
        {"x": 1j},
        {"x": np.zeros((2, 2))},
        {"x": "\ud800"},
        {"x": 10**30},
        {"x": [1, "a"]},
        {"x": {1: 2}},
        {"x": {}},
        {"x": {"a": {}}},
        {"\ud800": 1},
    ],
    ids=repr,
)
def test_what_no_table_holds_is_refused(columns: dict[Any, Any]) -> None:
    table = EpisodeTable(MemoryObjects())
    with pytest.raises(SpaceValueError, match="episode/"):
        table.check(columns)
    assert len(table) == 0


def test_an_added_episode_is_not_the_callers_any_more() -> None:
    table = EpisodeTable(None)
    columns = {"task": "push"}
    added(table, [columns])
    columns["task"] = "pull"
    assert user_rows(table) == [{"task": "push"}]


def test_parts_are_few_and_merging_reads_little() -> None:
    objects = Counted()
    table = EpisodeTable(objects)
    total = 300
    for number in range(total):
        added(table, [{"task": number}])
        commit(table, number)
        assert len(table.parts) <= math.log2(number + 1) + 1
    assert objects.reads == []  # a writer has what it wrote

    for number in range(total, 2 * total):  # each by a writer of its own, which knows nothing yet
        table = EpisodeTable(objects, table.parts)
        added(table, [{"task": number}])
        commit(table, number)
    assert len(objects.reads) <= 3 * total
    assert user_rows(EpisodeTable(objects, table.parts)) == [{"task": i} for i in range(2 * total)]


def test_a_commit_that_fails_can_be_tried_again() -> None:
    objects = MemoryObjects()
    table = EpisodeTable(objects)
    added(table, [{"task": "a"}])
    table.write_pending(0)
    table.write_pending(0)
    assert table.parts == ()
    assert user_rows(table) == [{"task": "a"}]
    commit(table, 0)
    commit(table, 1)
    assert len(table.parts) == 1


def test_a_reader_that_moves_on_reads_only_what_is_new() -> None:
    objects = Counted()
    table = EpisodeTable(objects)
    added(table, [{"task": i} for i in range(8)])
    reader = EpisodeTable(objects, commit(table, 0))
    assert len(reader.table()) == 8
    added(table, [{"task": 8}])
    reader = reader.at(commit(table, 1))
    assert len(reader.table()) == 9
    assert len(objects.reads) == 2


def test_damaged_parts_are_named() -> None:
    objects = MemoryObjects("place")
    table = EpisodeTable(objects)
    added(table, [{}, {}])
    (part,) = commit(table, 0)

    def opened() -> EpisodeTable:
        return EpisodeTable(objects, [part])

    data = objects.read(part.object)
    for damaged in (data[: len(data) // 2], b"", b"PAR1" + bytes(100)):
        objects.replace(part.object, damaged)
        with pytest.raises(CorruptDataError, match=f"place/{part.object}"):
            opened().table()
    other = io.BytesIO()
    pq.write_table(pa.table({"start": [1], "length": [1]}), other)
    objects.replace(part.object, other.getvalue())
    with pytest.raises(CorruptDataError, match="checksum does not match"):
        opened().bounds()
    old = EpisodePart(f"episodes/{0:020d}-{'a' * 24}.parquet", 2)  # a name that does not tell
    objects.replace(old.object, other.getvalue())
    with pytest.raises(CorruptDataError, match="expected 2 episodes"):
        EpisodeTable(objects, [old]).bounds()
    objects.delete([part.object])
    with pytest.raises(CorruptDataError, match="missing"):
        opened().table()


def test_columns_that_a_part_lacks_are_null_and_none_is_lost() -> None:
    objects = MemoryObjects()
    first, second = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table({"start": [0], "length": [3], "old": ["a"]}), first)
    pq.write_table(pa.table({"start": [10], "length": [3], "new": [1]}), second)
    objects.write("a", [first.getvalue()])
    objects.write("b", [second.getvalue()])
    table = EpisodeTable(objects, [EpisodePart("a", 1), EpisodePart("b", 1)])
    assert user_rows(table) == [{"old": "a"}, {"new": 1}]


def test_reading_segments_needs_no_more_of_arrow_than_opening(dataset: str) -> None:
    """A child that is forked while a thread imports can never import that; Arrow's threads outlive Python."""
    if not dataset.startswith("memory:"):
        program = f"""
import sys, unienv_data
reader = unienv_data.open({dataset!r})
before = set(sys.modules)
assert reader.get_segments() == [(0, 3)]
late = sorted(name for name in set(sys.modules) - before if name.startswith("pyarrow"))
assert not late and "pyarrow.dataset" not in sys.modules, late
"""
        subprocess.run([sys.executable, "-c", program], check=True)
