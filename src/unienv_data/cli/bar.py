"""A progress bar for people, drawn on a terminal only."""

from __future__ import annotations

import sys

from unienv_data.progress import NO_PROGRESS, Progress, TqdmProgress

__all__ = ["bar_on_terminal"]


def bar_on_terminal(quiet: bool = False) -> Progress:
    """Bars on stderr where that is a terminal and they are wanted; else no sign of progress."""
    return TqdmProgress() if sys.stderr.isatty() and not quiet else NO_PROGRESS
