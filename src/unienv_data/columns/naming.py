"""Keys of a space as Zarr node names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

__all__ = ["node_names"]

# Zarr forbids `/`, and names of dots alone, and keeps `__` and `zarr.json` for itself; Windows forbids the
# other characters, and names that end in a dot or a space. `%` begins an escape.
_UNSAFE = re.compile(r'[%/\\<>:"|?*\x00-\x1f\x7f\ud800-\udfff]|^\.+$|^__|[. ]$')
# Names of devices on Windows, whatever follows a dot; and Zarr's own file, where case does not count.
_TAKEN = re.compile(
    r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³]|conin\$|conout\$) *(?:\..*)?|zarr\.json",
    re.IGNORECASE | re.DOTALL,
)
_CASED = re.compile(r"%[0-9A-F]{2}|[A-Z]|[^\x00-\x7f]")


def node_names(keys: Sequence[str]) -> list[str]:
    """Names for the members of one group, which differ even where case and normal form do not count.

    A name is its key, with `%XX` for what a name cannot hold; of keys that differ only in case or in
    normal form, whatever is no small ASCII letter is escaped too.

    Example:
        >>> node_names(["a.b", "a/b", "aux", "x", "X"])
        ['a.b', 'a%2Fb', '%61ux', 'x', '%58']
    """
    names = [_plain(key) for key in keys]
    alike = Counter(map(_folded, names))
    return [name if alike[_folded(name)] == 1 else _CASED.sub(_escaped, name) for name in names]


def _plain(key: str) -> str:
    name = _UNSAFE.sub(_escaped, key) or "%"
    return f"%{ord(name[0]):02X}{name[1:]}" if _TAKEN.fullmatch(name) else name


def _folded(name: str) -> str:
    """The name as filesystems see it that mind neither case nor normal form."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _escaped(match: re.Match[str]) -> str:
    if match[0][0] == "%" and len(match[0]) == 3:  # an escape already
        return match[0]
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))
