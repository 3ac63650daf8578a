"""fsspec filesystems: their failures are OSErrors that name the object, never silence."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from tests.conftest import requires_obstore, requires_s3
from tests.servers import S3Server
from tests.unienv_data.store.objects.layers import client_of
from unienv_data.errors import ReadOnlyError
from unienv_data.store.objects import ObjectStore, Range, open_objects
from unienv_data.store.objects.remote import FsspecObjects


class ClientError(Exception):
    """What client libraries raise that know nothing of OSError."""


class Unreachable(MemoryFileSystem):
    """A filesystem whose every call fails with what `error` is."""

    protocol = ("unreachable",)
    cachable = False
    error: Exception = ClientError("no route to host")

    def _fail(self, *arguments: Any, **options: Any) -> Any:
        raise type(self).error

    info = ls = cat_file = pipe_file = rm_file = rm = makedirs = _fail


USES: dict[str, Callable[[ObjectStore], object]] = {
    "read": lambda objects: objects.read("a/b"),
    "read_ranges": lambda objects: objects.read_ranges([Range("a/b", 0, 1)]),
    "read_end": lambda objects: objects.read_end("a/b", 1),
    "size": lambda objects: objects.size("a/b"),
    "exists": lambda objects: objects.exists("a/b"),
    "list": lambda objects: objects.list("a/b"),
    "write": lambda objects: objects.write("a/b", [b"x"]),
    "create": lambda objects: objects.create("a/b", b"x"),
    "replace": lambda objects: objects.replace("a/b", b"x"),
    "delete": lambda objects: objects.delete(["a/b"]),
    "delete_all": lambda objects: objects.below("a/b").delete_all(),
}


@pytest.mark.parametrize("use", USES)
def test_failures_of_client_libraries_are_os_errors(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = FsspecObjects(Unreachable(), "/x", "far://x", assume_single_writer=True)
    with pytest.raises(OSError, match="no route to host") as caught:
        USES[use](objects)
    assert caught.value.filename.startswith("far://x/a/b")
    assert isinstance(caught.value.__cause__, ClientError)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "error", [PermissionError(errno.EACCES, "denied"), TypeError("a bug"), TimeoutError("t")]
)
def test_other_failures_stay_what_they_are(
    use: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unreachable, "error", error)
    objects = FsspecObjects(Unreachable(), "/x", "far://x", assume_single_writer=True)
    with pytest.raises(type(error)) as caught:
        USES[use](objects)
    assert caught.value is error


# Filesystems without exclusive creation


@pytest.fixture
def plain() -> Iterator[DirFileSystem]:
    name = f"/{uuid.uuid4().hex}"
    memory = fsspec.filesystem("memory")
    memory.makedirs(name)
    yield DirFileSystem(name, memory)
    memory.rm(name, recursive=True)


def test_writing_needs_a_promise_where_nothing_is_exclusive(plain: DirFileSystem) -> None:
    objects = FsspecObjects(plain, "root", "dir://dataset")
    assert not objects.exclusive_create
    with pytest.raises(ReadOnlyError, match="assume_single_writer=True"):
        objects.create("a/b", b"x")
    with pytest.raises(ReadOnlyError):
        objects.below("a").create("b", b"x")
    assert objects.list("") == []
    promised = FsspecObjects(plain, "root", "dir://dataset", assume_single_writer=True)
    promised.below("a").create("b", b"x")
    with pytest.raises(FileExistsError, match="dir://dataset/a/b"):
        promised.create("a/b", b"y")
    assert objects.read("a/b") == b"x"


def test_errors_of_ranges_that_older_filesystems_return_are_raised(plain: DirFileSystem) -> None:
    class Returning(DirFileSystem):
        """As fsspec's asynchronous filesystems did, whatever `on_error` said."""

        def cat_ranges(self, paths: Any, starts: Any, ends: Any, **options: Any) -> list[Any]:
            return [FileNotFoundError("The specified key does not exist.")] * len(paths)

    objects = FsspecObjects(Returning(plain.path, plain.fs), "root", "dir://dataset")
    with pytest.raises(FileNotFoundError, match="dir://dataset/gone"):
        objects.read_ranges([Range("gone", 0, 4)])


# S3


@requires_s3
def test_a_conflict_that_comes_as_an_invalid_request_is_one(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = open_objects(s3.url(uuid.uuid4().hex), s3.options, client="fsspec")
    objects.create("there", b"x")
    client = client_of(objects)
    assert isinstance(client, FsspecObjects)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.EINVAL, "At least one of the pre-conditions you specified did not hold")

    monkeypatch.setattr(client._fs, "pipe_file", refuse)
    with pytest.raises(FileExistsError):
        objects.create("there", b"y")
    with pytest.raises(OSError, match="pre-conditions") as caught:
        objects.create("elsewhere", b"y")
    assert caught.value.errno == errno.EINVAL


CLIENTS = ["fsspec", pytest.param("obstore", marks=requires_obstore)]


@requires_s3
@pytest.mark.parametrize("client", CLIENTS)
def test_a_bucket_that_is_not_there(s3: S3Server, client: Any) -> None:
    objects = open_objects("s3://no-such-bucket/x", s3.options, client=client)
    assert not objects.exists("a")
    assert objects.list("") == []
    for use in (
        lambda: objects.read("a"),
        lambda: objects.create("a", b"x"),
        lambda: objects.write("a", [b"x"]),
    ):
        with pytest.raises(FileNotFoundError, match="s3://no-such-bucket/x/a"):
            use()


_IN_FORK = """
import json, os, sys, traceback
from unienv_data.store.objects import Range, open_objects
objects = open_objects(sys.argv[1], json.loads(sys.argv[2]), client=sys.argv[3])
objects.write("a", [b"0123456789"])
for _ in range(2):
    assert objects.read_ranges([Range("a", 2, 4)]) == [b"23"]
    child = os.fork()
    if not child:
        status = 1
        try:
            assert objects.read_ranges([Range("a", 2, 4), Range("a", 0, 1)]) == [b"23", b"0"]
            assert objects.below("").read("a") == b"0123456789"
            assert objects.exists("a") and not objects.exists("b")
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
assert objects.read("a") == b"0123456789"
print("read")
"""


@requires_s3
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("client", CLIENTS)
def test_a_forked_child_opens_the_bucket_anew(s3: S3Server, client: str) -> None:
    command = [sys.executable, "-c", _IN_FORK, s3.url(uuid.uuid4().hex), json.dumps(s3.options), client]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "read\n", done.stderr[-2000:]
