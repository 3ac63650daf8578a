"""Writers in processes of their own who race for one commit: one wins, the others are told."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unienv_data
from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from unienv_data import ReplayBuffer, ZarrStorage
from unienv_data.errors import WriterLockedError
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space.spaces import BoxSpace

PROGRAM = Path(__file__).with_name("racing_writer.py")
SPACE = BoxSpace(NumpyComputeBackend, -np.inf, np.inf, np.float32, shape=(2,))
CLIENTS = ["fsspec", pytest.param("obstore", marks=requires_obstore)]


def race(s3: S3Server, client: str, writers: int, races: int) -> None:
    options: dict[str, Any] = {"storage_options": s3.options, "client": client}
    contenders = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(number), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]

    def tell(line: str) -> None:
        for contender in contenders:
            assert contender.stdin is not None
            contender.stdin.write(line + "\n")
            contender.stdin.flush()

    def hear() -> list[str]:
        said = []
        for contender in contenders:
            assert contender.stdout is not None
            said.append(contender.stdout.readline().strip())
        return said

    try:
        for _ in range(races):
            url = s3.url(uuid.uuid4().hex, "data.zarr")
            first = ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, **options)
            first.extend(np.full((3, 2), -1, dtype=np.float32))
            first.close()
            tell(url)
            assert hear() == ["ready"] * writers
            tell("go")
            said = hear()
            assert sorted(said) == ["fenced"] * (writers - 1) + ["won"]
            found = unienv_data.open(url, **options)
            assert found[:][:, 0].tolist() == [-1] * 3 + [said.index("won")] * 5
            found.close()
    finally:
        for contender in contenders:
            assert contender.stdin is not None
            assert contender.stdout is not None
            contender.stdin.close()
            contender.wait(60)
            contender.stdout.close()


@requires_s3
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", CLIENTS)
def test_24_races_of_8_writers(s3: S3Server, client: str) -> None:
    race(s3, client, writers=8, races=24)


@requires_s3
@requires_obstore
def test_a_race(s3: S3Server) -> None:
    race(s3, "obstore", writers=3, races=3)


_DYING = """
import json, os, sys
import numpy as np
import unienv_data
buffer = unienv_data.open(sys.argv[1], "a", commit_interval=float("inf"), **json.loads(sys.argv[2]))
buffer.extend(np.full((4, 2), 1, dtype=np.float32))
buffer.commit()
buffer.extend(np.full((4, 2), 2, dtype=np.float32))
print("writing", flush=True)
sys.stdin.read()
"""


@requires_s3
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the lease stands for a minute")
def test_a_writer_that_was_killed_is_followed_at_once_on_its_machine(s3: S3Server) -> None:
    url, options = s3.url(uuid.uuid4().hex, "data.zarr"), {"storage_options": s3.options}
    ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, **options).close()
    command = [sys.executable, "-c", _DYING, url, json.dumps(options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        with pytest.raises(
            WriterLockedError, match=rf"process {writer.pid} on \S+ is writing since \d{{4}}-"
        ):
            unienv_data.open(url, "a", **options)
        with pytest.raises(WriterLockedError, match=f"process {writer.pid} on"):
            ReplayBuffer.create(ZarrStorage, SPACE, cache_path=url, overwrite=True, **options)
        assert len(unienv_data.open(url, **options)) == 4
        writer.kill()
    with unienv_data.open(url, "a", **options) as following:
        assert following[:][:, 0].tolist() == [1] * 4
        following.extend(np.full((2, 2), 3, dtype=np.float32))
    with unienv_data.open(url, **options) as reader:
        assert reader[:][:, 0].tolist() == [1] * 4 + [3] * 2
