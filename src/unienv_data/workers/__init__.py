"""Processes that work for this one, and hand large results over in shared memory.

`WorkerCrew` is the side of whoever asks, `serving` the side of whoever works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.workers.crew import Job, Ticket, WorkerCrew
    from unienv_data.workers.starting import default_context

__all__ = ["Job", "Ticket", "WorkerCrew", "default_context"]

_CREW = "unienv_data.workers.crew"

__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "Job": _CREW,
        "Ticket": _CREW,
        "WorkerCrew": _CREW,
        "default_context": "unienv_data.workers.starting",
    },
)
