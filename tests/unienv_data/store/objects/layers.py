"""What an opened place is made of."""

from __future__ import annotations

from unienv_data.store.cache import CachedObjects
from unienv_data.store.objects import ObjectStore, RetryingObjects
from unienv_data.store.objects.client import ClientObjects


def client_of(objects: ObjectStore) -> ClientObjects:
    """The client beneath the cache and the retries."""
    while not isinstance(objects, ClientObjects):
        assert isinstance(objects, CachedObjects | RetryingObjects)
        objects = objects.source if isinstance(objects, CachedObjects) else objects.client
    return objects
