"""Rows that somebody has ready: whoever looks at the buffer, or changes it, finds them there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unienv_data.replay_buffer.small import SPACE, contents, rows
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import ReadOnlyError, SegmentError


class Feeder:
    """Has numbers ready."""

    def __init__(self, buffer: Any) -> None:
        self.buffer, self.ready, self.calls = buffer, [], 0
        buffer.feed_from(self.give)

    def give(self) -> None:
        self.calls += 1
        while self.ready:
            self.buffer.append_batch(rows(*self.ready))
            assert len(self.buffer) > 0  # using the buffer meanwhile asks for nothing more
            self.ready = []


@pytest.mark.parametrize(
    ("look", "seen"),
    [
        (len, 2),
        (lambda b: b.count, 2),
        (lambda b: [int(row[0]) for row in b[:]], [1, 2]),
        (lambda b: int(b[-1][0]), 2),
        (lambda b: b.has_open_segment, True),
        (lambda b: len(b.storage), 2),
        (lambda b: b.get_segments(), []),
        (lambda b: b[...].count if hasattr(b[...], "count") else len(b[...]), 2),
    ],
)
def test_what_is_ready_is_there(look: Callable[[Any], Any], seen: Any) -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE)
    Feeder(buffer).ready = [1, 2]
    assert look(buffer) == seen


def test_changes_come_after_what_is_ready(place: str) -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place)
    feeder = Feeder(buffer)
    feeder.ready = [1]
    buffer.append(rows(2)[0])
    feeder.ready = [3]
    buffer.mark_segment_end()
    feeder.ready = [4]
    with pytest.raises(SegmentError, match="a segment is open"):
        buffer.extend(rows(5))
    feeder.ready = [6]
    del buffer[-1]
    assert contents(buffer) == [1, 2, 3, 4]
    assert buffer.get_segments() == [(0, 3)]
    feeder.ready = [7]
    buffer.close()
    assert contents(ReplayBuffer.load_from(place)) == [1, 2, 3, 4, 7]


def test_given_up_with_what_is_ready(place: str) -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=place)
    buffer.extend(rows(1))
    buffer.commit()
    feeder = Feeder(buffer)
    feeder.ready = [2]
    calls = feeder.calls
    buffer.abandon()
    assert feeder.calls == calls
    assert contents(ReplayBuffer.load_from(place)) == [1]


def test_a_failure_is_the_callers_and_leaves_the_buffer_free() -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE)

    def fail() -> None:
        raise OSError("no room")

    buffer.feed_from(fail)
    with pytest.raises(OSError, match="no room"):
        len(buffer)
    buffer.feed_from(None)
    thread = threading.Thread(target=buffer.extend, args=(rows(1),))
    thread.start()
    thread.join(10)
    assert contents(buffer) == [1]


def test_one_feeds_a_buffer_and_none_a_reader(dataset: str) -> None:
    buffer = ReplayBuffer.create(ZarrStorage, SPACE)
    Feeder(buffer)
    with pytest.raises(SegmentError, match="give each collector its own"):
        Feeder(buffer)
    with pytest.raises(ReadOnlyError):
        Feeder(ReplayBuffer.load_from(dataset))


@given(
    lengths=st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=4),
    rest=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    capacity=st.none() | st.integers(1, 9),
    before=st.integers(0, 2),
)
def test_batches_with_ends(
    lengths: list[list[int]], rest: list[int], capacity: int | None, before: int
) -> None:
    """As if each row were appended and each segment ended by itself."""
    whole, single = (ReplayBuffer.create(ZarrStorage, SPACE, capacity=capacity) for _ in range(2))
    number = 0
    for buffer in (whole, single):
        for _ in range(before):
            buffer.append(rows(200)[0])
    for segments, more in zip(lengths, rest, strict=False):
        ends = [sum(segments[: i + 1]) for i in range(len(segments))]
        count = sum(segments) + more
        numbers = range(number, number + count)
        whole.append_batch(rows(*numbers) if count else SPACE_EMPTY, ends=ends)
        for position in range(count + 1):
            for _ in range(ends.count(position)):
                single.mark_segment_end()
            if position < count:
                single.append(rows(number + position)[0])
        number += count
        assert contents(whole) == contents(single)
        assert whole.get_segments() == single.get_segments()
        assert whole.has_open_segment == single.has_open_segment


SPACE_EMPTY = rows(1)[:0]
