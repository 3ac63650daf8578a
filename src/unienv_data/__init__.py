"""An out-of-core dataset store for robot learning."""

from __future__ import annotations

from unienv_data import errors
from unienv_data._version import __version__

__all__ = ["__version__", "errors"]
