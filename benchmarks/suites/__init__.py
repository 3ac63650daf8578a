"""What is read: a module a suite."""

from __future__ import annotations

from benchmarks.suites import frames

__all__ = ["SUITES"]

SUITES = {"frames": frames.run}
