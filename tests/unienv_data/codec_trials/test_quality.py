"""PSNR and SSIM beside the formulas, written out point by point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unienv_data.codec_trials import psnr, ssim
from unienv_data.codec_trials.quality import as_pictures


def ssim_by_points(x: NDArray[Any], y: NDArray[Any], peak: float) -> float:
    """Of one channel, (H, W): the weighted moments around every point whose window lies within."""
    high, wide = (min(5, (length - 1) // 2) for length in x.shape)
    weights = {
        (i, j): math.exp(-(i * i + j * j) / (2 * 1.5**2))
        for i in range(-high, high + 1)
        for j in range(-wide, wide + 1)
    }
    total = sum(weights.values())
    values = []
    for row in range(high, x.shape[0] - high):
        for column in range(wide, x.shape[1] - wide):
            points = [
                (w / total, float(x[row + i, column + j]), float(y[row + i, column + j]))
                for (i, j), w in weights.items()
            ]
            mean_x = sum(w * a for w, a, _ in points)
            mean_y = sum(w * b for w, _, b in points)
            variance_x = sum(w * (a - mean_x) ** 2 for w, a, _ in points)
            variance_y = sum(w * (b - mean_y) ** 2 for w, _, b in points)
            both = sum(w * (a - mean_x) * (b - mean_y) for w, a, b in points)
            c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
            top = (2 * mean_x * mean_y + c1) * (2 * both + c2)
            values.append(top / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)))
    return sum(values) / len(values)


@given(
    st.sampled_from(["uint8", "uint16"]),
    st.integers(1, 16),
    st.integers(1, 16),
    st.integers(0, 2**31),
    st.floats(0, 0.3),
)
@settings(max_examples=40)
def test_ssim_is_that_of_the_paper(dtype: str, height: int, width: int, seed: int, noise: float) -> None:
    random, peak = np.random.default_rng(seed), np.iinfo(dtype).max
    one = random.integers(0, peak, (1, height, width), dtype=dtype, endpoint=True)
    other = np.clip(one + random.normal(0, noise * peak, one.shape), 0, peak).astype(dtype)
    assert ssim(one, other) == pytest.approx(ssim_by_points(one[0], other[0], peak), abs=1e-9)


def test_ssim_is_the_mean_over_channels_cameras_and_rows() -> None:
    random = np.random.default_rng(0)
    one = random.integers(0, 256, (3, 2, 12, 14, 3), dtype=np.uint8)
    other = np.clip(one + random.normal(0, 20, one.shape), 0, 255).astype(np.uint8)
    expected = np.mean(
        [
            ssim_by_points(one[i, k, ..., c], other[i, k, ..., c], 255)
            for i in range(3)
            for k in range(2)
            for c in range(3)
        ]
    )
    assert ssim(one, other) == pytest.approx(float(expected), abs=1e-9)
    first = np.moveaxis(one, -1, -3), np.moveaxis(other, -1, -3)
    assert ssim(*first) == pytest.approx(float(expected), abs=1e-9)


def test_what_is_equal_is_alike() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)
    assert psnr(frames, frames.copy()) == math.inf
    assert ssim(frames, frames.copy()) == 1


def test_psnr_is_that_of_its_definition() -> None:
    frames = np.zeros((4, 10, 10, 3), np.uint8)
    decoded = frames.copy()
    decoded[0] = 4  # a quarter of all points, each off by four
    assert psnr(frames, decoded) == pytest.approx(10 * math.log10(255**2 / 4))
    deep = np.full((1, 5, 5), 65535, np.uint16)
    assert psnr(deep, deep - 655) == pytest.approx(20 * math.log10(65535 / 655))


@pytest.mark.parametrize(
    ("shape", "pictures"),
    [
        ((5, 8, 9), (5, 8, 9, 1)),
        ((5, 8, 9, 1), (5, 8, 9, 1)),
        ((5, 8, 9, 4), (5, 8, 9, 4)),
        ((5, 3, 8, 9), (5, 8, 9, 3)),
        ((5, 4, 8, 9), (20, 8, 9, 1)),
        ((5, 2, 8, 9, 3), (10, 8, 9, 3)),
        ((5, 2, 3, 8, 9), (10, 8, 9, 3)),
    ],
)
def test_rows_as_pictures(shape: tuple[int, ...], pictures: tuple[int, ...]) -> None:
    assert as_pictures(np.zeros(shape, np.uint8)).shape == pictures
