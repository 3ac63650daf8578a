"""One recording of topics, whatever files it stands in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOG", "PUBLISH", "Recording", "Topic"]

LOG, PUBLISH = "log", "publish"


@dataclass(frozen=True)
class Topic:
    """A topic of a recording.

    Args:
        name: of the topic.
        type: of its messages, as `sensor_msgs/msg/JointState`.
        definition: of that type, as the recording has it; "" where it has none.
        language: of the definition, `ros2msg` or `ros2idl`.
        encoding: of its messages; `cdr` can be read.
    """

    name: str
    type: str
    definition: str
    language: str
    encoding: str


class Recording(ABC):
    """Messages by topic and number; messages of a topic are numbered as they were logged."""

    label: str
    """What the source calls it."""
    where: str
    """Its address, for messages."""

    @property
    @abstractmethod
    def topics(self) -> Mapping[str, Topic]:
        """The topics that have messages, by name.

        Raises:
            ConversionError: the recording is missing, damaged or cut off.
        """

    @property
    @abstractmethod
    def about(self) -> Mapping[str, Any]:
        """What is said of the recording as a whole, strict JSON."""

    @abstractmethod
    def times(self, topic: str, clock: str = LOG) -> NDArray[np.int64]:
        """(N,) when each message was logged, or published: nanoseconds.

        Raises:
            ConversionError: the recording is damaged, or has no such clock.
        """

    @abstractmethod
    def messages(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[bytes]]:
        """Messages as they are encoded, in the order asked; what lies together is read once.

        Args:
            wanted: topic -> numbers, rising.

        Raises:
            ConversionError: the recording is damaged.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what is open. May be called twice."""
