"""Beside PyPI's `unienv`, whose import names are ours, importing refuses in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
import timeit
from pathlib import Path

import pytest

from unienv_interface._install_guard import refuse_beside_unienv

REMEDY = "pip uninstall unienv && pip install --force-reinstall unienv-data"


def import_beside(folder: Path, package: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", f"import {package}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["unienv_interface", "unienv_data"])
def test_import_refuses_where_unienv_is_installed_too(tmp_path: Path, package: str) -> None:
    (tmp_path / "unienv-0.0.1b16.dist-info").mkdir()
    outcome = import_beside(tmp_path, package)
    assert outcome.returncode == 1
    last = outcome.stderr.rstrip().splitlines()[-1]
    assert last.startswith("ImportError: unienv-data and the PyPI package unienv ")
    assert last.endswith(REMEDY)


@pytest.mark.parametrize(
    "name", ["unienv_data-0.1.0.dist-info", "unienv", "unienv-notes.txt", "my_unienv-1.dist-info"]
)
def test_import_works_beside_names_that_only_resemble_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    outcome = import_beside(tmp_path, "unienv_data")
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize("name", ["unienv-1.dist-info", "UniEnv-1.egg-info", "unienv-1-py3.11.egg-info"])
def test_every_kind_of_metadata_is_noticed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ImportError, match="cannot share an environment"):
        refuse_beside_unienv(["no/such/folder", str(tmp_path)])


def test_looking_costs_less_than_two_milliseconds() -> None:
    assert min(timeit.repeat(lambda: refuse_beside_unienv(sys.path), number=1, repeat=20)) < 0.002
