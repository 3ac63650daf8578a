"""What happens to buffers when the process ends, run in processes of their own."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unienv_data.replay_buffer.small import SPACE
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import WriterLockedError

PROLOGUE = """
import gc, os, signal, sys
import numpy as np
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_interface.backends import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace

def create(name, **options):
    space = BoxSpace(B, 0, 255, B.uint8, shape=(2,))
    return ReplayBuffer.create(ZarrStorage, space, cache_path=name, commit_interval=1e9, **options)

ROW = np.ones(2, dtype=np.uint8)
"""


def run(program: str, folder: Path, *, fails: bool = False) -> str:
    outcome = subprocess.run(
        [sys.executable, "-c", PROLOGUE + textwrap.dedent(program)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode != 0) == fails, outcome.stderr
    return outcome.stderr


def writer(path: Path, **options: Any) -> Any:
    return ReplayBuffer.create(ZarrStorage, SPACE, cache_path=path, commit_interval=1e9, **options)


def length(path: Path) -> int | None:
    return ReplayBuffer.get_length_from_path(path)


@pytest.mark.parametrize("end", ["", "del buffer; gc.collect()", "sys.exit(0)"])
def test_a_normal_end_commits(end: str, tmp_path: Path) -> None:
    stderr = run(f"buffer = create('d.zarr')\nbuffer.append(ROW)\n{end}", tmp_path)
    assert stderr == ""
    assert length(tmp_path / "d.zarr") == 1
    with ReplayBuffer.load_from(tmp_path / "d.zarr", read_only=False) as buffer:
        assert buffer.has_open_segment


@pytest.mark.parametrize("end", ["raise KeyError", "sys.exit(3)"])
def test_an_exception_commits_too(end: str, tmp_path: Path) -> None:
    run(f"buffer = create('d.zarr')\nbuffer.append(ROW)\n{end}", tmp_path, fails=True)
    assert length(tmp_path / "d.zarr") == 1


def test_an_exception_in_the_context_commits(tmp_path: Path) -> None:
    run("with create('d.zarr') as buffer:\n    buffer.append(ROW)\n    raise KeyError", tmp_path, fails=True)
    assert length(tmp_path / "d.zarr") == 1


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(1)"])
def test_what_no_commit_holds_dies_with_the_process(end: str, tmp_path: Path) -> None:
    run(
        f"""
        buffer = create('d.zarr')
        buffer.append(ROW)
        buffer.mark_segment_end()
        buffer.append(ROW)
        {end}
        """,
        tmp_path,
        fails=True,
    )
    assert length(tmp_path / "d.zarr") == 1
    with ReplayBuffer.load_from(tmp_path / "d.zarr", read_only=False) as buffer:  # the lock died as well
        assert not buffer.has_open_segment
        assert buffer.get_segments() == [(0, 1)]


def test_one_buffer_that_fails_does_not_keep_others_from_committing(tmp_path: Path) -> None:
    stderr = run(
        """
        import shutil
        first, lost, last = create('first.zarr'), create('lost.zarr'), create('last.zarr')
        for buffer in (first, lost, last):
            buffer.append(ROW)
        shutil.rmtree('lost.zarr')
        os.mkdir('lost.zarr')
        open('lost.zarr/storage', 'w').close()  # nothing can be written below a file
        """,
        tmp_path,
    )
    assert "buffers that could not be committed" in stderr
    assert length(tmp_path / "first.zarr") == 1
    assert length(tmp_path / "last.zarr") == 1


def test_a_closed_or_abandoned_buffer_is_not_committed_again(tmp_path: Path) -> None:
    stderr = run(
        """
        closed, abandoned = create('closed.zarr'), create('abandoned.zarr')
        for buffer in (closed, abandoned):
            buffer.append(ROW)
        closed.close()
        abandoned.abandon()
        number = ReplayBuffer.load_from('closed.zarr').storage.commit_number
        open('number', 'w').write(str(number))
        """,
        tmp_path,
    )
    assert stderr == ""
    assert length(tmp_path / "abandoned.zarr") == 0
    closed = ReplayBuffer.load_from(tmp_path / "closed.zarr")
    assert str(closed.storage.commit_number) == (tmp_path / "number").read_text()  # type: ignore[attr-defined]


def test_what_has_been_dropped_gives_its_place_to_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "d.zarr"
    dropped = writer(path)
    dropped.append(np.ones(2, dtype=np.uint8))
    with pytest.raises(WriterLockedError):  # it is still held
        ReplayBuffer.load_from(path, read_only=False)
    del dropped
    gc.collect()
    with ReplayBuffer.load_from(path, read_only=False) as second:
        assert len(second) == 1
        second.mark_segment_end()
        second.append(np.ones(2, dtype=np.uint8))
    again = writer(path, overwrite=True)
    again.append(np.ones(2, dtype=np.uint8))
    del again
    gc.collect()
    with writer(path, overwrite=True) as last:
        assert len(last) == 0


def test_what_has_been_dropped_and_cannot_be_committed_is_told_at_the_end(tmp_path: Path) -> None:
    stderr = run(
        """
        import shutil
        lost = create('lost.zarr')
        lost.append(ROW)
        shutil.rmtree('lost.zarr')
        os.mkdir('lost.zarr')
        open('lost.zarr/storage', 'w').close()
        del lost; gc.collect()
        create('other.zarr').append(ROW)
        """,
        tmp_path,
    )
    assert "buffers that could not be committed" in stderr
    assert length(tmp_path / "other.zarr") == 1


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="the platform does not fork")
def test_a_forked_child_commits_nothing(tmp_path: Path) -> None:
    run(
        """
        import warnings
        warnings.simplefilter('ignore')
        buffer = create('d.zarr')
        buffer.append(ROW)
        child = os.fork()
        if not child:
            try:
                buffer.append(ROW)
            except PermissionError:
                sys.exit(7)
            sys.exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert ReplayBuffer.get_length_from_path('d.zarr') == 0
        buffer.append(ROW)
        """,
        tmp_path,
    )
    assert length(tmp_path / "d.zarr") == 2
