"""Image codecs of unienv-data and of imagecodecs-zarr, each reading what the other has written.

    python imagecodecs_zarr.py write FOLDER --by unienv-data
    python imagecodecs_zarr.py read FOLDER --by imagecodecs

imagecodecs-zarr asks for a later Python than unienv-data does, so that the two may live in environments of
their own; either needs NumPy, zarr and imagecodecs, and nothing of the other. `write` makes Zarr arrays of
pictures in FOLDER, a codec, data type and shape each, and beside them what their writer reads back; `read`
compares. unienv-data also writes datasets of its own, whose columns are read as the arrays that they are.
Lossy JPEG XL may differ by rounding from one version of libjxl to another; everything else is equal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.registry import register_codec

CONFIGURATIONS: dict[str, list[dict[str, Any]]] = {
    "jpeg": [{"level": 95, "subsampling": "420"}, {"level": 80, "subsampling": "444"}],
    "png": [{"level": 5}, {}],
    "webp": [{"lossless": True}, {"level": 80.0, "lossless": False}, {"lossless": True, "hasalpha": True}],
    "jpegxl": [{"lossless": True}, {"lossless": False, "level": 90}],
    "avif": [{}, {"level": 80}],
    "qoi": [{}],
}
SHAPES = (
    (3, 48, 64, 3),
    (3, 7, 5, 3),
    (3, 1, 1, 3),
    (3, 7, 5),
    (3, 7, 5, 1),
    (3, 48, 64),
    (3, 48, 64, 4),
    (3, 3, 48, 64),
)
CLASSES = {"jpeg": "Jpeg", "png": "Png", "webp": "Webp", "jpegxl": "Jpegxl", "avif": "Avif", "qoi": "Qoi"}
OURS = "unienv_data.store.codecs.images.zarr_codecs"


def codecs_by(package: str) -> dict[str, Any]:
    """The codec classes of one of the two packages, registered as those that their names stand for."""
    if package == "unienv-data":
        found = dict(import_module(OURS).CODECS)
    else:
        module = import_module("imagecodecs.zarr")
        found = {f"imagecodecs_{name}": getattr(module, title) for name, title in CLASSES.items()}
    for name, codec in found.items():
        register_codec(name, codec)
        zarr.config.set({f"codecs.{name}": f"{codec.__module__}.{codec.__qualname__}"})
    return found


def cases(by: str) -> Iterator[tuple[str, str, dict[str, Any], str, tuple[int, ...]]]:
    """A name, a codec, its configuration, a data type and a shape each, of those that a package can write."""
    for name, configurations in CONFIGURATIONS.items():
        for number, configuration in enumerate(configurations):
            for dtype in ("uint8", "uint16") if name in ("png", "jpegxl") else ("uint8",):
                for shape in SHAPES:
                    where = "x".join(map(str, shape))
                    if is_held(name, configuration, shape) and (by == "unienv-data" or is_plain(name, shape)):
                        yield f"{name}-{number}-{dtype}-{where}", name, configuration, dtype, shape


def is_turned(shape: tuple[int, ...]) -> bool:
    """Whether colours come first."""
    return len(shape) == 4 and shape[1] == 3


def is_held(name: str, configuration: dict[str, Any], shape: tuple[int, ...]) -> bool:
    """Whether a codec holds so many channels."""
    channels = 1 if len(shape) == 3 else 3 if is_turned(shape) else shape[3]
    if name == "webp":
        return channels == 4 if "hasalpha" in configuration else channels == 3
    return channels in {"jpeg": (1, 3), "avif": (1, 3), "qoi": (3, 4)}.get(name, (1, 3, 4))


def is_plain(name: str, shape: tuple[int, ...]) -> bool:
    """Whether imagecodecs-zarr can write it: nothing transposed, and axes of length 1 are left out."""
    return not is_turned(shape) and not (name in ("webp", "qoi") and shape[1:3] == (1, 1))


def frames(dtype: str, shape: tuple[int, ...]) -> Any:
    """Slow waves, as pixels."""
    places = np.indices(shape)
    waves = sum(np.sin(place * (0.07 + 0.03 * axis) + axis) for axis, place in enumerate(places))
    return np.round((waves / (2 * len(shape)) + 0.5) * np.iinfo(dtype).max).astype(dtype)


def write(folder: Path, by: str) -> int:
    """Write every case, and what it is read back as."""
    codecs, count = codecs_by(by), 0
    for case, name, configuration, dtype, shape in cases(by):
        document = {"name": f"imagecodecs_{name}", "configuration": configuration}
        array = zarr.create_array(
            folder / case,
            shape=shape,
            chunks=(1, *shape[1:]),
            dtype=dtype,
            filters=[zarr.codecs.TransposeCodec(order=(0, 2, 3, 1))] if is_turned(shape) else None,
            serializer=codecs[document["name"]].from_dict(document),
            compressors=[zarr.codecs.Crc32cCodec()],
            fill_value=0,
        )
        array[...] = frames(dtype, shape)
        np.save(folder / f"{case}.npy", array[...])
        count += 1
    return count + (_write_dataset(folder) if by == "unienv-data" else 0)


def _write_dataset(folder: Path) -> int:
    """Datasets of unienv-data, sealed: two cameras in a row and colours that come first, too."""
    spaces, data = import_module("unienv_interface.space"), import_module("unienv_data")
    numpy_backend = import_module("unienv_interface.backends.numpy").NumpyComputeBackend
    storage = import_module("unienv_data.storages").ZarrStorage
    rows = {"top": frames("uint8", (9, 48, 64, 3)), "first": frames("uint8", (9, 3, 48, 64))}
    rows |= {"pair": frames("uint8", (9, 2, 48, 64, 3)), "depth": frames("uint16", (9, 48, 64))}
    boxes = {
        name: spaces.BoxSpace(numpy_backend, 0, np.iinfo(each.dtype).max, each.dtype, shape=each.shape[1:])
        for name, each in rows.items()
    }
    for spec in ("jpeg:95", "png", "jpegxl", "jpegxl:90"):
        root = folder / f"dataset-{spec.replace(':', '-')}"
        codecs = {"*": spec, "depth": "png"}
        buffer = data.ReplayBuffer.create(
            storage,
            spaces.DictSpace(numpy_backend, boxes),
            cache_path=str(root),
            capacity=None,
            codecs=codecs,
        )
        buffer.extend(rows)
        buffer.seal()
        columns = buffer[:]
        buffer.close()
        for name in rows:
            np.save(folder / f"{root.name}.{name}.npy", columns[name])
    return 4 * len(rows)


def read(folder: Path, by: str) -> int:
    """Read everything that `write` has written, and compare."""
    codecs_by(by)
    wrong = []
    expected = sorted(folder.glob("*.npy"))
    for path in expected:
        case, _, column = path.stem.partition(".")
        place = folder / case / "storage" / "columns" / column if column else folder / case
        found = np.asarray(zarr.open_array(place, mode="r")[...])
        far = 0 if "jpegxl-1" not in case and "jpegxl-90" not in case else np.iinfo(found.dtype).max // 64
        if np.abs(found.astype(np.int64) - np.load(path)).max() > far:
            wrong.append(path.stem)
    if wrong or not expected:
        raise SystemExit(f"{len(wrong)} of {len(expected)} differ: {', '.join(wrong)}")
    return len(expected)


def main(arguments: list[str]) -> None:
    """Write or read a folder, as told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("action", choices=("write", "read"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--by", choices=("unienv-data", "imagecodecs"), required=True)
    given = parser.parse_args(arguments)
    count = {"write": write, "read": read}[given.action](given.folder, given.by)
    print(f"{given.action}: {count} arrays of pictures by {given.by}, zarr {zarr.__version__}")


if __name__ == "__main__":
    main(sys.argv[1:])
