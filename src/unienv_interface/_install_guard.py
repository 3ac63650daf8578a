"""Says so where this distribution and PyPI's `unienv`, whose import names it shares, are both installed.

Two distributions that own one package overwrite each other's files without a word, and what then runs is a
mixture of both. `importlib.metadata` would answer too, but importing it takes longer than all that is here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

__all__ = ["refuse_beside_unienv"]

_MESSAGE = (
    "unienv-data and the PyPI package unienv install the same import names and cannot share an environment: "
    "pip uninstall unienv && pip install --force-reinstall unienv-data"
)


def refuse_beside_unienv(search_path: Iterable[str]) -> None:
    """Raise if a folder of `search_path` holds the metadata of an installed `unienv`.

    Args:
        search_path: `sys.path`; entries that are not readable folders are passed over.

    Raises:
        ImportError: `unienv` is installed too; the message ends with the commands that help.
    """
    for folder in search_path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            continue
        for name in names:
            if name[:7].lower() == "unienv-" and name.endswith((".dist-info", ".egg-info")):
                raise ImportError(_MESSAGE)
