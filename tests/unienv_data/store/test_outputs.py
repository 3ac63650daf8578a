"""Rows that are read into memory that somebody has lent."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from unienv_data.store.outputs import LentMemory, apart, empty, reading_into

BYTE = np.dtype(np.uint8)
SIZE = 1 << 20


def shares(array: np.ndarray, memory: bytearray) -> bool:
    return np.shares_memory(array, np.frombuffer(memory, dtype=np.uint8))


def test_arrays_stand_one_after_another_while_there_is_room() -> None:
    memory = bytearray(SIZE)
    lent = LentMemory(memoryview(memory))
    with reading_into(lent):
        first = empty((100_001,), BYTE)
        second = empty((3, 10_000), np.dtype(np.float64))
        small = empty((10,), BYTE)
        large = empty((SIZE,), BYTE)
    after = empty((100_000,), BYTE)
    assert shares(first, memory)
    assert shares(second, memory)
    assert not np.shares_memory(first, second)
    assert not any(shares(array, memory) for array in (small, large, after))
    assert (second.shape, second.dtype) == ((3, 10_000), np.float64)
    for number, array in enumerate((first, second)):
        array[...] = number
    assert (first == 0).all()
    assert (second == 1).all()
    assert lent.place_of(memoryview(first)) == 0
    assert lent.place_of(second.data.cast("B")) == 100_032  # at a multiple of 64
    assert lent.place_of(memoryview(first)[100:90_000]) == 100
    assert [lent.place_of(array.data) for array in (small, large, after)] == [None] * 3


def test_only_this_thread_reads_into_it_and_not_what_is_read_apart() -> None:
    memory = bytearray(SIZE)
    found: list[np.ndarray] = []
    with reading_into(LentMemory(memoryview(memory))):
        thread = threading.Thread(target=lambda: found.append(empty((SIZE // 2,), BYTE)))
        thread.start()
        thread.join()
        with apart():
            found.append(empty((SIZE // 2,), BYTE))
        assert not any(shares(array, memory) for array in found)
        assert shares(empty((SIZE // 2,), BYTE), memory)


def test_it_is_given_back_after_a_failure() -> None:
    memory = bytearray(SIZE)
    with pytest.raises(ZeroDivisionError), reading_into(LentMemory(memoryview(memory))):
        raise ZeroDivisionError
    assert not shares(empty((SIZE,), BYTE), memory)
