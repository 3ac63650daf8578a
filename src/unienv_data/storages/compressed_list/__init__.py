"""Items compressed one by one, in memory."""

from __future__ import annotations

from unienv_data.storages.compressed_list.storage import CompressedListStorage

__all__ = ["CompressedListStorage"]
