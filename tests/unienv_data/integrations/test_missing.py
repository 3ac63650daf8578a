"""Without TorchRL its room says what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["torch", "tensordict", "torchrl"])
def test_what_is_missing_is_named(missing: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
import unienv_data.integrations
try:
    from unienv_data.integrations.torchrl import to_torchrl
except ImportError as error:
    print(error)
"""
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip().endswith("pip install 'unienv-data[torchrl]'")
