"""Our image codecs and those of the imagecodecs project itself read what the other has written.

These run where both are installed, which needs a later Python than we do;
`scripts/interop/imagecodecs_zarr.py` compares two environments.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SRC

SCRIPT = ROOT / "scripts" / "interop" / "imagecodecs_zarr.py"
BOTH = ("unienv-data", "imagecodecs")


def is_installed() -> bool:
    return (
        importlib.util.find_spec("imagecodecs") is not None
        and importlib.util.find_spec("imagecodecs.zarr") is not None
    )


def run(action: str, folder: Path, by: str) -> str:
    command = [sys.executable, str(SCRIPT), action, str(folder), "--by", by]
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(not is_installed(), reason="imagecodecs.zarr is not installed")
@pytest.mark.parametrize("writer", BOTH)
def test_either_reads_what_the_other_writes(tmp_path: Path, writer: str) -> None:
    written = run("write", tmp_path, writer)
    for reader in BOTH:
        assert run("read", tmp_path, reader).split()[1] == written.split()[1]
    one = min(tmp_path.glob("png-*.npy"))
    damaged = bytearray(one.read_bytes())
    damaged[-1] ^= 1
    one.write_bytes(damaged)
    with pytest.raises(AssertionError, match=f"1 of .* differ: {one.stem}"):
        run("read", tmp_path, BOTH[0])
