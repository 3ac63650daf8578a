"""Memories in files of NumPy: an `.npz` archive, an array a tensor."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unienv_data.errors import CorruptDataError
from unienv_data.memory.files.base import FileFormat
from unienv_data.memory.files.header import HEADER, header_of, names_of_bfloat16
from unienv_data.memory.files.whole import checked_snapshot, header_document
from unienv_data.memory.layout import Layout, Snapshot
from unienv_interface._optional import import_optional
from unienv_interface.backends.pytorch import PyTorchComputeBackend

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["NumpyFile"]


class NumpyFile(FileFormat):
    """Arrays `(memory_size, num_envs, *D)` by name, and the header as JSON.

    NumPy has no bfloat16: of such tensors the bits are kept, as uint16.
    """

    suffix: ClassVar[str] = ".npz"

    def pack(self, snapshot: Snapshot) -> bytes:
        arrays = {name: _array_of(tensor) for name, tensor in snapshot.tensors.items()}
        arrays[HEADER] = np.array(json.dumps(header_of(snapshot)))
        buffer = io.BytesIO()
        # As numpy.savez does, for which no array may be called `file`.
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        return buffer.getvalue()

    def unpack(self, data: bytes, wanted: Layout, source: str) -> Snapshot:
        found = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            raise CorruptDataError(f"{source}: expected an archive of arrays, found one array")
        with found:
            arrays: dict[str, NDArray[Any]] = dict(found)
        text = arrays.pop(HEADER, None)
        header = header_document(None if text is None else str(text))
        tensors = {name: PyTorchComputeBackend.from_numpy(array) for name, array in arrays.items()}
        for name in names_of_bfloat16(header or {}) & tensors.keys():
            tensors[name] = tensors[name].view(torch.bfloat16)
        return checked_snapshot(tensors, header, source)


def _array_of(tensor: torch.Tensor) -> NDArray[Any]:
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.uint16)
    array: NDArray[Any] = tensor.numpy()
    return array
