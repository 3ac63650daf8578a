"""How close decoded frames are to those that were encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_pictures", "psnr", "ssim"]

#: Of Wang et al.: an 11 x 11 window of deviation 1.5, and two constants against small denominators.
_RADIUS = 5
_DEVIATION = 1.5
_K1, _K2 = 0.01, 0.03


def psnr(frames: NDArray[Any], decoded: NDArray[Any]) -> float:
    """The peak signal-to-noise ratio in dB; infinite where nothing differs.

    Args:
        frames: (N, *shape), unsigned integers.
        decoded: the same rows after a codec.
    """
    errors = [
        float(np.mean((frame.astype(np.float64) - other.astype(np.float64)) ** 2))
        for frame, other in zip(frames, decoded, strict=True)
    ]
    error = float(np.mean(errors))
    return float("inf") if not error else float(10 * np.log10(_peak(frames) ** 2 / error))


def ssim(frames: NDArray[Any], decoded: NDArray[Any]) -> float:
    """The mean structural similarity, over every channel of every picture; 1 where nothing differs.

    Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image Quality Assessment: From Error Visibility
    to Structural Similarity", IEEE Transactions on Image Processing 13(4), 2004: equation 13, with the
    Gaussian window of the paper wherever it lies within the picture; smaller pictures have a smaller window.

    Args:
        frames: (N, *shape), unsigned integers, a row one or more pictures.
        decoded: the same rows after a codec.
    """
    c1, c2 = (_K1 * _peak(frames)) ** 2, (_K2 * _peak(frames)) ** 2
    values = []
    for one, two in zip(as_pictures(frames), as_pictures(decoded), strict=True):
        x, y = one.astype(np.float64), two.astype(np.float64)
        mean_x, mean_y = _blurred(x), _blurred(y)
        variance_x = _blurred(x * x) - mean_x**2
        variance_y = _blurred(y * y) - mean_y**2
        covariance = _blurred(x * y) - mean_x * mean_y
        similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
        similarity /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
        values.append(float(similarity.mean()))
    return float(np.mean(values))


def as_pictures(frames: NDArray[Any]) -> NDArray[Any]:
    """Rows as pictures (M, H, W, C).

    Args:
        frames: (N, ..., H, W), (N, ..., H, W, C) or (N, ..., 3, H, W).
    """
    shape = frames.shape[1:]
    if len(shape) < 3 or (shape[-1] > 4 and shape[-3] != 3):
        frames = frames[..., np.newaxis]
    elif shape[-1] > 4:
        frames = np.moveaxis(frames, -3, -1)
    return frames.reshape(-1, *frames.shape[-3:])


def _peak(frames: NDArray[Any]) -> float:
    return float(np.iinfo(frames.dtype).max)


def _blurred(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, W, C) under the window, along one axis after the other, where it lies within the picture."""
    for axis in (0, 1):
        radius = min(_RADIUS, (picture.shape[axis] - 1) // 2)
        weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / _DEVIATION) ** 2)
        weights /= weights.sum()
        length = picture.shape[axis] - 2 * radius
        blurred = np.zeros_like(np.take(picture, range(length), axis=axis))
        for start, weight in enumerate(weights):
            blurred += weight * (
                picture[start : start + length] if axis == 0 else picture[:, start : start + length]
            )
        picture = blurred
    return picture
