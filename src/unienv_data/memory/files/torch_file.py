"""Memories in files of PyTorch: a dictionary of tensors, as `torch.save` writes it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, ClassVar

from unienv_data.errors import CorruptDataError
from unienv_data.memory.files.base import FileFormat
from unienv_data.memory.files.header import HEADER, header_of
from unienv_data.memory.files.whole import checked_snapshot, header_document
from unienv_data.memory.layout import Layout, Snapshot
from unienv_interface._optional import import_optional

if TYPE_CHECKING:
    import torch
else:
    torch = import_optional("torch", extra="torch")

__all__ = ["TorchFile"]


class TorchFile(FileFormat):
    """Tensors `(memory_size, num_envs, *D)` by name, and the header as JSON."""

    suffix: ClassVar[str] = ".pt"

    def pack(self, snapshot: Snapshot) -> bytes:
        buffer = io.BytesIO()
        torch.save({**snapshot.tensors, HEADER: json.dumps(header_of(snapshot))}, buffer)
        return buffer.getvalue()

    def unpack(self, data: bytes, wanted: Layout, source: str) -> Snapshot:
        # Tensors, containers and plain values only: nothing in a file is executed.
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if not isinstance(found, dict):
            raise CorruptDataError(
                f"{source}: expected a dictionary of tensors, found {type(found).__name__}"
            )
        header = header_document(found.pop(HEADER, None))
        others = [str(name) for name, value in found.items() if not isinstance(value, torch.Tensor)]
        if others:
            raise CorruptDataError(f"{source}: expected tensors only, found others: {', '.join(others)}")
        return checked_snapshot(found, header, source)
