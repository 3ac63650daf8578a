"""What the tensors of a memory hold, as a value; and a memory as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unienv_data.memory.position import Position
from unienv_interface._optional import import_optional
from unienv_interface.backends.pytorch import PyTorchComputeBackend

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["Layout", "Snapshot", "TensorLayout", "blank_tensor", "mismatches", "with_cells"]


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """What a tensor holds of a sample.

    Attributes:
        shape: D.
        dtype: the data type, of those that backends have.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: torch.Tensor) -> TensorLayout:
        """The layout of a tensor `(memory_size, num_envs, *D)`."""
        return cls(tuple(tensor.shape[2:]), tensor.dtype)

    @property
    def dtype_name(self) -> str:
        """The array-API name of the data type.

        Raises:
            SpaceError: no backend has it.
        """
        return PyTorchComputeBackend.dtype_name(self.dtype)

    def __str__(self) -> str:
        return f"{str(self.dtype).removeprefix('torch.')} of shape {self.shape}"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a memory holds: its rows, its environments, and its tensors by name."""

    memory_size: int
    num_envs: int
    tensors: Mapping[str, TensorLayout]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A memory at one time: its position, and its tensors `(memory_size, num_envs, *D)` on the CPU."""

    position: Position
    tensors: Mapping[str, torch.Tensor]

    @property
    def layout(self) -> Layout:
        """What it holds."""
        tensors = {name: TensorLayout.of(tensor) for name, tensor in self.tensors.items()}
        return Layout(self.position.memory_size, self.position.num_envs, tensors)

    def cells(self, name: str) -> torch.Tensor:
        """A tensor as cells, `(memory_size * num_envs, *D)`."""
        return self.tensors[name].flatten(0, 1)


def blank_tensor(memory_size: int, num_envs: int, layout: TensorLayout, device: Any = None) -> torch.Tensor:
    """A tensor `(memory_size, num_envs, *D)` before anything is recorded: NaN in floats, else 0."""
    blank = float("nan") if layout.dtype.is_floating_point else 0
    shape = (memory_size, num_envs, *layout.shape)
    return torch.full(shape, blank, dtype=layout.dtype, device=device)


def with_cells(tensor: torch.Tensor, cells: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """A tensor `(memory_size, num_envs, *D)` whose cells (n,) hold these values `(n, *D)`, of its type."""
    # By the backend: torch itself does not set cells of all types.
    changed: torch.Tensor = PyTorchComputeBackend.at(tensor.flatten(0, 1))[cells].set(values)
    return changed.view(tensor.shape)


def mismatches(wanted: Layout, found: Layout) -> list[str]:
    """What `found` lacks, or has otherwise, of what is wanted; what it has beside that does not matter."""
    problems = [
        f"{what}: expected {here}, got {there}"
        for what, here, there in (
            ("memory_size", wanted.memory_size, found.memory_size),
            ("num_envs", wanted.num_envs, found.num_envs),
        )
        if here != there
    ]
    for name, layout in wanted.tensors.items():
        there = found.tensors.get(name)
        if there != layout:
            problems.append(f"{name}: expected {layout}, got {there or 'no tensor of this name'}")
    return problems
