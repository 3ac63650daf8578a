"""Any sequence of appends, commits, seals, crashes and take-overs, against lists of row numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unienv_data.store import rowmodel
from tests.unienv_data.store.making import Interposed, failing, nothing
from unienv_data.errors import FencedError
from unienv_data.store.array import stored_arrays
from unienv_data.store.gather import Gather
from unienv_data.store.logstore import LogStore
from unienv_data.store.objects import MemoryObjects, ObjectStore
from unienv_data.store.ragged import INDEX, VALUES, spans_of
from unienv_data.store.reader import CommitReader

State = list[int | None]


class LogMachine(RuleBasedStateMachine):
    """One dataset, its writer, writers that are dead or believe that they still are, and pinned readers."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryObjects()
        self.root = Interposed(self.memory)
        self.store: LogStore
        self.state: State = []
        self.committed: State = []
        self.number = 0
        self.readers: list[tuple[LogStore, State]] = []
        self.zombies: list[LogStore] = []
        self.files: dict[str, bytes] = {}

    @initialize(capacity=st.sampled_from([None, None, 7]))
    def create(self, capacity: int | None) -> None:
        self.store = rowmodel.create(self.root, capacity=capacity)
        self.state = [None] * (capacity or 0)
        self.committed = list(self.state)

    def fresh(self, count: int) -> list[int]:
        self.number += count
        return list(range(self.number - count, self.number))

    # Changes

    @precondition(lambda self: self.store.commit_read.capacity is None)
    @rule(count=st.integers(1, 21))
    def append(self, count: int) -> None:
        numbers = self.fresh(count)
        rowmodel.append(self.store, numbers)
        self.state += numbers

    @precondition(lambda self: self.state)
    @rule(data=st.data())
    def set_some(self, data: st.DataObject) -> None:
        slots = data.draw(st.lists(st.integers(0, len(self.state) - 1), min_size=1, max_size=9))
        numbers = self.fresh(len(slots))
        self.store.set(np.array(slots, dtype=np.int64), rowmodel.rows(numbers))
        for slot, number in zip(slots, numbers, strict=True):
            self.state[slot] = number

    @precondition(lambda self: self.store.commit_read.capacity is None)
    @rule(count=st.integers(0, 5), added=st.integers(0, 3))
    def shrink_and_extend(self, count: int, added: int) -> None:
        self.store.shrink_length(count)
        self.store.extend_length(added)
        self.state = self.state[: max(len(self.state) - count, 0)] + [None] * added

    @rule(data=st.data())
    def keep(self, data: st.DataObject) -> None:
        ends = sorted(data.draw(st.lists(st.integers(0, len(self.state)), max_size=4)))
        spans = list(zip(ends[::2], ends[1::2], strict=False))
        self.store.keep(spans)
        kept = [row for start, stop in spans for row in self.state[start:stop]]
        spare = (self.store.commit_read.capacity or len(kept)) - len(kept)
        self.state = kept + [None] * spare

    # Commits

    @rule(force=st.booleans())
    def commit(self, force: bool) -> None:
        rowmodel.commit(self.store, force=force)
        self.committed = list(self.state)

    @rule(again=st.booleans())
    def seal(self, again: bool) -> None:
        commit = self.store.seal(self.store.commit_read.buffer)
        self.committed = list(self.state)
        assert commit.sealed
        assert commit.tail is None
        if again:
            assert self.store.seal(commit.buffer) == commit

    @rule()
    def compact(self) -> None:
        commit = self.store.compact(self.store.commit_read.buffer)
        self.committed = list(self.state)
        assert commit.sealed
        assert commit.is_in_order or None in self.state

    # Failures

    @precondition(lambda self: self.state)
    @rule(data=st.data(), count=st.integers(1, 30), after=st.booleans())
    def a_write_fails(self, data: st.DataObject, count: int, after: bool) -> None:
        prefix = data.draw(st.sampled_from(["storage/columns", "storage/columns/text", "storage/claims"]))
        method = "create" if prefix.endswith("claims") else "write"
        hook = failing(method, prefix, OSError("the disk is full"), times=1)
        skipped = data.draw(st.integers(0, 3))

        def later(called: str, name: str) -> None:
            nonlocal skipped
            if called == method and name.startswith(prefix) and skipped:
                skipped -= 1
            else:
                hook(called, name)

        setattr(self.root, "after" if after else "before", later)
        slots = np.arange(count, dtype=np.int64) % len(self.state)
        numbers = self.fresh(count)
        try:
            self.store.set(slots, rowmodel.rows(numbers))
        except OSError:
            pass
        else:
            for slot, number in zip(slots.tolist(), numbers, strict=True):
                self.state[slot] = number
        finally:
            self.root.before = self.root.after = nothing

    @rule(after=st.booleans(), what=st.sampled_from(["commits", "tails"]))
    def a_commit_fails(self, after: bool, what: str) -> None:
        hook = failing(
            "create" if what == "commits" else "write", f"storage/{what}", OSError("no route"), times=1
        )
        setattr(self.root, "after" if after else "before", hook)
        try:
            rowmodel.commit(self.store)
        except OSError:
            pass
        else:
            self.committed = list(self.state)
        finally:
            self.root.before = self.root.after = nothing

    # Coming and going

    @rule()
    def close_and_reopen(self) -> None:
        rowmodel.close(self.store)
        self.committed = list(self.state)
        self.store = rowmodel.reopen(self.root, writable=True)

    @rule(remember=st.booleans())
    def crash_and_reopen(self, remember: bool) -> None:
        rowmodel.kill(self.store)
        if remember:
            self.zombies = [*self.zombies[-2:], self.store]
        self.store = rowmodel.reopen(self.root, writable=True)
        self.state = list(self.committed)

    @precondition(lambda self: self.zombies)
    @rule(data=st.data(), count=st.integers(1, 20))
    def a_zombie_writes_on(self, data: st.DataObject, count: int) -> None:
        zombie = data.draw(st.sampled_from(self.zombies))
        try:
            zombie.extend_length(count) if zombie.commit_read.capacity is None else None
            slots = (
                range(zombie.length - count, zombie.length) if zombie.length > count else range(zombie.length)
            )
            zombie.set(slots, rowmodel.rows([999] * len(slots)))
        except FencedError:
            return
        if self.store.commit_read.number > zombie.commit_read.number:
            with pytest.raises(FencedError):
                rowmodel.commit(zombie, force=True)
            with pytest.raises(FencedError):
                rowmodel.commit(zombie, force=True)
            with pytest.raises(FencedError):
                zombie.seal(zombie.commit_read.buffer)

    # Readers

    @rule()
    def open_a_reader(self) -> None:
        self.readers = [
            *self.readers[-3:],
            (rowmodel.reopen(self.root, writable=False), list(self.committed)),
        ]

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def refresh_a_reader(self, data: st.DataObject) -> None:
        i = data.draw(st.integers(0, len(self.readers) - 1))
        reader, _ = self.readers[i]
        behind = reader.commit_read.number < self.store.commit_read.number
        assert reader.refresh() == behind
        self.readers[i] = (reader, list(self.committed))

    # What holds

    @invariant()
    def the_writer_reads_what_it_wrote(self) -> None:
        rowmodel.check(self.store, self.state)

    @invariant()
    def readers_see_their_commit(self) -> None:
        for reader, state in self.readers:
            rowmodel.check(reader, state)

    @invariant()
    def nothing_that_was_committed_changes(self) -> None:
        """Of a kept commit, no byte: neither of its tail nor of the shards before it."""
        now = committed_files(self.memory, self.store)
        for name, data in self.files.items():
            if name in now:
                assert now[name] == data, name
        self.files = now

    def teardown(self) -> None:
        if hasattr(self, "store"):
            found = rowmodel.reopen(self.memory, writable=False)
            rowmodel.check(found, self.committed)


