"""UniEnv, whose packages are named as ours: in a process of its own, of an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.readers.base import Reader, Recording
from benchmarks.recording import once

PYTHON_VARIABLE = "BENCHMARK_UNIENV_PYTHON"
"""Environment variable: the Python of an environment that has `unienv`."""

_SERVER = Path(__file__).parents[1] / "foreign" / "unienv_rows.py"
_LARGEST_BATCH = 1024
_BLOCK_ROWS = 500


class UniEnvReader(Reader):
    """Its HDF5 storage; what it reads is handed over in shared memory."""

    name = "UniEnv ReplayBuffer, HDF5"
    distribution = "unienv"
    settings = "uncompressed, its default; another process"

    @classmethod
    def is_available(cls) -> bool:
        return PYTHON_VARIABLE in os.environ

    @classmethod
    def version(cls) -> str:
        ask = "import importlib.metadata as m; print(m.version('unienv'))"
        return subprocess.check_output([os.environ[PYTHON_VARIABLE], "-c", ask], text=True).strip()

    def setup(self, recording: Recording) -> None:
        others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [os.environ[PYTHON_VARIABLE], "-P", str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=others,
        )
        raw = {name: str(recording.raw_path(name)) for name in recording.columns}
        path = recording.folder / "unienv"
        once(path, lambda: self._ask(write=str(path), raw=raw, block=_BLOCK_ROWS))
        files = {name: recording.folder / f"unienv-answers-{name}.npy" for name in recording.columns}
        self._answers = {}
        for name, file in files.items():
            rows = recording.raw(name)
            self._answers[name] = np.lib.format.open_memmap(
                file, mode="w+", dtype=rows.dtype, shape=(_LARGEST_BATCH, *rows.shape[1:])
            )
        self._ask(open=str(path), answers={name: str(file) for name, file in files.items()})

    def _ask(self, **what: Any) -> None:
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the process has no pipes")
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != "done":
            raise RuntimeError(f"{self.name}: the process has failed, see above")

    def read(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        self._ask(rows=rows.tolist())
        return {name: answers[: len(rows)] for name, answers in self._answers.items()}

    def close(self) -> None:
        self._process.communicate()
