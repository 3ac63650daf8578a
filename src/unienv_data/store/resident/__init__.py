"""Decoded copies of narrow columns, in files that the processes of a machine map together.

A random batch of a narrow column needs a few bytes of very many chunks, and decoding them takes longer than
reading. So an array of which as many chunks have been decoded as it has becomes resident: its shards are
decoded once, as they are needed, into a sparse file on the machine's own disk, which the page cache shares
among processes. The files go when their last user does.
"""

from __future__ import annotations

from unienv_data.store.resident.arrays import ResidentArrays

__all__ = ["ResidentArrays"]
