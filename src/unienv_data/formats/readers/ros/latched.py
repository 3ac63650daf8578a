"""What is said once: topics that are told about, rather than recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["is_latched", "plain_message"]

CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
_SHORT = ("sensor_msgs/CameraInfo",)


def is_latched(kind: str, topic: str, counts: Mapping[str, Sequence[int]]) -> bool:
    """Whether a topic's messages are no rows: a camera's calibration, or one message in every recording.

    Args:
        kind: the messages' type.
        topic: the topic.
        counts: messages of each topic in each recording.
    """
    others = [max(each) for name, each in counts.items() if name != topic]
    if not others:
        return False
    return kind == CAMERA_INFO or kind in _SHORT or (max(counts[topic]) == 1 and max(others) > 1)


def plain_message(message: Any) -> Any:
    """A message as strict JSON."""
    if is_dataclass(message) and not isinstance(message, type):
        names = [field.name for field in fields(message) if not field.name.startswith("__")]
        return {name: plain_message(getattr(message, name)) for name in names}
    if isinstance(message, np.ndarray):
        return [plain_message(each) for each in message.tolist()]
    if isinstance(message, (list, tuple)):
        return [plain_message(each) for each in message]
    if isinstance(message, np.generic):
        return plain_message(message.item())
    if isinstance(message, float) and not math.isfinite(message):
        return str(message)
    return message
