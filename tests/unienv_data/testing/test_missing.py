"""Without pytest and Hypothesis the suites say what to install."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["pytest", "hypothesis"])
def test_importing_says_what_to_install(package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None\nimport unienv_data.testing"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert outcome.returncode == 1
    last = outcome.stderr.strip().splitlines()[-1]
    assert last.endswith(f"{package} is needed for this and is not installed: pip install 'unienv-data[dev]'")


def test_the_package_does_without_them() -> None:
    program = (
        "import sys\n"
        "for name in ('pytest', 'hypothesis'): sys.modules[name] = None\n"
        "import unienv_data\n"
        "for name in unienv_data.__all__: getattr(unienv_data, name)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
