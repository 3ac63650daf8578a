"""What is said where PyTorch is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["Memory", "RandomMemory"])
def test_the_extra_is_named(name: str) -> None:
    program = f"import sys; sys.modules['torch'] = None; from unienv_data.memory import {name}"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    assert outcome.stderr.rstrip().endswith("pip install 'unienv-data[torch]'")