def committed_files(memory: ObjectStore, store: LogStore) -> dict[str, bytes]:
    """The objects that the newest commit refers to: its tail, and the full shards of rows that it shows."""
    storage = memory.below(rowmodel.PATH)
    commit = store.commit_read
    reader = CommitReader(commit, Gather(storage, bytes.fromhex(commit.uuid)))
    files: dict[str, bytes] = {}
    if commit.tail is not None:
        files[commit.tail.object] = storage.read(commit.tail.object)
    arrays = stored_arrays(commit)
    for name, array in arrays.items():
        spans = [(row, row + count) for _, row, count in commit.runs]
        if name.endswith(VALUES):
            index = arrays[name.removesuffix(VALUES) + INDEX]
            rows = [reader.read_array(index, range(*span)) for span in spans]
            spans = [span for part in rows for span in spans_of(part)[0]]
        size = array.entry.shard_rows
        length = commit.logs[array.entry.log].length
        last = length // size if commit.tail is not None and name in commit.tail.parts else -(-length // size)
        for shard in {row // size for start, stop in spans for row in range(start, stop)}:
            if shard < last and array.row_bytes:
                files[array.shard_object(shard)] = storage.read(array.shard_object(shard))
    return files


@pytest.fixture(params=[1, 0], ids=["decoded", "resident"])
def residence(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Arrays are resident from the beginning, or when they have been decoded a while."""
    monkeypatch.setattr("unienv_data.store.resident.arrays._TIMES", request.param)
    monkeypatch.setenv("UNIENV_DATA_RESIDENT_DIR", str(tmp_path / "resident"))


@pytest.mark.usefixtures("tiny_values", "residence")
def test_the_log() -> None:
    run_programs(programs=20, steps=25)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_values", "residence")
def test_the_log_for_long() -> None:
    run_programs(programs=300, steps=60)


def run_programs(programs: int, steps: int) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        LogMachine,
        settings=settings(
            max_examples=programs,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


tiny_values: Any = rowmodel.tiny_values
