"""Memories as datasets: an episode an environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from unienv_data.errors import CorruptDataError
from unienv_data.memory.files.base import MemoryFormat, damage_named
from unienv_data.memory.files.header import header_of, names_of_bfloat16, position_said
from unienv_data.memory.layout import Layout, Snapshot, TensorLayout, blank_tensor, with_cells
from unienv_data.memory.sampling import every_sequence
from unienv_data.replay_buffer import ReplayBuffer
from unienv_data.storages import ZarrStorage
from unienv_data.store.objects import open_objects, shown_url
from unienv_interface._optional import import_optional
from unienv_interface.backends.dtypes import dtype_limits
from unienv_interface.backends.pytorch import PyTorchComputeBackend
from unienv_interface.space import BinarySpace, BoxSpace, DictSpace
from unienv_interface.space.space import AnySpace

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["DatasetFormat"]

_ATTRIBUTE = "memory"


class DatasetFormat(MemoryFormat):
    """A sealed dataset that `unienv_data.open` and any Zarr reader open: a column `(*D)` a tensor.

    Its rows are the recorded samples: those of environment 0 in order of time, which are an episode, then
    those of environment 1, and so on. Its attributes say where they stood in the memory. bfloat16, which
    datasets have not, is stored as float32, which holds it exactly.
    """

    suffix: ClassVar[str] = ".zarr"

    def write(self, url: str, snapshot: Snapshot, storage_options: Mapping[str, Any] | None) -> None:
        spaces = {name: _space_of(layout) for name, layout in snapshot.layout.tensors.items()}
        objects = open_objects(url, storage_options)
        buffer = ReplayBuffer.create(
            ZarrStorage,
            DictSpace(PyTorchComputeBackend, spaces),
            cache_path=url,
            attributes={_ATTRIBUTE: header_of(snapshot)},
            commit_interval=float("inf"),
            storage_options=storage_options,
        )
        try:
            with buffer:
                for cells in _cells_of_environments(snapshot):
                    samples = {name: _storable(snapshot.cells(name)[cells]) for name in spaces}
                    buffer.extend(samples)
                buffer.seal()
        except BaseException:
            objects.delete_all()
            raise

    def read(self, url: str, wanted: Layout, storage_options: Mapping[str, Any] | None) -> Snapshot:
        source = shown_url(url)
        with (
            damage_named(source),
            ReplayBuffer.load_from(
                url, backend=PyTorchComputeBackend, device="cpu", storage_options=storage_options
            ) as buffer,
        ):
            header = buffer.attributes.get(_ATTRIBUTE)
            position = position_said(header, source)
            if len(buffer) != position.recorded:
                raise CorruptDataError(
                    f"{source}: {len(buffer)} rows, of {position.recorded} samples recorded"
                )
            rows = buffer[:]
            narrow = names_of_bfloat16(header)
        cells = every_sequence(position, 1)[:, 0]
        tensors = {}
        for name, values in rows.items():
            dtype = torch.bfloat16 if name in narrow else values.dtype
            layout = TensorLayout(tuple(values.shape[1:]), dtype)
            blank = blank_tensor(position.memory_size, position.num_envs, layout)
            tensors[name] = with_cells(blank, cells, _restored(values) if name in narrow else values)
        return Snapshot(position, tensors)


def _cells_of_environments(snapshot: Snapshot) -> list[torch.Tensor]:
    """The recorded cells of each environment that has any, by age."""
    cells = every_sequence(snapshot.position, 1)[:, 0]
    _, counts = torch.unique_consecutive(cells % snapshot.position.num_envs, return_counts=True)
    return list(torch.split(cells, counts.tolist()))


def _space_of(layout: TensorLayout) -> AnySpace:
    """The space of all that a tensor can hold of a sample."""
    if layout.dtype == torch.bool:
        return BinarySpace(PyTorchComputeBackend, layout.shape)
    dtype = torch.float32 if layout.dtype == torch.bfloat16 else layout.dtype
    low, high = dtype_limits(PyTorchComputeBackend.dtype_name(dtype))
    return BoxSpace(PyTorchComputeBackend, low, high, dtype, shape=layout.shape)


def _storable(values: torch.Tensor) -> torch.Tensor:
    return values.float() if values.dtype == torch.bfloat16 else values


def _restored(values: torch.Tensor) -> torch.Tensor:
    # By the bits: converting would change those of NaN.
    return (values.view(torch.int32) >> 16).to(torch.int16).view(torch.bfloat16)
