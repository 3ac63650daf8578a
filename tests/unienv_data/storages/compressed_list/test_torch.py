"""Tensors and TensorDicts: what goes in comes out, of the same type, on the storage's device."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unienv_data.errors import SpaceValueError
from unienv_data.storages import CompressedListStorage

torch: Any = pytest.importorskip("torch")

Storage = CompressedListStorage[Any, Any, Any, Any, Any]
DTYPES = ("bool", "uint8", "int64", "float16", "bfloat16", "float32", "complex64", "float8_e4m3fn")


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors(dtype: str) -> None:
    values = torch.arange(2 * 3 * 700).reshape(2, 3, 700).remainder(7).to(getattr(torch, dtype))
    for shape in ((2, 3, 700), (2, 3, 0), (2, 3), (2,)):
        batch = (
            values[:, :, : shape[2]] if len(shape) == 3 else values[:, :, 0] if shape[1:] else values[:, 0, 0]
        )
        storage: Storage = CompressedListStorage(2)
        storage.set(torch.arange(2), batch)
        stacked, one = storage.get(torch.tensor([1, 0])), storage.get(1)
        assert (stacked.dtype, one.dtype) == (batch.dtype, batch.dtype)
        assert (tuple(stacked.shape), tuple(one.shape)) == (shape, shape[1:])
        assert torch.equal(stacked.to(torch.complex64), batch[[1, 0]].to(torch.complex64))
        assert torch.equal(one.to(torch.complex64), batch[1].to(torch.complex64))


def test_tensors_that_are_views_or_learn() -> None:
    storage: Storage = CompressedListStorage(5)
    odd = torch.arange(12.0).reshape(3, 4).t()[1:, ::2]
    learning = torch.ones(3, requires_grad=True) * 2
    storage.set(0, {"odd": odd, "learning": learning, "conj": torch.tensor([1 + 2j]).conj()})
    found = storage.get(0)
    assert torch.equal(found["odd"], odd)
    assert not found["learning"].requires_grad
    assert found["conj"].tolist() == [1 - 2j]
    with pytest.raises(SpaceValueError, match="dense tensor"):
        storage.set(1, torch.eye(2).to_sparse())
    mixed = {"t": torch.zeros(2), "n": np.zeros(2)}
    storage.set(1, mixed)
    assert {key: type(value) for key, value in storage.get(1).items()} == {"t": torch.Tensor, "n": np.ndarray}


def test_device() -> None:
    storage: Storage = CompressedListStorage(5, device="meta")
    storage.set(range(2), torch.zeros(2, 3))
    assert storage.get(0).device.type == "meta"
    assert storage.device == "meta"


def test_functions_are_given_tensors() -> None:
    seen: list[Any] = []

    def there(tensor: Any) -> Any:
        seen.append((type(tensor), tensor.dtype, tuple(tensor.shape)))
        return tensor.reshape(-1).view(torch.uint8) ^ 255

    def back(data: Any, metadata: dict[str, Any]) -> Any:
        return (data ^ 255).view(metadata["dtype"]).reshape(metadata["shape"])

    storage: Storage = CompressedListStorage(3, compression_fn=there, decompression_fn=back)
    storage.set(torch.arange(3), torch.arange(12, dtype=torch.bfloat16).reshape(3, 4))
    assert seen == [(torch.Tensor, torch.bfloat16, (4,))] * 3
    assert storage.get(2).tolist() == [8, 9, 10, 11]
    assert storage.to_bytestream(torch.tensor([1, 2], dtype=torch.int16)) == b"\x01\x00\x02\x00"


def test_torch_saves_states_without_pickles(tmp_path: Path) -> None:
    storage: Storage = CompressedListStorage(3)
    storage.set(range(3), {"a": torch.arange(3), "s": ["x", None, 0.5]})
    torch.save(storage.state_dict(), tmp_path / "state.pt")
    other: Storage = CompressedListStorage(3)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.get([2, 0])["a"].tolist() == [2, 0]
    assert other.get([2, 0])["s"] == [0.5, "x"]


@pytest.mark.requires_torchrl
class TestTensorDicts:
    def batch(self) -> Any:
        from tensordict import TensorDict

        return TensorDict(
            {
                "obs": torch.arange(4 * 600, dtype=torch.int16).reshape(4, 20, 30),
                "next": {"done": torch.tensor([[False], [True], [False], [True]])},
            },
            batch_size=[4],
        )

    def test_come_back(self, tmp_path: Path) -> None:
        batch = self.batch()
        storage: Storage = CompressedListStorage(10)
        storage.set(torch.arange(4), batch)
        storage.set(4, batch[0])
        storage.dumps(tmp_path / "list")
        other: Storage = CompressedListStorage(10)
        other.loads(tmp_path / "list")
        for found in (storage, other, copy.deepcopy(storage)):
            assert (found.get(range(4)) == batch).all()
            assert found.get(range(4)).batch_size == (4,)
            assert (found.get([4, 1]) == batch[[0, 1]]).all()
            assert (found.get(3) == batch[3]).all()
            assert found.get(3)["next"].batch_size == ()

    def test_batch_sizes_names_and_devices_are_kept(self) -> None:
        from tensordict import TensorDict

        storage: Storage = CompressedListStorage(10)
        item = TensorDict({"a": torch.zeros(3, 2)}, batch_size=[3], names=["time"], device="cpu")
        storage.set(0, item)
        storage.set([1, 2], torch.stack([item, item]))
        assert (storage.get(0).batch_size, storage.get(0).names) == ((3,), ["time"])
        assert storage.get([0, 2]).batch_size == (2, 3)
        assert storage.get([0, 2]).names == [None, "time"]
        assert storage.get(0).device == torch.device("cpu")

    def test_what_is_no_tensor(self) -> None:
        from tensordict import TensorDict

        storage: Storage = CompressedListStorage(10)
        items = [TensorDict({"a": torch.tensor(i), "s": {"task": f"task {i}"}}) for i in range(3)]
        storage.set(range(3), torch.stack(items))
        storage.set(3, items[1])
        assert storage.get(2)["s", "task"] == "task 2"
        assert list(storage.get([3, 0])["s", "task"]) == ["task 1", "task 0"]
        assert storage.get([3, 0])["a"].tolist() == [1, 0]
        assert len(storage._items.form.layouts) == 1
        with pytest.raises(SpaceValueError, match="s: expected a number, text"):
            storage.set(4, TensorDict({"s": object()}))

    def test_those_that_differ_stack_lazily(self) -> None:
        from tensordict import LazyStackedTensorDict, TensorDict, lazy_stack

        storage: Storage = CompressedListStorage(10)
        items = [TensorDict({"a": torch.zeros(size)}) for size in (2, 3)]
        storage.set([0, 1], lazy_stack(items))
        found = storage.get([1, 0])
        assert isinstance(found, LazyStackedTensorDict)
        assert [tuple(part["a"].shape) for part in found.unbind(0)] == [(3,), (2,)]

    def test_tensorclasses_come_back_as_tensordicts(self) -> None:
        from tensordict import TensorDict, tensorclass

        @tensorclass  # type: ignore[misc]  # a class that mypy may not see
        class Step:
            obs: torch.Tensor

        storage: Storage = CompressedListStorage(3)
        storage.set(range(2), Step(obs=torch.arange(2), batch_size=[2]))  # type: ignore[call-arg]
        assert isinstance(storage.get(0), TensorDict)
        assert storage.get([1, 0])["obs"].tolist() == [1, 0]
