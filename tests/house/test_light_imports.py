"""Importing the packages, and starting the command, loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "av",
    "dask",
    "distributed",
    "gymnasium",
    "h5py",
    "imagecodecs",
    "jax",
    "jsonschema",
    "matplotlib",
    "numcodecs",
    "pandas",
    "pyarrow",
    "s3fs",
    "torch",
    "tqdm",
    "zarr",
)


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after `statement`."""
    program = f"{statement}; import json, sys; print(json.dumps(sorted(sys.modules)))"
    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    return {name.partition(".")[0] for name in json.loads(outcome.stdout)}


@pytest.mark.parametrize("package", ["unienv_interface", "unienv_data"])
def test_importing_a_package_is_light(package: str) -> None:
    assert loaded_by(f"import {package}") & {*HEAVY, "numpy", "rich", "typer"} == set()


def test_importing_the_command_is_light() -> None:
    assert loaded_by("import unienv_data.cli.app") & {*HEAVY, "numpy"} == set()
