"""The contract of a transformation: values of one space made into values of another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from unienv_interface.space.space import AnySpace

__all__ = ["DataTransformation"]


class DataTransformation(ABC):
    """A function from the values of a space to the values of another, which the first space determines.

    **Single values and batches.** A transformation is about the last axes of the arrays, those of one
    item. Where the items of a space have shape `S` and those of its target have shape `T`, arrays of
    shape `(*batch, *S)` become arrays of shape `(*batch, *T)`, whatever the batch axes are, and

        get_target_space_from_source(batch_space(space, n))
            == batch_space(get_target_space_from_source(space), n)

    The `source_space` that comes with a batch may be the space of one item or that of a batch; in the
    latter a first axis of length 1, which `batch_space(space)` gives, stands for any length.

    **Values.** What `transform` gives is in the target space wherever `data` is in the source space,
    bounds and data type included; NaN, which no bounded array can hold, is refused where it would have
    to become a number. `data` is never changed; what a transformation does not touch comes back as it
    is, without a copy, and may be a view where the backend has views.

    Transformations are values: they do not change once they are made, and they pickle.

    Attributes:
        has_inverse: False where `direction_inverse` gives None, whatever the space.
    """

    has_inverse: bool = False

    @abstractmethod
    def get_target_space_from_source(self, source_space: AnySpace) -> AnySpace:
        """The space of the results.

        Args:
            source_space: the space of the values, or of batches of them.

        Raises:
            SpaceError: the transformation does not apply to values of this space.
        """

    @abstractmethod
    def transform(self, source_space: AnySpace, data: Any) -> Any:
        """A value of the source space made into one of the target space.

        Args:
            source_space: the space of the value, or of one item of the batch.
            data: a value, or a batch of them: arrays `(*batch, *S)`.

        Returns:
            The value, or the batch: arrays `(*batch, *T)`.

        Raises:
            SpaceError: the transformation does not apply to values of this space.
            SpaceValueError: `data` is no value, or batch of values, of the source space.
        """

    def direction_inverse(self, source_space: AnySpace | None = None) -> DataTransformation | None:
        """The transformation that leads back, from the target space to exactly the source space.

        Args:
            source_space: the space that this transformation would start from. Those whose way back
                does not depend on it take None.

        Returns:
            The inverse, None where nothing leads back to exactly that space.

        Raises:
            SpaceError: the source space is needed, or this transformation does not apply to it.
        """
        return None

    @abstractmethod
    def serialize(self, source_space: AnySpace | None = None) -> dict[str, Any]:
        """The parameters as a strict JSON object, without the key "type", which names the class.

        `transformation_to_json` gives the whole document.

        Args:
            source_space: the space that the transformation is used with, for those whose parameters
                depend on it.
        """

    @classmethod
    @abstractmethod
    def deserialize_from(cls, json_data: Mapping[str, Any]) -> Self:
        """The transformation that `serialize` described.

        Args:
            json_data: what `serialize` gave; the key "type" may be there and is not looked at.

        Raises:
            DocumentError: it is not of that form; lists every problem with its location.
        """

    def close(self) -> None:
        """Release what is held, if anything is. May be called again."""
        return
