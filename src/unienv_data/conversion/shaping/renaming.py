"""Columns under other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unienv_data.errors import ConversionError
from unienv_data.formats.naming import Path, path_name

__all__ = ["check_tree", "renamed_paths"]


def renamed_paths(
    paths: Mapping[str, Path], rename: Mapping[str, str], also: Sequence[Path] = ()
) -> dict[str, Path]:
    """The path of each column after the renamings, each of a column or of a group with all that is in it.

    They happen at once: `{"a": "b", "b": "a"}` exchanges two. Of several for a column the longest counts.

    Args:
        paths: source name -> path.
        rename: old -> new, each a path with slashes between its parts, or a column's name in the source.
        also: other paths that a renaming may mean, for whoever handles these.

    Raises:
        ConversionError: a renaming means no column, or gives it no name.

    Example:
        >>> renamed_paths({"obs/img": ("obs", "img"), "a": ("a",)}, {"obs": "observation", "a": "action"})
        {'obs/img': ('observation', 'img'), 'a': ('action',)}
    """
    rules = [(old, _parts(new, old)) for old, new in rename.items()]
    renamed = {}
    for name, path in paths.items():
        fits = [(len(head), new, head) for old, new in rules if (head := _head(old, name, path)) is not None]
        if fits:
            _, new, head = max(fits, key=lambda fit: fit[0])
            renamed[name] = (*new, *path[len(head) :])
        else:
            renamed[name] = path
    for old, _ in rules:
        known = any(_head(old, name, path) is not None for name, path in paths.items())
        if not known and not any(_head(old, "", path) is not None for path in also):
            names = ", ".join(path_name(path) for path in paths.values())
            raise ConversionError(
                f"rename {old!r}: there is no such column or group; the columns are {names}"
            )
    return renamed


def _head(old: str, name: str, path: Path) -> Path | None:
    """The part of the path that is renamed; None where the renaming does not mean the column."""
    if old == name:
        return path
    for depth in range(1, len(path) + 1):
        if path_name(path[:depth]) == old.strip("/"):
            return path[:depth]
    return None


def _parts(new: str, old: str) -> Path:
    parts = tuple(new.strip("/").split("/"))
    if not all(parts):
        raise ConversionError(f"rename {old!r}: {new!r} is no name of a column; observation/image is one")
    return parts


def check_tree(paths: Mapping[str, Path]) -> None:
    """See that the paths are the leaves of one tree.

    Raises:
        ConversionError: two columns have the same path, or one stands where another's group does.
    """
    taken: dict[Path, str] = {}
    for name, path in paths.items():
        if path in taken:
            raise ConversionError(f"{taken[path]} and {name} would both be the column {path_name(path)}")
        taken[path] = name
    for name, path in paths.items():
        for depth in range(1, len(path)):
            other = taken.get(path[:depth])
            if other is not None:
                raise ConversionError(
                    f"{other} would be the column {path_name(path[:depth])}, and {name} would lie inside it "
                    f"as {path_name(path)}"
                )
