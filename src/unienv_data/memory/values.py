"""What users hand to a memory, as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unienv_interface._optional import import_optional
from unienv_interface.backends.pytorch import PyTorchComputeBackend
from unienv_interface.errors import SpaceValueError

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["mean_of", "tensor_of"]

# What running statistics call the mean: those of rofunc, skrl and PyTorch; scikit-learn; Gymnasium.
_MEANS = ("running_mean", "mean_", "mean")


def tensor_of(name: str, value: Any, device: torch.device) -> torch.Tensor:
    """A tensor, an array or numbers as a tensor on `device`; it may share memory with `value`.

    Args:
        name: what it is for, in messages.
        value: the values, of any real or boolean type.
        device: where they are put.

    Raises:
        SpaceValueError: it cannot become such a tensor.
    """
    try:
        if isinstance(value, torch.Tensor):
            tensor = value if value.device == device else value.to(device)
        elif isinstance(value, np.ndarray):  # may be read-only, which torch warns of
            tensor = PyTorchComputeBackend.from_numpy(value, device=device)
        else:
            tensor = torch.as_tensor(value, device=device)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise SpaceValueError(name, "a tensor", f"{type(value).__name__} ({exc})") from exc
    if tensor.is_complex():
        raise SpaceValueError(name, "real or boolean values", str(tensor.dtype))
    return tensor.detach() if tensor.requires_grad else tensor


def mean_of(value: Any) -> Any:
    """The mean that a scaler holds (`running_mean` or the like); what is no scaler, as it is."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return value
    for attribute in _MEANS:
        mean = getattr(value, attribute, None)
        if mean is not None and not callable(mean):
            return mean
    return value
