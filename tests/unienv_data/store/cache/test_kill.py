"""Whoever uses a cache may be killed at any moment: nothing partial is ever seen, nothing left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.unienv_data.store.cache import killed_reader
from tests.unienv_data.store.cache.making import fetcher, name_of, shard
from unienv_data.store.cache.ledger import Ledger
from unienv_data.store.objects.local import LocalObjects

ROOT = Path(__file__).resolve().parents[4]
LIMIT = 12 * 40_000

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not killed like that")


def start(*command: object) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def reader(source: Path, cache: Path, seed: int) -> subprocess.Popen[str]:
    return start(killed_reader.__file__, source, cache, LIMIT, seed)


def kept(cache: Path) -> dict[str, bytes]:
    """What is there; files may go while one looks."""
    root = cache / "dataset" / "objects"
    found = {}
    for path in list(root.rglob("*")):
        with suppress(FileNotFoundError, IsADirectoryError):
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


def test_killed_users_leave_nothing_wrong(tmp_path: Path) -> None:
    source, cache = tmp_path / "source", tmp_path / "cache"
    objects = LocalObjects(source)
    chance = random.Random(0)
    content = {}
    for number in range(40):
        content[name_of(number)] = shard([chance.randbytes(40_000)], number)
        objects.write(name_of(number), [content[name_of(number)]])
    readers = [reader(source, cache, seed) for seed in range(3)]
    try:
        for one in readers:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for turn in range(12):
            time.sleep(chance.uniform(0.0, 0.15))
            at = turn % len(readers)
            assert [one.poll() for one in readers] == [None] * 3
            readers[at].send_signal(signal.SIGKILL)
            readers[at].communicate()
            # What the others see meanwhile is whole, and within the budget but for what is on its way.
            found = {name: data for name, data in kept(cache).items() if data != content[name]}
            assert found == {}
            readers[at] = reader(source, cache, 100 + turn)
            assert readers[at].stdout is not None
            assert readers[at].stdout.readline() == "ready\n"
    finally:
        for one in readers:
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
    assert {one.returncode for one in readers} == {-signal.SIGKILL}
    total = sum(map(len, kept(cache).values()))
    assert 0 < total <= LIMIT
    one = fetcher(killed_reader.Far(source), str(cache), LIMIT, eager=True)
    assert list((cache / "dataset" / "landing").iterdir()) == []
    assert Ledger(str(cache)).count() == total
    one.bring([name_of(number) for number in range(10)])
    assert all(content[name] == data for name, data in kept(cache).items())
    assert sum(map(len, kept(cache).values())) <= LIMIT


def test_a_killed_downloader_is_taken_over_from(tmp_path: Path) -> None:
    """Its lock ends with it: whoever waits goes on at once."""
    source = tmp_path / "source"
    LocalObjects(source).write(name_of(0), [shard([b"a" * 1000])])
    code = (
        "import sys, time\n"
        "from tests.unienv_data.store.cache.killed_reader import Far, fetcher\n"
        "from tests.unienv_data.store.cache.making import name_of\n"
        "class Slow(Far):\n"
        "    def read(self, name):\n"
        "        print('reading', flush=True); time.sleep(600)\n"
        f"one = fetcher(Slow({str(source)!r}), {str(tmp_path / 'cache')!r}, 10_000, eager=True)\n"
        "one.bring([name_of(0)])\n"
    )
    process = start("-c", code)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        one = fetcher(killed_reader.Far(source), str(tmp_path / "cache"), 10_000, eager=True)
        held = one.expect([name_of(0)])  # somebody else is bringing it: that is left to them
        while one._under_way:
            time.sleep(0.001)
        assert not one.folder.has(name_of(0))
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    began = time.monotonic()
    one.bring([name_of(0)])
    assert one.folder.has(name_of(0))
    assert time.monotonic() - began < 10
    held.release()
