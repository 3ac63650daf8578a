"""Memories are of PyTorch: without it, only what is said then can be tested."""

from __future__ import annotations

import importlib.util
from pathlib import Path

if importlib.util.find_spec("torch") is None:
    here = Path(__file__).parent
    collect_ignore = [path.name for path in here.glob("*.py") if path.name != "test_without_torch.py"]
