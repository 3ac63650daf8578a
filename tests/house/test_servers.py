"""The servers that tests start: no process outlives who started it, however that ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import tests.servers
from tests.conftest import requires_s3
from tests.servers import s3_kind

PROGRAM = Path(tests.servers.__file__).parent / "killed_parent.py"


@requires_s3
@pytest.mark.skipif(os.name == "nt", reason="sends SIGKILL")
@pytest.mark.skipif(s3_kind() == "given", reason="the server is not ours")
def test_a_server_ends_with_who_started_it_though_that_be_killed() -> None:
    kind = s3_kind()
    assert kind is not None
    parent = subprocess.Popen([sys.executable, str(PROGRAM), kind], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        address = urlsplit(parent.stdout.readline().strip())
    assert address.port is not None
    socket.create_connection(("127.0.0.1", address.port), timeout=5).close()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", address.port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail(f"the {kind} server still answers")
