"""Which picture the rows of a chunk make.

A picture is (H, W) or (H, W, C). Axes before those become more of its lines: frames of two cameras,
(2, H, W, 3), are one picture of (2 * H, W, 3), whose bytes are the same. Channels that come first are brought
to the end by Zarr's own `transpose` codec, which stands before the picture's.
"""

from __future__ import annotations

from math import prod

__all__ = ["channel_order", "channels_of", "picture_shape", "readable_shapes"]

_CHANNELS = (1, 2, 3, 4)


def channel_order(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes that brings the three colours of (..., 3, H, W) to the end, for a chunk of such rows.

    None where that need not be: four frames of one camera, (4, H, W), are four grey pictures.

    Args:
        shape: the shape of a row.

    Example:
        >>> channel_order((3, 96, 128)), channel_order((96, 128, 3))
        ((0, 2, 3, 1), None)
    """
    if len(shape) < 3 or shape[-3] != 3 or shape[-1] in _CHANNELS:
        return None
    before = range(len(shape) - 2)
    return (*before, len(shape) - 1, len(shape), len(shape) - 2)


def picture_shape(chunk: tuple[int, ...]) -> tuple[int, ...]:
    """The picture that a chunk becomes, (H, W) or (H, W, C) with at least two channels.

    Args:
        chunk: the shape of a chunk, (rows, ...), as it reaches the picture's codec.

    Raises:
        ValueError: it has fewer than two axes that are longer than one entry.

    Example:
        >>> picture_shape((1, 96, 128, 3)), picture_shape((1, 2, 96, 128, 3)), picture_shape((1, 96, 128))
        ((96, 128, 3), (192, 128, 3), (96, 128))
    """
    has_rows = len(chunk) > 1 and chunk[0] == 1
    if len(chunk) - has_rows < 2:
        raise ValueError(f"rows of shape {chunk[has_rows:]} are no pictures: expected (H, W) or (H, W, C)")
    if len(chunk) - has_rows > 2 and chunk[-1] in _CHANNELS:
        picture = (prod(chunk[:-2]), *chunk[-2:])
        return picture if chunk[-1] > 1 else picture[:2]
    return prod(chunk[:-1]), chunk[-1]


def channels_of(picture: tuple[int, ...]) -> int:
    """The number of channels of a picture's shape."""
    return picture[2] if len(picture) == 3 else 1


def readable_shapes(chunk: tuple[int, ...]) -> dict[tuple[int, int], tuple[int, ...]]:
    """The forms in which a chunk may have been encoded: height and width to the shape that is decoded.

    Beside our own these are what `imagecodecs.zarr` writes: it leaves out every axis of length one, and takes
    what has four axes then for frames of an animation.
    """
    shapes: dict[tuple[int, int], tuple[int, ...]] = {}
    own = picture_shape(chunk)
    shapes[own[0], own[1]] = own
    squeezed = tuple(length for length in chunk if length != 1)
    squeezed = (1,) * (2 - len(squeezed)) + squeezed
    lines = squeezed[1:3] if len(squeezed) == 4 else squeezed[:2]
    shapes.setdefault((lines[0], lines[1]), squeezed)
    return shapes
