"""Where bytes lie: one interface, an implementation a kind of place."""

from unienv_data.store.objects.base import ObjectStore, Range, Run, StreamPlace, WriterLock
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
    "StreamPlace",
    "Traffic",
    "TrafficCount",
    "WriterLock",
    "join_url",
    "open_objects",
    "shown_url",
]
