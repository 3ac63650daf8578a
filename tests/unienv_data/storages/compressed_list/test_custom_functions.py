"""Functions of the user's: what they are given, what they may give, and what is said when they fail."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from unienv_data.errors import CodecError, CorruptDataError, SpaceError, SpaceValueError
from unienv_data.storages import CompressedListStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

Storage = CompressedListStorage[Any, Any, Any, Any, Any]
IMAGE = np.arange(1200, dtype=np.int32).reshape(20, 60)


def deflate(array: Any) -> Any:
    return np.frombuffer(zlib.compress(array.tobytes()), np.uint8)


def inflate(data: Any) -> Any:
    return np.frombuffer(zlib.decompress(data.tobytes()), np.uint8)


def test_they_are_given_each_array_and_nothing_else() -> None:
    given: list[Any] = []

    def there(array: Any) -> Any:
        given.append((array.shape, array.dtype))
        return deflate(array)

    storage: Storage = CompressedListStorage(4, compression_fn=there, decompression_fn=inflate)
    storage.set(range(2), {"image": np.stack([IMAGE, -IMAGE]), "n": np.arange(2), "task": ["a", "b"]})
    assert given == [((20, 60), np.int32), ((), np.int64)] * 2
    assert np.array_equal(storage.get(1)["image"], -IMAGE)
    assert storage.get(1)["image"].dtype == np.int32
    assert storage.get([1, 0])["n"].tolist() == [1, 0]
    assert storage.get([1, 0])["task"] == ["b", "a"]
    assert storage.bytes() < IMAGE.nbytes


@pytest.mark.parametrize(
    "back",
    [
        inflate,
        lambda data: zlib.decompress(data.tobytes()),
        lambda data: inflate(data).view(np.int32).reshape(20, 60),
        lambda data: inflate(data).view(np.int32),
        lambda data, metadata: inflate(data).view(metadata["dtype"]).reshape(metadata["shape"]),
    ],
)
def test_what_decompression_may_give(back: Any) -> None:
    storage: Storage = CompressedListStorage(1, compression_fn=deflate, decompression_fn=back)
    storage.set(0, IMAGE)
    assert np.array_equal(storage.get(0), IMAGE)
    assert storage.get(0).dtype == np.int32


def test_one_alone_is_completed_by_zstd() -> None:
    from numcodecs import zstd

    storage: Storage = CompressedListStorage(1, compression_fn=lambda array: zstd.compress(array.copy(), 22))
    storage.set(0, IMAGE)
    assert np.array_equal(storage.get(0), IMAGE)
    storage = CompressedListStorage(1, decompression_fn=lambda data: zstd.decompress(data))
    storage.set(0, IMAGE)
    assert np.array_equal(storage.get(0), IMAGE)


def there_and_back(storage: Storage) -> Any:
    storage.set(0, {"image": IMAGE})
    return storage.get(0)


def test_what_they_may_not_give() -> None:
    bad: list[tuple[Any, Any, Any]] = [
        (lambda array: "text", inflate, SpaceValueError),
        (lambda array: array.astype(np.float32), inflate, SpaceValueError),
        (deflate, lambda data: inflate(data)[:-1], CorruptDataError),
        (deflate, lambda data: inflate(data).view(np.float32), SpaceValueError),
    ]
    for there, back, error in bad:
        storage: Storage = CompressedListStorage(2, compression_fn=there, decompression_fn=back)
        with pytest.raises(error):
            there_and_back(storage)


def test_errors_name_the_item() -> None:
    def broken(data: Any) -> Any:
        raise RuntimeError("out of order")

    storage: Storage = CompressedListStorage(9, compression_fn=deflate, decompression_fn=broken)
    storage.set(range(9), [IMAGE] * 9)
    with pytest.raises(RuntimeError, match="out of order") as caught:
        storage.get([7])
    assert caught.value.__notes__ == ["while decompressing item 7"]
    storage = CompressedListStorage(9, compression_fn=broken)
    with pytest.raises(RuntimeError) as caught:
        storage.set(range(3), np.zeros((3, 4)))
    assert caught.value.__notes__ == ["while compressing item 0 of 3"]
    assert len(storage) == 0


def test_no_functions() -> None:
    for name in ("compression_fn", "decompression_fn"):
        with pytest.raises(CodecError, match=name):
            CompressedListStorage(1, **{name: 3})  # type: ignore[arg-type]


def test_with_a_space_and_written_down(tmp_path: Any) -> None:
    space = DictSpace(B, {"image": BoxSpace(B, 0, 255, B.uint8, shape=(20, 20)), "task": TextSpace(B, 9)})
    functions: Any = {"compression_fn": deflate, "decompression_fn": inflate}
    storage: Storage = CompressedListStorage.create(space, capacity=4, **functions)
    storage.set(2, {"image": np.full((20, 20), 7, np.uint8), "task": "push"})
    storage.dumps(tmp_path / "list")
    again: Storage = CompressedListStorage.load_from(tmp_path / "list", space, **functions)
    assert again.get(2)["task"] == "push"
    assert again.get(2)["image"].tolist() == [[7] * 20] * 20
    assert again.get(0)["image"].max() == 0
    with pytest.raises(SpaceError, match="make the storage with its functions"):
        CompressedListStorage.load_from(tmp_path / "list", space)
    plain: Storage = CompressedListStorage.create(space, capacity=4)
    plain.dumps(tmp_path / "plain")
    with pytest.raises(SpaceError, match="make the storage without functions"):
        CompressedListStorage.load_from(tmp_path / "plain", space, **functions)
