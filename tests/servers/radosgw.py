"""A Ceph RADOS Gateway with one object store in memory, as a program.

It says where it is once it answers, and ends with its standard input: with whoever started it. A monitor,
one object store daemon and the gateway run below it, on free ports of 127.0.0.1, their files in a temporary
folder. Needs `ceph-mon`, `ceph-osd` and `radosgw`, and no rights.
"""

from __future__ import annotations

import ctypes
import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

__all__ = ["has_radosgw"]

_TOOLS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
_SECONDS_TO_START = 60.0
_STORE_BYTES = 4 << 30  # that may be stored, not that are taken

_SETTINGS = """
[global]
fsid = {cluster}
mon host = {monitor}
mon initial members = a
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
# Between daemons of one machine, encryption by the other mode only costs time.
ms mon client mode = crc
ms bind ipv6 = false
# A cluster of one member need not wait for others to agree.
paxos propose interval = 0.05
osd objectstore = memstore
memstore device bytes = {store_bytes}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon data = {folder}/mon
osd data = {folder}/osd
run dir = {folder}/run
log file = {folder}/log/$name.log
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
rgw thread pool size = 64
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
"""


def has_radosgw() -> bool:
    """Whether a gateway can be started here."""
    return sys.platform == "linux" and all(map(shutil.which, _TOOLS))


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="radosgw-"))
    daemons: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        options = _start(folder, daemons)
        print(json.dumps(options), flush=True)
        sys.stdin.read()
    finally:
        for daemon in reversed(daemons):  # there is nothing that they would have to save
            daemon.kill()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, daemons: list[subprocess.Popen[bytes]]) -> dict[str, str]:
    for name in ("mon", "osd", "run", "log"):
        (folder / name).mkdir()
    port, first, second = _free_ports(3)
    monitor = f"[v2:127.0.0.1:{first}/0,v1:127.0.0.1:{second}/0]"
    cluster, store = str(uuid.uuid4()), str(uuid.uuid4())
    settings = folder / "ceph.conf"
    settings.write_text(
        _SETTINGS.format(cluster=cluster, monitor=monitor, folder=folder, port=port, store_bytes=_STORE_BYTES)
    )

    def run(tool: str, *arguments: str) -> None:
        subprocess.run([tool, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def start(tool: str, *arguments: str) -> None:
        with (folder / "log" / f"{tool}.out").open("wb") as out:
            daemons.append(
                subprocess.Popen(
                    [tool, "-c", str(settings), *arguments, "-f"],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                    preexec_fn=_end_with_parent,
                )
            )

    members = str(folder / "monmap")
    run("monmaptool", "--create", "--fsid", cluster, "--addv", "a", monitor.replace("/0", ""), members)
    run("ceph-mon", "-c", str(settings), "--mkfs", "-i", "a", "--monmap", members)
    start("ceph-mon", "-i", "a")
    run("ceph", "-c", str(settings), "--connect-timeout", "20", "osd", "new", store)
    run("ceph-osd", "-c", str(settings), "-i", "0", "--mkfs", "--osd-uuid", store)
    start("ceph-osd", "-i", "0")
    start("radosgw", "-n", "client.rgw.a")
    user = {"key": secrets.token_hex(10).upper(), "secret": secrets.token_hex(20)}
    _wait_for(port, daemons[-1], folder)
    keys = [f"--access-key={user['key']}", f"--secret-key={user['secret']}"]
    run("radosgw-admin", "-c", str(settings), "user", "create", "--uid=t", "--display-name=t", *keys)
    return {**user, "endpoint_url": f"http://127.0.0.1:{port}"}


def _end_with_parent() -> None:
    """Have the kernel end this daemon when the process that starts it ends, though it be killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_for(port: int, daemon: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline and daemon.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    said = (folder / "log" / "radosgw.out").read_text(errors="replace")
    raise RuntimeError(f"radosgw does not answer on port {port}: {said[-2000:]}")


if __name__ == "__main__":
    main()
