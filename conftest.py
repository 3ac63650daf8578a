"""Doctests of modules that need an optional package are left out where it is not installed."""

from __future__ import annotations

import importlib.util

NEEDS = {
    "src/unienv_interface/backends/jax.py": "jax",
    "src/unienv_data/integrations/torchrl": "torchrl",
    "src/unienv_data/memory": "torch",
    "src/unienv_interface/backends/pytorch.py": "torch",
}

collect_ignore = [path for path, package in NEEDS.items() if importlib.util.find_spec(package) is None]
