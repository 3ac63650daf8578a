"""Which episodes belong to which split: a pure function of how many there are, the shares and a seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from unienv_data.order import derive_key, permute

__all__ = ["split"]

_ROUNDING = 1e-9


def split(count: int, shares: Mapping[str, float], seed: int) -> dict[str, NDArray[np.int64]]:
    """Deal things out at random, each to one split at most.

    Args:
        count: how many things there are.
        shares: for each split its share of them, all fractions (floats) or all numbers (integers). Where
            fractions add up to 1, everything is dealt out; each that is positive gets one at least, as far
            as there are enough.
        seed: chooses who goes where.

    Returns:
        For each split its members, (k,) ascending numbers within [0, count).

    Raises:
        ValueError: a share is negative or no number, they are of both kinds, or more than there is.

    Example:
        >>> {name: members.tolist() for name, members in split(5, {"train": 0.8, "val": 0.2}, 0).items()}
        {'train': [0, 1, 2, 3], 'val': [4]}
    """
    sizes = _sizes(count, shares)
    order = permute(range(count), count, derive_key(seed, "split"))
    ends = np.cumsum(list(sizes.values()), dtype=np.int64) if sizes else np.empty(0, dtype=np.int64)
    return {name: np.sort(order[end - sizes[name] : end]) for name, end in zip(sizes, ends, strict=True)}


def _sizes(count: int, shares: Mapping[str, float]) -> dict[str, int]:
    kinds = {_kind(name, share) for name, share in shares.items()}
    if len(kinds) > 1:
        raise ValueError(f"shares: expected fractions or numbers, got both: {dict(shares)}")
    if kinds == {int}:
        if sum(shares.values()) > count:
            raise ValueError(f"shares: expected at most {count} episodes in all, got {dict(shares)}")
        return {name: int(share) for name, share in shares.items()}
    total = sum(shares.values())
    if total > 1 + _ROUNDING:
        raise ValueError(f"shares: expected fractions that add up to 1 at most, got {dict(shares)}")
    exact = {name: share * count for name, share in shares.items()}
    sizes = {name: int(size + _ROUNDING) for name, size in exact.items()}
    left = int(total * count + _ROUNDING) - sum(sizes.values())
    for name in sorted(exact, key=lambda name: sizes[name] - exact[name])[:left]:
        sizes[name] += 1
    for name, share in shares.items():
        largest = max(sizes, key=lambda other: sizes[other])
        if share > 0 and not sizes[name] and sizes[largest] > 1:
            sizes[name], sizes[largest] = 1, sizes[largest] - 1
    return sizes


def _kind(name: str, share: object) -> type:
    if isinstance(share, bool) or not isinstance(share, int | float | np.integer | np.floating):
        raise ValueError(f"shares[{name!r}]: expected a fraction or a number of episodes, got {share!r}")
    if not share >= 0:
        raise ValueError(f"shares[{name!r}]: expected at least 0, got {share!r}")
    return int if isinstance(share, int | np.integer) else float
