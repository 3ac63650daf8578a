"""One corpus of transformations, each to be tried on every space of the corpus of spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.unienv_interface import corpus
from tests.unienv_interface.corpus import AnyBackend, AnySpace, box, full_box
from unienv_interface.transformations import (
    ChainedTransformation,
    CropTransformation,
    DataTransformation,
    DenormalizeTransformation,
    DictExcludeKeyTransformation,
    DictIncludeKeyTransformation,
    DictTransformation,
    FilterDictTransformation,
    FlattenDictTransformation,
    FloatToImageTransformation,
    IdentityTransformation,
    ImageResizeTransformation,
    ImageToFloatTransformation,
    NormalizeTransformation,
    RescaleTransformation,
    UnflattenDictTransformation,
)
from unienv_interface.transformations.box_template import BoxTemplate

STATISTICS = {"mean": 1.25, "std": 3.5, "min": -7, "max": 9.5, "q01": -0.1, "q99": 0.7, "count": 12}
STATE = {"mean": [0.1, -2, 3, 4, 0], "std": [1, 0.3, 1e-3, 200, 0], "min": -3, "max": 3, "q01": -1, "q99": 1}


@dataclass(frozen=True)
class Case:
    """A transformation and what is known of it.

    Attributes:
        make: makes it.
        fewest: it applies to at least as many spaces of the corpus.
        is_exact: its inverse gives each value back bit by bit.
    """

    make: Callable[[], DataTransformation]
    fewest: int
    is_exact: bool = False


def _normalize(mode: str, column: str = "", **options: object) -> Callable[[], DataTransformation]:
    return lambda: NormalizeTransformation({column: STATISTICS}, mode, **options)  # type: ignore[arg-type]


MORE_SPACES: Mapping[str, Callable[[AnyBackend], AnySpace]] = {
    "fractions": lambda b: box(b, 0, 1, "float32", (3, 4, 6)),
    "half_fractions": lambda b: box(b, 0, 1, "float16", (4, 6)),
    "dark_image": lambda b: box(b, [[[0, 3, 200]]], [[[9, 5, 201]]], "uint8", (5, 7, 3)),
    "depth_image": lambda b: full_box(b, "uint16", (5, 6, 1)),
    "single_row": lambda b: full_box(b, "uint8", (1, 6, 3)),
    "normalized_integers": lambda b: box(b, -0.15151512622833252, 0.9393939971923828, "float32", (2,)),
    "normalized": lambda b: box(b, -2.9285714626312256, 2.2142856121063232, "float32", (3,)),
}

SPACES = {**corpus.SPACES, **MORE_SPACES}

# JAX compiles every operation for every shape.
JAX_SPACES = ("robot", "mixed_bounds", "dark_image", "scalar")


def spaces_for(backend: AnyBackend) -> Mapping[str, Callable[[AnyBackend], AnySpace]]:
    """The spaces to try on a backend."""
    if backend.simplified_name == "jax":
        return {name: SPACES[name] for name in JAX_SPACES}
    return SPACES


def values(name: str, backend: AnyBackend, count: int = 5) -> list[Any]:
    """Edge values and samples of the space of that name."""
    if name not in MORE_SPACES:
        return corpus.values(name, backend, count)
    rng, found = backend.random.random_number_generator(0), []
    for _ in range(count):
        rng, value = SPACES[name](backend).sample(rng)
        found.append(value)
    return found


CASES: Mapping[str, Case] = {
    "identity": Case(IdentityTransformation, 40, True),
    "chained_none": Case(lambda: ChainedTransformation([]), 40, True),
    "chained_rescale_normalize": Case(
        lambda: ChainedTransformation([RescaleTransformation(0, 2), _normalize("mean_std")()]), 10
    ),
    "chained_images": Case(
        lambda: ChainedTransformation(
            [
                CropTransformation(3, 5),
                ImageResizeTransformation(5, 4),
                ImageToFloatTransformation(),
                NormalizeTransformation({"": {"mean": [[[0.4]], [[0.5]], [[0.6]]], "std": 0.2}}),
            ]
        ),
        1,
    ),
    "chained_and_back": Case(
        lambda: ChainedTransformation([ImageToFloatTransformation(), FloatToImageTransformation()]), 1
    ),
    "dict_none": Case(lambda: DictTransformation({}), 40, True),
    "dict": Case(
        lambda: DictTransformation(
            {
                "observation/images/top": ImageToFloatTransformation(),
                "observation/joints/0": _normalize("min_max")(),
                "observation/joints/1": RescaleTransformation(),
            }
        ),
        1,
    ),
    "dict_passing_over": Case(
        lambda: DictTransformation({"z_last": RescaleTransformation(), "b": IdentityTransformation()}, True),
        40,
    ),
    "dict_nested": Case(
        lambda: DictTransformation(
            {"observation": DictTransformation({"images": FlattenDictTransformation()})}
        ),
        1,
        True,
    ),
    "filter": Case(
        lambda: FilterDictTransformation(["observation", "done"], ["observation/joints"]),
        1,
    ),
    "filter_all": Case(FilterDictTransformation, 6),
    "include": Case(lambda: DictIncludeKeyTransformation(["observation/state", "task"]), 1),
    "include_passing_over": Case(lambda: DictIncludeKeyTransformation(["b"], ignore_missing_keys=True), 6),
    "exclude": Case(lambda: DictExcludeKeyTransformation(["observation/images/top", "done"]), 1),
    "exclude_none": Case(lambda: DictExcludeKeyTransformation([]), 6),
    "flatten": Case(lambda: FlattenDictTransformation("|"), 6, True),
    "flatten_long": Case(lambda: FlattenDictTransformation("a/"), 4, True),
    "unflatten": Case(lambda: UnflattenDictTransformation("%"), 2, True),
    "rescale": Case(RescaleTransformation, 12),
    "rescale_integers": Case(lambda: RescaleTransformation(-100, 100, "int16"), 12),
    "rescale_half": Case(lambda: RescaleTransformation(-0.1, 0.3, "float16"), 12),
    "rescale_double": Case(lambda: RescaleTransformation(-1e300, [1e300], "float64"), 8),
    "rescale_point": Case(lambda: RescaleTransformation(5, 5), 12),
    "normalize_mean_std": Case(_normalize("mean_std"), 18),
    "normalize_min_max": Case(_normalize("min_max"), 18),
    "normalize_quantile": Case(_normalize("quantile"), 18),
    "normalize_half": Case(_normalize("quantile", dtype="float16"), 18),
    "normalize_state": Case(
        lambda: NormalizeTransformation({"observation/state": STATE, "observation/joints/1": STATISTICS}), 1
    ),
    "normalize_passing_over": Case(
        _normalize("min_max", "z_last", ignore_missing_keys=True, epsilon=1e-3), 40
    ),
    "denormalize": Case(
        lambda: DenormalizeTransformation(
            {"": STATISTICS}, "mean_std", {"": BoxTemplate.make(-9, 9, "float32")}
        ),
        18,
    ),
    "denormalize_integers": Case(
        lambda: DenormalizeTransformation({"": STATISTICS}, "min_max", {"": BoxTemplate.make(0, 9, "uint8")}),
        18,
    ),
    "image_to_float": Case(ImageToFloatTransformation, 1, True),
    "image_to_float_kept": Case(lambda: ImageToFloatTransformation(layout="HWC", dtype="float64"), 1, True),
    "image_to_float_flat": Case(lambda: ImageToFloatTransformation(source_layout="HW"), 4, True),
    "float_to_image": Case(lambda: FloatToImageTransformation(source_layout="HW", layout="HW"), 3),
    "resize": Case(lambda: ImageResizeTransformation(3, 9), 1),
    "resize_flat": Case(lambda: ImageResizeTransformation(5, 2, layout="HW"), 8),
    "resize_rough": Case(lambda: ImageResizeTransformation(1, 7, layout="HW", antialias=False), 8),
    "resize_area": Case(lambda: ImageResizeTransformation(3, 2, layout="HW", method="area"), 8),
    "resize_nearest": Case(lambda: ImageResizeTransformation(1, 4, layout="HW", method="nearest"), 9),
    "resize_not": Case(lambda: ImageResizeTransformation(2, 3, layout="HW"), 8),
    "crop": Case(lambda: CropTransformation(2, 3), 1),
    "crop_channels_first": Case(lambda: CropTransformation(6, 1, left=2, layout="CHW"), 1),
    "crop_flat": Case(lambda: CropTransformation(1, 2, layout="HW"), 9),
}
