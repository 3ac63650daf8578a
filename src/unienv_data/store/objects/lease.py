"""The lock of writers where there are only objects: a lease, renewed while its holder lives.

    {"holder": "process 71 on host", "since": "2026-01-01T00:00:00+00:00", "process": ..., "token": ...,
     "renewed": 1767225600.0}

It only makes the refusal of a second writer polite and early, and names who writes. That two writers never
mix their rows is the doing of claims and of commits, which are created exclusively.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from unienv_data.errors import WriterLockedError
from unienv_data.store import platform
from unienv_data.store.objects.base import ObjectStore

__all__ = ["LEASE_SECONDS", "RENEWAL_SECONDS", "Clock", "Lease", "take_lease"]

RENEWAL_SECONDS = 10.0
"""How often a holder renews its lease."""
LEASE_SECONDS = 60.0
"""After so long without a renewal anybody may take a lease over."""


@dataclass(frozen=True)
class Clock:
    """What time it is.

    Attributes:
        wall: seconds since 1970, as machines agree on them, more or less.
        steady: seconds of this process that are never set back.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class _Note:
    """What a lease says.

    Attributes:
        holder: who writes, for people.
        since: when it began, in ISO 8601.
        process: the holder, as `platform.process_identity` has it; None where nobody else can tell.
        token: of this lease alone.
        renewed: when it was renewed last, seconds since 1970 by the holder's clock.
    """

    holder: str
    since: str
    process: str | None
    token: str
    renewed: float

    def to_bytes(self) -> bytes:
        return json.dumps(vars(self)).encode()

    @staticmethod
    def from_bytes(data: bytes) -> _Note | None:
        """The note in `data`; None where it is none, and nobody's."""
        try:
            document = json.loads(data)
            process = document["process"]
            return _Note(
                str(document["holder"]),
                str(document["since"]),
                None if process is None else str(process),
                str(document["token"]),
                float(document["renewed"]),
            )
        except (ValueError, TypeError, KeyError):
            return None


# When this process first saw a lease as it is: (url, name) -> (what it said, steady seconds).
_seen: dict[tuple[str, str], tuple[bytes, float]] = {}


def take_lease(
    objects: ObjectStore, quick: ObjectStore, name: str, holder: str, clock: Clock | None = None
) -> Lease:
    """Take the lease called `name`.

    Args:
        objects: where it stands.
        quick: the same place, which does not wait for a lost network, for what may fail.
        name: its name.
        holder: who takes it, for others to read.
        clock: what time it is.

    Raises:
        WriterLockedError: another writer holds it; names the holder, and since when.
    """
    clock = clock or Clock()
    note = _Note(
        holder=holder,
        since=datetime.fromtimestamp(clock.wall(), UTC).isoformat(timespec="seconds"),
        process=platform.process_identity(),
        token=secrets.token_hex(12),
        renewed=clock.wall(),
    )
    if not _create(objects, name, note):
        _refuse_living(objects, name, note, clock)
        objects.replace(name, note.to_bytes(), durable=False)
        found = _read(objects, name)
        if found is None or found[1] is None or found[1].token != note.token:
            _refuse(objects, name, None if found is None else found[1], note, clock)
    _seen.pop((objects.url, name), None)
    return Lease(quick, name, note, clock)


def _create(objects: ObjectStore, name: str, note: _Note) -> bool:
    try:
        objects.create(name, note.to_bytes(), durable=False)
    except FileExistsError:
        return False
    return True


def _read(objects: ObjectStore, name: str) -> tuple[bytes, _Note | None] | None:
    try:
        data = objects.read(name)
    except FileNotFoundError:
        return None
    return data, _Note.from_bytes(data)


def _refuse_living(objects: ObjectStore, name: str, own: _Note, clock: Clock) -> None:
    """Refuse where the lease that is there may be somebody's who lives."""
    data, note = _read(objects, name) or (b"", None)
    if note is None:
        return
    said, since = _seen.get((objects.url, name), (b"", 0.0))
    if said != data:
        since = clock.steady()
        _seen[objects.url, name] = (data, since)
    # Clocks of machines differ: what this process has watched counts, too.
    unchanged = max(clock.wall() - note.renewed, clock.steady() - since)
    if unchanged < LEASE_SECONDS and not platform.has_ended(note.process):
        _refuse(objects, name, note, own, clock)


def _refuse(objects: ObjectStore, name: str, note: _Note | None, own: _Note, clock: Clock) -> None:
    if note is None:
        who, when = "another writer", ""
    else:
        who = f"{note.holder} (this one)" if note.process == own.process is not None else note.holder
        age = max(clock.wall() - note.renewed, 0.0)
        when = (
            f" since {note.since}, last heard of {age:.0f} s ago (a writer that has died is replaced after "
            f"{LEASE_SECONDS:.0f} s)"
        )
    raise WriterLockedError(
        f"{objects.url}/{name}: {who} is writing{when}; close it there, or open the dataset for reading"
    )


class Lease:
    """A lease that is held, and renewed by a thread until it is released, dropped, or another's.

    The thread keeps neither the process nor this object alive. A forked child has no part in it.
    """

    def __init__(self, objects: ObjectStore, name: str, note: _Note, clock: Clock) -> None:
        self._renewal = _Renewal(objects, name, note, clock)
        self._renewal.start()
        self._drop = weakref.finalize(self, self._renewal.stop)
        self._drop.atexit = False

    def renew(self) -> bool:
        """Say that the holder lives; False where the lease has become another's."""
        return self._renewal.renew()

    def release(self) -> None:
        """Give the lease back."""
        self._drop.detach()
        self._renewal.release()


class _Renewal:
    """What keeps a lease, apart from the object that users let go of."""

    def __init__(self, objects: ObjectStore, name: str, note: _Note, clock: Clock) -> None:
        self._objects, self._name, self._note, self._clock = objects, name, note, clock
        self._pid = os.getpid()
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._released = False
        self._thread = threading.Thread(target=self._run, name="unienv-data lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Have the thread release the lease: nobody refers to it any more."""
        if self._pid == os.getpid():
            self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(RENEWAL_SECONDS):
            with suppress(Exception):  # the network is lost: the next time will do
                if not self.renew():
                    return
        self.release()

    def renew(self) -> bool:
        with self._mutex:
            if self._released or not self._is_ours():
                return False
            self._note = replace(self._note, renewed=self._clock.wall())
            self._objects.replace(self._name, self._note.to_bytes(), durable=False)
            return True

    def release(self) -> None:
        if self._pid != os.getpid():
            return
        self._ended.set()
        with self._mutex:
            if self._released:
                return
            self._released = True
            with suppress(Exception):  # others see it unchanged for a minute, which does as well
                if self._is_ours():
                    self._objects.delete([self._name])

    def _is_ours(self) -> bool:
        found = _read(self._objects, self._name)
        return found is not None and found[1] is not None and found[1].token == self._note.token
