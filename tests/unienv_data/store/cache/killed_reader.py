"""A process that reads through a cache at random until it is killed, checking what it reads.

python killed_reader.py SOURCE CACHE LIMIT SEED
"""

from __future__ import annotations

import random
import sys

from tests.unienv_data.store.cache.making import fetcher, name_of
from unienv_data.store.objects.local import LocalObjects


class Far(LocalObjects):
    """A local folder that pretends to be far away."""

    is_local = False


def main(source: str, cache: str, limit: str, seed: str) -> None:
    place = Far(source)
    one = fetcher(place, cache, int(limit), eager=True)
    near = one.folder.below("")
    chance = random.Random(int(seed))
    print("ready", flush=True)
    while True:
        wanted = [name_of(chance.randrange(40)) for _ in range(4)]
        held = one.expect(wanted)
        one.bring(wanted)
        for name in wanted:
            try:
                found = near.read(name)
            except FileNotFoundError:
                continue
            if found != place.read(name):
                print(f"wrong: {name}", flush=True)
                sys.exit(3)
        held.release()


if __name__ == "__main__":
    main(*sys.argv[1:])
