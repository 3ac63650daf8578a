"""Which objects of a dataset never change under their names. Pure."""

from __future__ import annotations

import hashlib
import re

__all__ = ["is_kept", "is_shard", "landing_stem"]

_SHARD = re.compile(r"(?:[^/]+/)*columns[^/]*/(?:[^/]+/)+c(?:\.\d+)+")
_OTHER = re.compile(r"(?:[^/]+/)*(?:tails|rows|episodes|removed|stats)/[^/]+")


def is_kept(name: str) -> bool:
    """Whether copies of the object are good for ever: it never changes, nor says what else there is.

    Commits are not: their names are numbers, under which the dataset that replaces another has its own, and
    it is by them that a replaced dataset is noticed.

    >>> is_kept("storage/columns/state/c.5.0"), is_kept("metadata.json"), is_kept("storage/columns/zarr.json")
    (True, False, False)
    """
    return _SHARD.fullmatch(name) is not None or _OTHER.fullmatch(name) is not None


def is_shard(name: str) -> bool:
    """Whether a kept object is a shard, which can be checked by itself."""
    return _SHARD.fullmatch(name) is not None


def landing_stem(name: str) -> str:
    """What files are called that have to do with an object which is not there yet."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
