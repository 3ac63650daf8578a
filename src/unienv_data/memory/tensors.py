"""The tensors of a memory: made, looked up, checked against what comes, and written to."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unienv_data.errors import PathError
from unienv_data.memory.layout import Layout, TensorLayout, blank_tensor
from unienv_data.memory.position import Span
from unienv_data.memory.values import mean_of, tensor_of
from unienv_interface._optional import import_optional
from unienv_interface.errors import SpaceError, SpaceValueError

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["Tensors"]


class Tensors:
    """Tensors `(memory_size, num_envs, *D)` by name.

    Args:
        memory_size: rows of each.
        num_envs: environments of each.
        device: where they are.

    Attributes:
        by_name: the tensors.
    """

    def __init__(self, memory_size: int, num_envs: int, device: torch.device) -> None:
        self._memory_size = memory_size
        self._num_envs = num_envs
        self._device = device
        self._is_shared = False
        self.by_name: dict[str, torch.Tensor] = {}

    @property
    def layout(self) -> Layout:
        """What they hold."""
        tensors = {name: TensorLayout.of(tensor) for name, tensor in sorted(self.by_name.items())}
        return Layout(self._memory_size, self._num_envs, tensors)

    def get(self, name: str) -> torch.Tensor:
        """The tensor `name`, `(memory_size, num_envs, *D)`.

        Raises:
            PathError: there is none.
        """
        try:
            return self.by_name[name]
        except KeyError:
            known = ", ".join(sorted(self.by_name)) or "none yet"
            raise PathError(f"there is no tensor {name!r}; created so far: {known}") from None

    def cells(self, name: str) -> torch.Tensor:
        """The same memory as cells, `(memory_size * num_envs, *D)`."""
        return self.get(name).flatten(0, 1)

    def create(self, name: str, layout: TensorLayout) -> bool:
        """Make a tensor in which nothing has been recorded.

        Returns:
            Whether it was made; False where there is one like it, which stays as it is.

        Raises:
            SpaceError: the name or the data type cannot be used; or there is a tensor of this name that
                holds something else.
        """
        if str(name) != name or not name.isidentifier() or keyword.iskeyword(name):
            raise SpaceError(f"name: expected a Python identifier, got {name!r}")
        _ = layout.dtype_name
        if name in self.by_name:
            present = TensorLayout.of(self.by_name[name])
            if present != layout:
                raise SpaceError(f"{name}: there is a tensor of this name already, {present}; not {layout}")
            return False
        tensor = blank_tensor(self._memory_size, self._num_envs, layout, self._device)
        self.by_name[name] = _shared(tensor) if self._is_shared else tensor
        return True

    def create_all(self, layout: Layout) -> None:
        """Make the tensors that `layout` has, all or none; there are none so far.

        Raises:
            SpaceError: a name or a data type cannot be used.
        """
        try:
            for name, tensor in layout.tensors.items():
                self.create(name, tensor)
        except BaseException:
            self.by_name.clear()
            raise

    def share(self) -> None:
        """Keep all tensors, later ones too, in memory that processes share."""
        self._is_shared = True
        for tensor in self.by_name.values():
            _shared(tensor)

    def samples(self, given: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], int]:
        """What is to be recorded, on the tensors' device, and how many samples it is.

        Args:
            given: samples `(*D)` or `(n, *D)` by name; names of no tensor are passed over.

        Returns:
            Samples `(n, *D)` by name, and n.

        Raises:
            SpaceValueError: they do not fit their tensors, or are of different numbers.
        """
        found = {name: self._samples(name, value) for name, value in given.items() if name in self.by_name}
        if not found:
            return {}, 0
        first, *others = found
        count = len(found[first])
        for name in others:
            if len(found[name]) != count:
                raise SpaceValueError(name, f"{count} samples, as of {first}", f"{len(found[name])}")
        return found, count

    def _samples(self, name: str, value: Any) -> torch.Tensor:
        shape = self.by_name[name].shape[2:]
        samples = tensor_of(name, value, self._device)
        if samples.ndim == len(shape) + 1 and samples.shape[1:] == shape:
            return samples
        if samples.shape == shape:
            return samples.unsqueeze(0)
        expected = f"samples of shape {_shown(shape)} or {_shown(('n', *shape))}"
        raise SpaceValueError(name, expected, f"shape {_shown(samples.shape)}")

    def record(self, samples: Mapping[str, torch.Tensor], span: Span) -> None:
        """Write a part of what `samples` gave to its cells."""
        first, length, cell = span.first, span.length, span.cell
        for name, values in samples.items():
            part = values if length == len(values) else values[first : first + length]
            self.by_name[name].flatten(0, 1).narrow(0, cell, length).copy_(part)

    def set(self, name: str, value: Any) -> None:
        """Set all of a tensor.

        Args:
            name: its name.
            value: `(memory_size, num_envs, *D)`, `(memory_size * num_envs, *D)`, or what broadcasts to
                the former; or a scaler, whose mean is meant.

        Raises:
            PathError: there is no such tensor.
            SpaceValueError: the value has no such shape.
        """
        tensor = self.get(name)
        given = tensor_of(name, mean_of(value), self._device)
        if given.shape == self.cells(name).shape:
            given = given.reshape(tensor.shape)
        try:
            whole = given.expand(tensor.shape)
        except RuntimeError:
            expected = f"what broadcasts to shape {_shown(tensor.shape)}"
            raise SpaceValueError(name, expected, f"shape {_shown(given.shape)}") from None
        tensor.copy_(whole)

    def sampled(self, names: Sequence[str], batches: Iterable[torch.Tensor]) -> list[list[torch.Tensor]]:
        """The samples `(n, *D)` of the tensors `names`, for each of several arrays of cells `(n,)`."""
        views = [self.cells(name) for name in names]
        return [[view.index_select(0, cells) for view in views] for cells in batches]


def _shared(tensor: torch.Tensor) -> torch.Tensor:
    # What is on a GPU can be sent to other processes as it is.
    return tensor.share_memory_() if tensor.device.type == "cpu" else tensor


def _shown(shape: Iterable[Any]) -> str:
    return f"({', '.join(map(str, shape))})"
