"""Small datasets, and the web server that they are read from: it counts what is asked of it."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from unienv_data import ReplayBuffer, ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend as B
from unienv_interface.space import BoxSpace, DictSpace, TextSpace

ROWS = 500
SHARDS = {"frame": 32, "state": 64, "note": 64}
SPACE: Any = DictSpace(
    B,
    {
        "frame": BoxSpace(B, 0, 255, B.uint8, shape=(16, 16, 3)),
        "state": BoxSpace(B, -1e9, 1e9, np.float64, shape=(3,)),
        "note": TextSpace(B, 40),
    },
)


def batch(numbers: Any, salt: int = 0) -> dict[str, Any]:
    """What stands in rows, so that every row differs."""
    rows = np.asarray(numbers)
    frames = np.random.default_rng(salt).integers(0, 256, (ROWS, 16, 16, 3), dtype=np.uint8)
    return {
        "frame": frames[rows],
        "state": np.stack([rows + salt, -rows, rows / 7], axis=1).astype(np.float64),
        "note": np.array([f"note {row} {'.' * (row % 9)}" for row in rows.tolist()], dtype=object),
    }


def check(found: Any, numbers: Any, salt: int = 0) -> None:
    for key, values in batch(numbers, salt).items():
        np.testing.assert_array_equal(found[key], values, key)


def make(url: Any, salt: int = 0, *, overwrite: bool = False, sealed: bool = False) -> None:
    """Write a dataset of ROWS rows in five episodes."""
    with ReplayBuffer.create(
        ZarrStorage, SPACE, cache_path=url, shards=SHARDS, chunks={"state": 8, "note": 8}, overwrite=overwrite
    ) as buffer:
        for first in range(0, ROWS, 100):
            buffer.extend(batch(range(first, first + 100), salt))
        if sealed:
            buffer.seal()


class Web(ThreadingHTTPServer):
    """Serves a folder, ranges too.

    Attributes:
        asked: how often each path was asked for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.asked: Counter[str] = Counter()
        self._counting = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, path: str) -> None:
        with self._counting:
            self.asked[path] += 1

    def take(self) -> Counter[str]:
        """What was asked for since it was taken last."""
        with self._counting:
            taken, self.asked = self.asked, Counter()
        return taken


class _Handler(SimpleHTTPRequestHandler):
    server: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        self.server.count(self.path.lstrip("/"))
        path = self.server.root / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        start, stop = 0, len(data)
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if found and found[1]:
            start, stop = int(found[1]), min(int(found[2] or stop) + 1, stop)
        elif found:
            start = max(stop - int(found[2]), 0)
        self.send_response(206 if found else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Accept-Ranges", "bytes")
        if found:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        self.end_headers()
        if with_body:
            self.wfile.write(data[start:stop])

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def served(root: Path) -> Iterator[Web]:
    web = Web(root)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.shutdown()
        thread.join()
        web.server_close()
