"""Which formats can be written. A writer is imported when it is first asked for.

Other distributions add writers by an entry point of the group `unienv_data.writers`, whose name is the
writer's and whose value is the class; a built-in name cannot be taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from unienv_data.errors import ConversionError
from unienv_data.formats.loading import load_class, other_points
from unienv_data.formats.writer import Writer

__all__ = ["STORE", "WRITER_ENTRY_POINT_GROUP", "choose_writer", "writer_class", "writer_names"]

WRITER_ENTRY_POINT_GROUP = "unienv_data.writers"

STORE = "unienv_data"
"""What `--to` takes for a dataset of this library, which is no foreign format and has no Writer."""

_BUILT_IN: Mapping[str, str] = {
    "diffusion_policy": "unienv_data.formats.writers.diffusion_policy:DiffusionPolicyWriter",
    "lerobot_v30": "unienv_data.formats.writers.lerobot_v30.writer:LeRobotV30Writer",
    "minari": "unienv_data.formats.writers.minari:MinariWriter",
    "npz": "unienv_data.formats.writers.npz:NPZWriter",
    "parquet": "unienv_data.formats.writers.parquet:ParquetWriter",
    "rlds": "unienv_data.formats.writers.rlds:RldsWriter",
    "robomimic": "unienv_data.formats.writers.robomimic:RobomimicWriter",
}


@cache
def _third_party() -> dict[str, EntryPoint]:
    return other_points(entry_points(group=WRITER_ENTRY_POINT_GROUP), {**_BUILT_IN, STORE: ""})


def writer_names() -> list[str]:
    """The names of all formats that can be written, sorted. Imports no writer."""
    return sorted({*_BUILT_IN, *_third_party()})


def writer_class(name: str) -> type[Writer]:
    """The writer of the format `name`.

    Raises:
        ConversionError: no such format, or what another distribution registered is not a writer.
    """
    found = load_class(name, _BUILT_IN, _third_party(), Writer)  # type: ignore[type-abstract]
    if found is None:
        known = ", ".join(sorted([STORE, *writer_names()]))
        raise ConversionError(f"there is no format {name!r} to convert to; known are {known}")
    return found


def choose_writer(destination: str, name: str | None = None) -> type[Writer] | None:
    """The writer of the format that is named, or else of the one that the destination's ending says.

    Args:
        destination: a path or a URL.
        name: what `--to` gives.

    Returns:
        None for a dataset of ours: by its name, or because no format has the destination's ending.

    Raises:
        ConversionError: no such format; or several have the ending.
    """
    if name == STORE:
        return None
    if name is not None:
        return writer_class(name)
    ending = destination.rstrip("/\\").lower()
    fitting: list[tuple[int, type[Writer]]] = []
    for known in writer_names():
        writer = writer_class(known)
        fitting += [(len(each), writer) for each in writer.extensions if ending.endswith(each)]
    longest = max((length for length, _ in fitting), default=0)
    chosen = [writer for length, writer in fitting if length == longest]
    if len(chosen) > 1:
        choice = " or ".join(f"--to {writer.name}" for writer in chosen)
        raise ConversionError(f"{destination}: several formats have this ending; choose one with {choice}")
    return chosen[0] if chosen else None
