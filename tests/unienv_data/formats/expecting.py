"""What a format's own reader says of a sample, compared with what ours gives; and refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner

from tests.unienv_data.conversion.snapshots import snapshot
from unienv_data.cli.app import app


def digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def assert_as_expected(values: NDArray[Any], expected: Mapping[str, Any]) -> None:
    """A whole column, all episodes one after another, against the entry of an EXPECT.json."""
    assert list(values.shape) == expected["shape"]
    assert str(values.dtype) == expected["dtype"]
    assert digest(values) == expected["sha256"]


def assert_refused(source: Path, folder: Path, *said: str, options: tuple[str, ...] = ()) -> None:
    """The command line exits 2 with one paragraph that says this, and leaves everything as it was."""
    before = snapshot(folder)
    outcome = CliRunner().invoke(app, ["convert", str(source), str(folder / "out/x.zarr"), *options])
    assert outcome.exit_code == 2, outcome.output
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1
    for part in said:
        assert part in outcome.stderr
    assert snapshot(folder) == before
