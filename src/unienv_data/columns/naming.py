"""Keys of a space as Zarr node names."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["node_names"]

# Zarr forbids `/`, and names of dots alone, and keeps `__` and `zarr.json` for itself; Windows forbids the
# other characters, and names that end in a dot or a space. `%` begins an escape.
_UNSAFE = re.compile(r'[%/\\<>:"|?*\x00-\x1f\x7f]|^\.+$|^__|[. ]$|^zarr\.json$')


def node_names(keys: Sequence[str]) -> list[str]:
    """Names for the members of one group, which differ even where case does not count.

    Example:
        >>> node_names(["a.b", "a/b", "x", "X"])
        ['a.b', 'a%2Fb', 'x', '%58']
    """
    taken: set[str] = set()
    names = []
    for key in keys:
        name = _UNSAFE.sub(_escaped, key) or "%"
        if name.casefold() in taken:
            name = re.sub(r"(?<!%)(?<!%.)[^\W\d_a-z]", _escaped, name)
        taken.add(name.casefold())
        names.append(name)
    return names


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
