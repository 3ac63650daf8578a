"""Whether what has come of an object is all of it. Pure."""

from __future__ import annotations

from unienv_data.store.shard import TAG_BYTES, decode_index, decode_tag

__all__ = ["is_whole_shard"]

_ENTRY_BYTES = 16
_CRC_BYTES = 4


def is_whole_shard(data: bytes, dataset: bytes, before: int = 0) -> bool:
    """Whether `data` ends as a shard of a dataset does, and the shard has all chunks that its index counts.

    Nothing else is needed to tell: the tag before the index begins with the dataset's uuid, and both have
    checksums.

    Args:
        data: all that has come, or its end.
        dataset: the dataset's uuid, 16 bytes.
        before: how many bytes stand before this end.
    """
    stop = len(data)
    while (start := data.rfind(dataset, 0, stop)) >= 0:
        index = data[start + TAG_BYTES :]
        if len(index) > _CRC_BYTES and (len(index) - _CRC_BYTES) % _ENTRY_BYTES == 0:
            try:
                decode_tag(data[start : start + TAG_BYTES])
                places = decode_index(index, (len(index) - _CRC_BYTES) // _ENTRY_BYTES)
            except ValueError:
                pass  # chance has put these bytes into the index, or there is damage
            else:
                return bool((places[:, 0] + places[:, 1]).max(initial=0) <= before + start)
        stop = start + len(dataset) - 1
    return False
