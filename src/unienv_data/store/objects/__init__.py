"""Where bytes lie: one interface, an implementation a kind of place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_data.store.objects.base import ObjectStore, Range, Run, Sink, StreamPlace, WriterLock
    from unienv_data.store.objects.checked import read_checked
    from unienv_data.store.objects.local import LocalObjects
    from unienv_data.store.objects.memory import MemoryObjects
    from unienv_data.store.objects.obstore import ObstoreObjects
    from unienv_data.store.objects.opening import PLACE_OPTIONS, Client, join_url, open_objects, shown_url
    from unienv_data.store.objects.patience import RETRY_SECONDS
    from unienv_data.store.objects.remote import FsspecObjects
    from unienv_data.store.objects.retrying import RetryingObjects
    from unienv_data.store.objects.traffic import Traffic, TrafficCount

__all__ = [
    "PLACE_OPTIONS",
    "RETRY_SECONDS",
    "Client",
    "FsspecObjects",
    "LocalObjects",
    "MemoryObjects",
    "ObjectStore",
    "ObstoreObjects",
    "Range",
    "RetryingObjects",
    "Run",
    "Sink",
    "StreamPlace",
    "Traffic",
    "TrafficCount",
    "WriterLock",
    "join_url",
    "open_objects",
    "read_checked",
    "shown_url",
]

_ROOM = "unienv_data.store.objects"

# Lazily: opening a place puts copies nearby, which are files of such a place themselves.
__getattr__, __dir__ = lazy_exports(
    globals(),
    {
        "PLACE_OPTIONS": f"{_ROOM}.opening",
        "RETRY_SECONDS": f"{_ROOM}.patience",
        "Client": f"{_ROOM}.opening",
        "FsspecObjects": f"{_ROOM}.remote",
        "LocalObjects": f"{_ROOM}.local",
        "MemoryObjects": f"{_ROOM}.memory",
        "ObjectStore": f"{_ROOM}.base",
        "ObstoreObjects": f"{_ROOM}.obstore",
        "Range": f"{_ROOM}.base",
        "RetryingObjects": f"{_ROOM}.retrying",
        "Run": f"{_ROOM}.base",
        "Sink": f"{_ROOM}.base",
        "StreamPlace": f"{_ROOM}.base",
        "Traffic": f"{_ROOM}.traffic",
        "TrafficCount": f"{_ROOM}.traffic",
        "WriterLock": f"{_ROOM}.base",
        "join_url": f"{_ROOM}.opening",
        "read_checked": f"{_ROOM}.checked",
        "open_objects": f"{_ROOM}.opening",
        "shown_url": f"{_ROOM}.opening",
    },
)
