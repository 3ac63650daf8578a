"""What the built wheel holds."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from tests.house.tree import ROOT, SRC


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    (path,) = folder.glob("unienv_data-*.whl")
    return zipfile.ZipFile(path)


def test_holds_every_source_file_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    sources = {
        path.relative_to(SRC).as_posix()
        for path in SRC.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    schemas = {f"unienv_data/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == sources | schemas
    assert {"unienv_data/py.typed", "unienv_interface/py.typed"} <= held


def test_carries_the_schemas_as_they_are(wheel: zipfile.ZipFile) -> None:
    paths = list((ROOT / "schemas").glob("*.schema.json"))
    assert paths
    for path in paths:
        assert wheel.read(f"unienv_data/schemas/{path.name}") == path.read_bytes()


def test_carries_the_licence(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_names_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "unienv-data = unienv_data.cli.app:main" in wheel.read(name).decode()
