"""Conformance suites for implementations of spaces, storages, buffers and codecs.

Subjects are compared with lists and dictionaries, over one corpus of spaces, values and indexes; what they
wrote is read back by plain zarr-python where it says that others can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports
from unienv_interface._optional import import_optional

if TYPE_CHECKING:
    from unienv_data.testing.indexes import INDEXES, INVALID_INDEXES
    from unienv_data.testing.spaces import SPACES, STORED_SPACES
    from unienv_data.testing.values import same, values

__all__ = [
    "INDEXES",
    "INVALID_INDEXES",
    "SPACES",
    "STORED_SPACES",
    "same",
    "values",
]

for _module in ("pytest", "hypothesis"):
    import_optional(_module, extra="dev")

_ROOM = "unienv_data.testing"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "INDEXES": f"{_ROOM}.indexes",
        "INVALID_INDEXES": f"{_ROOM}.indexes",
        "SPACES": f"{_ROOM}.spaces",
        "STORED_SPACES": f"{_ROOM}.spaces",
        "same": f"{_ROOM}.values",
        "values": f"{_ROOM}.values",
    },
)
