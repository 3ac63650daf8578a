"""The floors of the house, from the ground up.

A module imports from its own room and from the floors below, never upward and never from another room of its
floor. A room is a module or a package; the longest name that fits says where a module lives.
"""

from __future__ import annotations

FLOORS: tuple[tuple[str, ...], ...] = (
    # The vocabulary: no file is read or written here.
    ("unienv_interface.errors",),
    ("unienv_interface._install_guard", "unienv_interface._lazy", "unienv_interface._optional"),
    ("unienv_interface.backends",),
    ("unienv_interface.space.space",),
    ("unienv_interface.space.spaces",),
    ("unienv_interface.space.space_utils",),
    ("unienv_interface.space",),
    ("unienv_interface.transformations",),
    ("unienv_interface.env_base",),
    ("unienv_interface.wrapper",),
    ("unienv_interface",),
    # What everything about data may use: errors, and progress that does nothing by default.
    ("unienv_data._version", "unienv_data.errors", "unienv_data.progress"),
    # Pure functions on integers and frozen values.
    ("unienv_data.checksum", "unienv_data.indexing"),
    ("unienv_data.order", "unienv_data.ring", "unienv_data.segments"),
    ("unienv_data.selection",),
    # The abstract batch, sampler and storage.
    ("unienv_data.base",),
    # A space as named columns; documents as dataclasses.
    ("unienv_data.columns", "unienv_data.schema"),
    # What is said of columns: accumulators, and the document that keeps it.
    ("unienv_data.statistics",),
    # Rows on a filesystem: everything that touches bytes.
    ("unienv_data.store",),
    ("unienv_data.storages",),
    # Processes that do somebody's work, and the memory that they share.
    ("unienv_data.workers",),
    # What users hold in their hands.
    ("unienv_data.replay_buffer",),
    ("unienv_data.memory", "unienv_data.opening"),
    ("unienv_data.dataset_info",),
    ("unienv_data.batches",),
    ("unienv_data.samplers",),
    # Other people's formats, and what is done with whole datasets.
    ("unienv_data.formats",),
    ("unienv_data.conversion", "unienv_data.curate"),
    ("unienv_data.codec_trials", "unienv_data.recording"),
    ("unienv_data.integrations",),
    # The doors.
    ("unienv_data",),
    # Suites for implementations of all of the above.
    ("unienv_data.testing",),
    ("unienv_data.cli",),
    ("unienv_data.__main__",),
)

#: Rooms of which each name is only itself: what stands beneath must have a place of its own.
FACADES = ("unienv_interface", "unienv_data")

#: Where a function's body may import first-party modules: commands, so that `--help` is instant.
MAY_IMPORT_LATE = ("unienv_data.cli",)


def room_of(module: str) -> str | None:
    """The room that `module` lives in, or None where the table has no place for it."""
    name = module
    while name:
        if name in _FLOOR_OF and (name == module or name not in FACADES):
            return name
        name = name.rpartition(".")[0]
    return None


def may_import(room: str, other: str) -> bool:
    """Whether a module of `room` may import one of `other`."""
    return room == other or _FLOOR_OF[other] < _FLOOR_OF[room]


_FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
