"""A writer that contends with others for one commit: told where and when by its standard input."""

from __future__ import annotations

import json
import sys


def main() -> None:
    import numpy as np

    import unienv_data
    from unienv_data.errors import FencedError
    from unienv_data.store.objects import RetryingObjects

    # The lease would let only the first one open the dataset: what is tested is what stands behind it.
    RetryingObjects.lock = lambda self, name, holder: None  # type: ignore[method-assign,assignment,return-value]
    number, options = int(sys.argv[1]), json.loads(sys.argv[2])
    for line in sys.stdin:
        url = line.strip()
        buffer = unienv_data.open(url, "a", commit_interval=float("inf"), **options)
        buffer.extend(np.full((5, 2), number, dtype=np.float32))
        print("ready", flush=True)
        sys.stdin.readline()  # all begin at once
        try:
            buffer.commit()
            print("won", flush=True)
        except FencedError:
            print("fenced", flush=True)
        buffer.abandon()


if __name__ == "__main__":
    main()
