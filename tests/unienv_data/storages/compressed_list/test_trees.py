"""Items without a space: what goes in comes out, one by one and stacked; TorchRL's protocol."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from unienv_data.errors import (
    ClosedError,
    CodecError,
    IndexOutOfRangeError,
    InvalidIndexError,
    SpaceError,
    SpaceValueError,
)
from unienv_data.storages import CompressedListStorage
from unienv_interface.errors import UniEnvError

Storage = CompressedListStorage[Any, Any, Any, Any, Any]

DTYPES = ("bool", "uint8", "int16", "int64", "float16", "float32", "float64", "complex64", "<M8[ns]", "<U3")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=20)
    )
)
TREES = st.recursive(
    SCALARS | ARRAYS,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), parts, max_size=3)
    ),
    max_leaves=6,
)


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return repr(a) == repr(b)


@given(st.lists(TREES, min_size=1, max_size=5))
def test_any_tree_comes_back(items: list[Any]) -> None:
    storage: Storage = CompressedListStorage(5)
    for slot, item in enumerate(items):
        storage.set(slot, item)
    for other in (storage, pickle.loads(pickle.dumps(storage)), reloaded(storage)):
        assert len(other) == len(items)
        assert all(map(same, other, items))


def reloaded(storage: Storage) -> Storage:
    other: Storage = CompressedListStorage(5)
    other.load_state_dict(storage.state_dict())
    assert other.bytes() == storage.bytes()
    return other


def test_a_batch_is_its_items() -> None:
    storage: Storage = CompressedListStorage(10)
    frames = np.random.default_rng(0).integers(0, 20, (6, 40, 30, 3), dtype=np.uint8)
    batch = {
        "frame": frames,
        "small": (np.arange(6), [np.arange(6.0)[:, None]]),
        "task": ["a", "b", None, 3, 0.5, b"x"],
    }
    storage.set(range(6), batch)
    one = storage.get(4)
    assert same(one["frame"], frames[4])
    assert same(one["small"], (np.array(4), [np.array([4.0])]))
    assert one["task"] == 0.5
    found = storage.get([5, 0, -1])
    assert same(found["frame"], frames[[5, 0, 5]])
    assert same(found["small"][1][0], np.array([[5.0], [0.0], [5.0]]))
    assert found["task"] == [b"x", "a", b"x"]
    storage.set([1, 0], found["frame"][:2])  # items of another kind, which do not stack with the others
    assert same(storage.get(1), frames[5])
    with pytest.raises(SpaceValueError, match=r"item 2: .*arrays of item 1 .*one by one"):
        storage.get([1, 2])
    assert storage.get([]) == []


def test_items_are_nobody_elses() -> None:
    storage: Storage = CompressedListStorage(3)
    array = np.arange(1000)
    storage.set(0, {"a": array})
    array[:] = 0
    storage.get(0)["a"][:] = 1
    storage.get([0])["a"][:] = 1
    assert same(storage.get(0)["a"], np.arange(1000))


def test_slots_fill_in_order() -> None:
    storage: Storage = CompressedListStorage(4)
    assert len(storage) == 0
    storage.set(0, np.float32(1))
    with pytest.raises(IndexOutOfRangeError, match="slot 2: expected at most 1"):
        storage.set(2, 0)
    with pytest.raises(IndexOutOfRangeError):
        storage.set([1, 3], [0, 0])
    with pytest.raises(IndexOutOfRangeError, match="4"):
        storage.set(range(1, 5), [0] * 4)
    with pytest.raises(SpaceValueError, match="3 items"):
        storage.set(slice(1, 4), [0, 0])
    assert len(storage) == 1
    storage.set(np.arange(6) % 4, [np.int8(number) for number in range(6)])  # a ring: the last written stays
    assert [int(item) for item in storage] == [4, 5, 2, 3]
    storage[-1] = np.int8(9)
    storage[slice(0, 2)] = np.array([7, 8], np.int8)
    assert storage[...].tolist() == [7, 8, 2, 9]
    with pytest.raises(IndexOutOfRangeError):
        storage.get(4)
    bad: list[Any] = [1.5, "a", None, True]
    for index in bad:
        with pytest.raises(InvalidIndexError):
            storage.get(index)
    assert storage.contains(3)
    assert not storage.contains(4)
    storage.clear()
    assert (len(storage), storage.bytes()) == (0, 0)
    storage.set(0, {"new": "kind"})
    assert storage.get(0) == {"new": "kind"}


def test_one_that_grows() -> None:
    storage: Storage = CompressedListStorage(None)
    storage.set(range(300), np.arange(300))
    storage.set(300, np.int64(300))
    storage.set(slice(301, 303), np.array([301, 302]))
    assert storage.get(slice(None)).tolist() == list(range(303))
    assert storage.max_size is None


class Odd:
    pass


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": Odd()}, "a"),
        ({"a": {"b": [1, {2}]}}, "a/b/1"),
        ({1: 2}, ""),
        ({"o": np.array([None])}, "o"),
        ({"s": np.zeros(2, [("x", "i4")])}, "s"),
    ],
)
def test_what_cannot_be_kept(value: Any, path: str) -> None:
    storage: Storage = CompressedListStorage(4)
    storage.set(0, 1)
    with pytest.raises(SpaceValueError) as caught:
        storage.set(1, value)
    assert caught.value.path == path
    assert len(storage) == 1


def test_a_batch_that_is_none() -> None:
    storage: Storage = CompressedListStorage(4)
    for value in ({"a": np.zeros(3), "b": np.zeros(2)}, np.zeros(()), np.zeros(2), {"a": 3}, {"a": "text"}):
        with pytest.raises(SpaceValueError):
            storage.set(range(3), value)
    assert len(storage) == 0


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "a"])
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises((SpaceError, TypeError, ValueError)) as caught:
        CompressedListStorage(size)
    assert isinstance(caught.value, UniEnvError)


def test_levels() -> None:
    frames = np.random.default_rng(0).integers(0, 8, (64, 64, 3), dtype=np.uint8)
    sizes = []
    for level in (1, 3, 22):
        storage: Storage = CompressedListStorage(1, compression_level=level)
        storage.set(0, frames)
        sizes.append(storage.bytes())
        assert same(storage.get(0), frames)
    assert frames.nbytes > sizes[0] >= sizes[2]
    bad: list[Any] = [0, 23, True, 3.0, "3"]
    for level in bad:
        with pytest.raises(CodecError, match="1 to 22"):
            CompressedListStorage(1, compression_level=level)


def test_what_does_not_compress_is_kept_as_it_is() -> None:
    storage: Storage = CompressedListStorage(1)
    noise = np.random.default_rng(0).bytes(100_000)
    storage.set(0, np.frombuffer(noise, np.uint8))
    assert storage.bytes() < len(noise) + 20
    assert storage.get(0).tobytes() == noise


def test_attached_samplers_hear_of_writes() -> None:
    class Sampler:
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def mark_update(self, index: Any) -> None:
            self.seen.append(index if isinstance(index, int) else np.asarray(index).tolist())

    storage: Storage = CompressedListStorage(5)
    one, two = Sampler(), Sampler()
    for sampler in (one, two, one):
        storage.attach(sampler)
    storage.set(0, 1)
    storage.set(np.array([1, 0]), [1, 2])
    storage.set(slice(0, 2), [1, 2])
    with pytest.raises(IndexOutOfRangeError):
        storage.set(4, 1)
    assert one.seen == two.seen == [0, [1, 0], [0, 1]]


def test_bytestreams() -> None:
    storage: Storage = CompressedListStorage(1)
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert storage.to_bytestream(array) == array.tobytes()
    assert storage.to_bytestream(array.T) == array.T.tobytes()
    assert storage.to_bytestream(np.zeros(0)) == b""
    assert storage.to_bytestream("é") == "é".encode()
    assert storage.to_bytestream(bytearray(b"ab")) == b"ab"
    with pytest.raises(SpaceValueError, match="an array, a tensor, bytes or text"):
        storage.to_bytestream({"a": 1})


def test_without_a_space_there_is_none() -> None:
    storage: Storage = CompressedListStorage(1)
    assert not storage.has_space
    with pytest.raises(SpaceError, match=r"ReplayBuffer\.create\(CompressedListStorage"):
        _ = storage.single_instance_space
    assert not hasattr(storage, "nothing")
    storage.close()
    storage.close()
    for use in (lambda: storage.get(0), lambda: storage.set(0, 1), storage.state_dict, storage.clear):
        with pytest.raises(ClosedError):
            use()
