"""Whole objects of remote datasets as files of this machine: a cache that lasts, or a buffer for a while.

Objects never change under their names, so that a copy is good for ever. They land whole and checked, one
process downloads what several need, and what was used least recently goes first. What a killed process leaves
behind is a file that never counted as an object, or a count that is too high until it is made anew.
"""

from __future__ import annotations

from unienv_data.store.cache.cached import CachedObjects
from unienv_data.store.cache.options import CacheOptions

__all__ = ["CacheOptions", "CachedObjects"]
