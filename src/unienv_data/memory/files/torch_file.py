"""Memories in files of PyTorch: a dictionary of tensors, as `torch.save` writes it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from unienv_data.checksum import crc32c
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

_CHECKSUM = "memory.checksum"


class TorchFile(FileFormat):
    """Tensors `(memory_size, num_envs, *D)` by name, the header as JSON, and a checksum of all.

    PyTorch itself does not notice damage to what the tensors hold.
    """

    suffix: ClassVar[str] = ".pt"

    def pack(self, snapshot: Snapshot) -> bytes:
        buffer = io.BytesIO()
        header = json.dumps(header_of(snapshot))
        checksum = _checksum(snapshot.tensors, header)
        torch.save({**snapshot.tensors, HEADER: header, _CHECKSUM: checksum}, buffer)
        return buffer.getvalue()

    def unpack(self, data: bytes, wanted: Layout, source: str) -> Snapshot:
        # Tensors, containers and plain values only: nothing in a file is executed.
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        if not isinstance(found, dict):
            raise CorruptDataError(
                f"{source}: expected a dictionary of tensors, found {type(found).__name__}"
            )
        header, checksum = found.pop(HEADER, None), found.pop(_CHECKSUM, None)
        others = [str(name) for name, value in found.items() if not _is_plain(name, value)]
        if others:
            raise CorruptDataError(f"{source}: expected tensors only, found others: {', '.join(others)}")
        tensors = {name: value.detach() for name, value in found.items()}
        snapshot = checked_snapshot(tensors, header_document(header), source)
        if header is not None and checksum != _checksum(tensors, header):
            raise CorruptDataError(f"{source}: damaged, its checksum does not match")
        return snapshot


def _is_plain(name: Any, value: Any) -> bool:
    """Whether it is a name, and a tensor whose numbers are all there."""
    if not (isinstance(name, str) and isinstance(value, torch.Tensor)):
        return False
    return bool(value.layout == torch.strided and value.device.type == "cpu")


def _checksum(tensors: Mapping[str, torch.Tensor], header: str) -> int:
    """The checksum of all that a file holds."""
    parts = {}
    for name in sorted(tensors):
        data = tensors[name].contiguous().flatten().view(torch.uint8).numpy()
        data.flags.writeable = False
        parts[name] = [str(tensors[name].dtype), tuple(tensors[name].shape), crc32c(data)]
    return crc32c(json.dumps([header, parts]).encode())
