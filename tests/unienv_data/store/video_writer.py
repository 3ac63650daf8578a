"""What the processes of test_video_kill do: episodes of video, committed at odd moments, for ever."""

from __future__ import annotations

import random
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

import unienv_data
from unienv_data.storages import ZarrStorage
from unienv_interface.backends.numpy import NumpyComputeBackend
from unienv_interface.space import BoxSpace

SHAPE = (12, 10, 3)
CODEC = "video:ffv1:gop=3"


def frames(start: int, stop: int) -> NDArray[np.uint8]:
    """The frames that rows [start, stop) hold."""
    rows = np.arange(start, stop).reshape(-1, 1, 1, 1)
    place = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    return ((rows * 7 + place * (rows % 5 + 1)) % 256).astype(np.uint8)


def write(path: str, seed: int, told: Connection) -> None:
    """Append and commit for ever; tells how many rows are committed."""
    order = random.Random(seed)
    if unienv_data.ReplayBuffer.is_loadable_from(path):
        buffer = unienv_data.ReplayBuffer.load_from(path, read_only=False, commit_interval=1e9)
    else:
        space = BoxSpace(NumpyComputeBackend, 0, 255, np.uint8, shape=SHAPE)
        buffer = unienv_data.ReplayBuffer.create(
            ZarrStorage,
            space,
            cache_path=path,
            codecs={"value": CODEC},
            chunks={"value": 8},
            shards={"value": 16},
            commit_interval=1e9,
        )
    while True:
        for _ in range(order.randrange(1, 4)):
            rows = len(buffer)
            buffer.append_batch(frames(rows, rows + order.randrange(1, 7)))
        if order.random() < 0.3:
            buffer.mark_segment_end(commit=False)
        buffer.commit()
        told.send(len(buffer))
