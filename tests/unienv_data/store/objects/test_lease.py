"""The lease of writers: names its holder, stays while it lives, and passes on when it has died."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from unienv_data.errors import WriterLockedError
from unienv_data.store import platform
from unienv_data.store.objects import MemoryObjects, ObjectStore, lease
from unienv_data.store.objects.lease import LEASE_SECONDS, Clock, Lease, take_lease

NAME = "writer.lock"


class Hands:
    """A clock that is set by hand; `wall` may differ from machine to machine."""

    def __init__(self, wall: float = 1e9) -> None:
        self.now, self.wall = 0.0, wall

    def clock(self) -> Clock:
        return Clock(lambda: self.wall + self.now, lambda: self.now)


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(lease, "_seen", {})
    return MemoryObjects("s3://bucket/x")


def another_machines(objects: ObjectStore) -> None:
    """Have the lease be one of a machine that this one knows nothing of."""
    note = json.loads(objects.read(NAME))
    objects.replace(NAME, json.dumps({**note, "process": "another-boot/pid:[1] 7 12345"}).encode())


def take(objects: ObjectStore, holder: str, hands: Hands) -> Lease:
    return take_lease(objects, objects, NAME, holder, hands.clock())


def test_a_second_writer_is_refused_by_name(objects: ObjectStore) -> None:
    hands = Hands()
    held = take(objects, "process 7 on far", hands)
    hands.now += 5
    with pytest.raises(
        WriterLockedError, match=r"s3://bucket/x/writer.lock: process 7 on far \(this one\) is"
    ):
        take(objects, "process 8 on near", hands)
    another_machines(objects)
    with pytest.raises(
        WriterLockedError, match=r"process 7 on far is writing since 2001-09-09T01:46:40\+00:00"
    ):
        take(objects, "process 8 on near", hands)
    held.release()
    held.release()
    assert not objects.exists(NAME)
    take(objects, "process 8 on near", hands).release()


def test_what_has_not_been_renewed_for_a_minute_is_taken_over(objects: ObjectStore) -> None:
    hands = Hands()
    dead = take(objects, "process 7 on far", hands)
    another_machines(objects)
    hands.now += LEASE_SECONDS - 1
    with pytest.raises(WriterLockedError, match="last heard of 59 s ago"):
        take(objects, "process 8 on near", hands)
    hands.now += 2
    living = take(objects, "process 8 on near", hands)
    assert not dead.renew()  # it is another's by now, and stays so
    dead.release()
    assert json.loads(objects.read(NAME))["holder"] == "process 8 on near"
    living.release()


def test_a_lease_that_is_renewed_is_never_taken_over(objects: ObjectStore) -> None:
    hands = Hands()
    held = take(objects, "process 7 on far", hands)
    for _ in range(30):
        hands.now += 10
        assert held.renew()
        another_machines(objects)
        with pytest.raises(WriterLockedError):
            take(objects, "process 8 on near", hands)
    held.release()


def test_where_clocks_differ_what_was_watched_counts(objects: ObjectStore) -> None:
    """A holder whose clock is an hour ahead, and who has died."""
    ahead, hands = Hands(1e9 + 3600), Hands(1e9)
    dead = take(objects, "process 7 on far", ahead)
    another_machines(objects)
    for seconds in (0, 30, 29):
        hands.now += seconds
        with pytest.raises(WriterLockedError):
            take(objects, "process 8 on near", hands)
    hands.now += 2
    take(objects, "process 8 on near", hands).release()
    assert not dead.renew()


def test_what_is_no_lease_is_nobodys(objects: ObjectStore) -> None:
    for content in (b"", b"[]", b"{}", b"\xff", b'{"holder": 1}'):
        objects.replace(NAME, content)
        take(objects, "process 8 on near", Hands()).release()
        assert not objects.exists(NAME)


def test_of_many_that_take_over_at_once_at_most_one_goes_on(objects: ObjectStore) -> None:
    hands = Hands()
    taken: list[Lease] = []
    start = threading.Barrier(4)

    def contend(number: int) -> None:
        start.wait(10)
        with contextlib.suppress(WriterLockedError):
            taken.append(take(objects, f"process {number}", hands))

    for _ in range(20):
        taken.clear()
        dead = take(objects, "process 7 on far", hands)
        another_machines(objects)
        hands.now += LEASE_SECONDS + 1
        threads = [threading.Thread(target=contend, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        dead.release()
        owner = json.loads(objects.read(NAME))["token"]
        for held in taken:
            assert held.renew() == (held._renewal._note.token == owner)
            held.release()
        assert not objects.exists(NAME)


def test_a_lease_that_nobody_refers_to_is_given_back(objects: ObjectStore) -> None:
    held = take(objects, "process 7 on far", Hands())
    thread = held._renewal._thread
    assert thread.daemon
    del held
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()
    assert not objects.exists(NAME)


def test_the_thread_renews(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEWAL_SECONDS", 0.01)
    held = take_lease(objects, objects, NAME, "me")
    first = json.loads(objects.read(NAME))["renewed"]
    deadline = time.monotonic() + 10
    while json.loads(objects.read(NAME))["renewed"] == first:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    held.release()
    assert not held._renewal._thread.is_alive() or held._renewal._ended.is_set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_no_part_in_it(objects: ObjectStore) -> None:
    held: Any = take(objects, "process 7 on far", Hands())
    child = os.fork()
    if not child:
        held.release()
        held = None
        gc.collect()
        os._exit(0 if objects.exists(NAME) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert held.renew()
    held.release()


_WAITING = """
from unienv_data.store.platform import process_identity
print(process_identity(), flush=True)
input()
"""


@pytest.mark.skipif(platform.process_identity() is None, reason="the platform does not tell processes apart")
def test_a_holder_of_this_machine_that_has_ended_is_replaced_at_once(objects: ObjectStore) -> None:
    command = [sys.executable, "-c", _WAITING]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdin is not None
    assert other.stdout is not None
    with other.stdin, other.stdout:
        identity = other.stdout.readline().strip()
        held = take(objects, "process 7 on near", Hands())
        note = json.loads(objects.read(NAME))
        objects.replace(NAME, json.dumps({**note, "process": identity}).encode())
        with pytest.raises(WriterLockedError):
            take(objects, "process 8 on near", Hands())
        other.kill()
        deadline = time.monotonic() + 10
        while not platform.has_ended(identity):  # before its parent has noticed, too
            assert time.monotonic() < deadline
        take(objects, "process 8 on near", Hands()).release()
        other.wait()
    assert not held.renew()
    assert platform.has_ended(identity)
    assert not platform.has_ended(platform.process_identity())
    assert not platform.has_ended(None)
    assert not platform.has_ended("another-boot/pid:[1] 7 12345")
