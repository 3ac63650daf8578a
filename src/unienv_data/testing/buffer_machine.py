"""Random programs over a replay buffer, each step compared with a list of rows."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from unienv_data.errors import SegmentError, SpaceValueError
from unienv_data.testing.checking import check
from unienv_data.testing.factories import AnyBackend, AnySpace, full_box
from unienv_data.testing.model import BufferModel
from unienv_data.testing.places import BufferPlace, LocalFolder
from unienv_data.testing.raw import raw_columns
from unienv_interface.backends import NumpyComputeBackend
from unienv_interface.space import DictSpace, TextSpace

__all__ = ["ReplayBufferMachine"]

_WORDS = ("", "a", "push the T", "😀é", "\ud800", "x" * 30)
_COUNTS = st.integers(0, 7)
_EPISODES = st.none() | st.fixed_dictionaries(
    {}, optional={"task": st.sampled_from("ab"), "n": st.integers(0, 9)}
)


class ReplayBufferMachine(RuleBasedStateMachine):
    """Subclass, say in `place` how buffers are made, and collect the subclass's `TestCase`.

    Rows are numbers: all columns of a row follow from its number, so that one in a wrong place, torn, or of
    half the columns is seen. Readers that were opened at older commits must see those.

    Attributes:
        place: makes buffers and opens them again.
        capacities: of the buffers that are tried.
        options: for making them; small chunks and shards have rows pass every border soon.
        removes: whether rows can be removed.
        seals: whether buffers can be sealed and compacted.
    """

    place: ClassVar[BufferPlace] = LocalFolder()
    capacities: ClassVar[tuple[int | None, ...]] = (None, 1, 3, 8)
    options: ClassVar[Mapping[str, Any]] = {
        "chunks": {"n": 2, "v": 1, "t": 2},
        "shards": {"n": 4, "v": 2, "t": 4},
    }
    removes: ClassVar[bool] = True
    seals: ClassVar[bool] = True
    backend: ClassVar[AnyBackend] = NumpyComputeBackend

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="unienv-machine-"))
        self.readers: list[tuple[Any, BufferModel]] = []
        self.number = 0
        self.copies = 0

    # Rows

    def space(self) -> AnySpace:
        """The space of the rows."""
        b = self.backend
        parts = {"n": full_box(b, "int64", ()), "v": full_box(b, "float32", (3,)), "t": TextSpace(b, 30)}
        return DictSpace(b, parts)

    def batch(self, numbers: list[int]) -> Any:
        """The rows of these numbers."""
        texts = np.empty(len(numbers), dtype=object)
        texts[:] = [_WORDS[number % len(_WORDS)] for number in numbers]
        n = np.array(numbers, dtype=np.int64)
        v = np.stack([n, -n, n * 0.5], axis=1).astype(np.float32)
        return {"n": self.backend.from_numpy(n), "v": self.backend.from_numpy(v), "t": texts}

    def numbers(self, buffer: Any, index: Any = slice(None)) -> list[int]:
        """The numbers of rows of a buffer, each of which must be whole."""
        found = buffer[index]
        numbers: list[int] = self.backend.to_numpy(found["n"]).tolist()
        expected = self.batch(numbers)
        for key in ("n", "v"):
            data = self.backend.to_numpy(found[key])
            check(np.array_equal(data, self.backend.to_numpy(expected[key])), key, data, numbers)
        check(found["t"].tolist() == expected["t"].tolist(), "t", found["t"], numbers)
        return numbers

    def fresh(self, count: int) -> list[int]:
        """Numbers that no row had before."""
        self.number += count
        return list(range(self.number - count, self.number))

    # Making

    @initialize(data=st.data())
    def make(self, data: st.DataObject) -> None:
        """An empty buffer."""
        capacity = data.draw(st.sampled_from(self.capacities), label="capacity")
        self.model = BufferModel(capacity)
        self.committed = BufferModel(capacity)
        self.buffer = self.place.make(self.folder, self.space(), capacity=capacity, **self.options)

    # Appending

    @rule()
    def append(self) -> None:
        """One row."""
        (number,) = self.fresh(1)
        row = self.batch([number])
        self.buffer.append({"n": row["n"][0], "v": row["v"][0], "t": row["t"][0]})
        self.model.append([number])

    @rule(count=_COUNTS)
    def append_batch(self, count: int) -> None:
        """Rows of the open episode."""
        numbers = self.fresh(count)
        self.buffer.append_batch(self.batch(numbers))
        self.model.append(numbers)

    @rule(count=st.integers(0, 20), episode=_EPISODES)
    def extend(self, count: int, episode: dict[str, Any] | None) -> None:
        """An episode, refused while one is open."""
        numbers = self.fresh(count)
        try:
            self.buffer.extend(self.batch(numbers), episode=episode if count else None)
        except SegmentError:
            check(self.model.open is not None, "extend", "refused", self.model.open)
        else:
            check(self.model.open is None, "extend", "accepted", self.model.open)
            self.model.extend(numbers, episode)

    @rule(episode=_EPISODES, commit=st.booleans())
    def end_segment(self, episode: dict[str, Any] | None, commit: bool) -> None:
        """The open episode ends."""
        self.buffer.mark_segment_end(episode if self.model.open is not None else None, commit=commit)
        self.model.end(episode)
        if commit:
            self.committed = self.model.copy()

    @rule(count=st.integers(1, 3), batched=st.booleans())
    def append_what_does_not_fit(self, count: int, batched: bool) -> None:
        """Changes nothing."""
        batch = self.batch([0] * count)
        batch["t"][-1] = "y" * 31
        bad = batch if batched else {"n": 0.5, "v": [0, 0, 0], "t": ""}
        with contextlib.suppress(SpaceValueError):
            (self.buffer.append_batch if batched else self.buffer.append)(bad)
            check(False, "a bad row", "accepted", "refused")

    # Changing

    @precondition(lambda self: len(self.model) > 0)
    @rule(data=st.data())
    def overwrite(self, data: st.DataObject) -> None:
        """Rows by a list, in which some may come twice."""
        rows = data.draw(st.lists(st.integers(-len(self.model), len(self.model) - 1), min_size=1, max_size=5))
        numbers = self.fresh(len(rows))
        self.buffer.set_at(rows, self.batch(numbers))
        self.model.set(rows, numbers)

    @precondition(lambda self: self.removes and len(self.model) > 0)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Rows by a list or a slice."""
        length = len(self.model)
        bound = st.integers(0, length)
        index = data.draw(
            st.lists(st.integers(0, length - 1), max_size=4)
            | st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, -1]))
        )
        self.buffer.remove_at(index)
        self.model.remove(range(length)[index] if isinstance(index, slice) else index)

    @rule()
    def clear(self) -> None:
        """Everything goes."""
        self.buffer.clear()
        self.model.clear()

    # Keeping

    @rule()
    def commit(self) -> None:
        """What is there becomes visible to readers."""
        self.buffer.commit()
        self.committed = self.model.copy()

    @precondition(lambda self: self.place.persists)
    @rule(killed=st.booleans())
    def reopen(self, killed: bool) -> None:
        """By another writer, after this one has closed or died: what was not committed died with it."""
        url = self.buffer.cache_path
        if killed:
            self.place.kill(self.buffer)
            self.model = self.committed.copy()
        else:
            self.buffer.close()
            self.committed = self.model.copy()
        self.buffer = self.place.open(url, self.space(), read_only=False)

    @precondition(lambda self: self.place.persists and len(self.readers) < 3)
    @rule()
    def open_reader(self) -> None:
        """A reader sees the last commit."""
        reader = self.place.open(self.buffer.cache_path, self.space())
        self.readers.append((reader, self.committed.copy()))

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def refresh_reader(self, data: st.DataObject) -> None:
        """A reader moves to the last commit."""
        place = data.draw(st.integers(0, len(self.readers) - 1))
        reader, seen = self.readers[place]
        moved = reader.refresh()
        check(moved or seen == self.committed, "refresh", moved, "a newer commit")
        self.readers[place] = (reader, self.committed.copy())

    @precondition(lambda self: self.seals)
    @rule(compact=st.booleans())
    def seal(self, compact: bool) -> None:
        """Other readers see every row; after compaction in order."""
        if not compact:
            self.buffer.seal()
        else:
            self.buffer.compact()
            if self.place.others_can_read:
                found = raw_columns(self.buffer.cache_path)["n"].tolist()
                check(found == self.model.values, "as others read it", found, self.model.values)
        self.committed = self.model.copy()

    @precondition(lambda self: self.place.persists and self.model.open is None and self.copies < 2)
    @rule()
    def copy(self) -> None:
        """A dataset of its own."""
        self.copies += 1
        url = self.place.url(self.folder, f"copy-{self.copies}.zarr")
        self.buffer.dumps(url)
        self.committed = self.model.copy()
        self._check(self.place.open(url, self.space()), self.model)

    # What holds

    @invariant()
    def is_what_the_model_says(self) -> None:
        """Of the writer at every step."""
        if hasattr(self, "buffer"):
            self._check(self.buffer, self.model)

    @invariant()
    def readers_see_their_commits(self) -> None:
        """Whatever has happened since."""
        for reader, seen in self.readers:
            self._check(reader, seen)

    def _check(self, buffer: Any, model: BufferModel) -> None:
        check(len(buffer) == len(model), "length", len(buffer), len(model))
        check(self.numbers(buffer) == model.values, "rows", self.numbers(buffer), model.values)
        check(buffer.get_segments() == model.segments(), "segments", buffer.get_segments(), model.segments())
        check(
            buffer.has_open_segment == (model.open is not None), "open", model.open, buffer.has_open_segment
        )
        found = [{k: v for k, v in row.items() if v is not None} for row in buffer.episodes.to_pylist()]
        check(found == model.episodes(), "episodes", found, model.episodes())

    def teardown(self) -> None:
        """What was closed is there; no reader has moved."""
        try:
            if hasattr(self, "buffer"):
                self.buffer.close()
                if self.place.persists:
                    self._check(self.place.open(self.buffer.cache_path, self.space()), self.model)
                self.readers_see_their_commits()
        finally:
            for reader, _ in self.readers:
                reader.close()
            shutil.rmtree(self.folder, ignore_errors=True)
