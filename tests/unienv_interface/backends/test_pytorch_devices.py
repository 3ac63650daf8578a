"""Tensors on their way to devices; what needs CUDA runs where it is present."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

pytestmark = pytest.mark.requires_torch


def test_cuda_is_reached_by_pinned_memory_without_waiting() -> None:
    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    tensor: Any = MagicMock(device=SimpleNamespace(type="cpu"))
    moved = PyTorchComputeBackend.to_device(tensor, "cuda:1")
    pinned = tensor.pin_memory.return_value
    pinned.to.assert_called_once()
    assert str(pinned.to.call_args.args[0]) == "cuda:1"
    assert pinned.to.call_args.kwargs == {"non_blocking": True}
    assert moved is pinned.to.return_value
    tensor.to.assert_not_called()


def test_other_ways_need_no_pinned_memory() -> None:
    import torch

    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    tensor = torch.arange(3)
    assert PyTorchComputeBackend.to_device(tensor, torch.device("cpu")) is tensor
    assert PyTorchComputeBackend.to_device(tensor, "meta").device.type == "meta"
    array = np.arange(3)
    assert PyTorchComputeBackend.from_numpy(array, device="cpu").data_ptr() == array.ctypes.data


def test_a_batch_arrives_on_cuda() -> None:
    import torch

    from unienv_interface.backends.pytorch import PyTorchComputeBackend

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    tensor = torch.randn(1 << 20)
    moved = PyTorchComputeBackend.to_device(tensor, torch.device("cuda"))
    expected = tensor.clone()
    tensor.zero_()  # what is moved is what was there
    assert torch.equal(moved.cpu(), expected)
