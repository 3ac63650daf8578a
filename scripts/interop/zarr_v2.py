"""Opens what `unienv-data convert ... --to diffusion_policy` wrote in zarr-python 2, as that does.

diffusion-policy is no package; its ReplayBuffer reads a folder by `zarr.open`, a zip by `zarr.ZipStore`.
Needs zarr 2 (2.16.1 was tried) in an environment of its own, which need not have unienv-data:

    unienv-data convert SOURCE /tmp/x.zarr.zip
    python scripts/interop/zarr_v2.py /tmp/x.zarr.zip
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import zarr


def main() -> None:
    """Open, check what diffusion-policy relies on, tell."""
    path = sys.argv[1]
    store = zarr.ZipStore(path, mode="r") if path.endswith(".zip") else zarr.DirectoryStore(path)
    root = zarr.group(store=store) if not path.endswith(".zip") else zarr.open(store, mode="r")
    ends = root["meta"]["episode_ends"][:]
    print(f"zarr {zarr.__version__}: {len(ends)} episodes, {ends[-1]} rows")
    if (np.diff(ends, prepend=0) <= 0).any():
        sys.exit("episode_ends does not rise")
    for name, array in root["data"].arrays():
        if array.shape[0] != ends[-1]:
            sys.exit(f"{name} has {array.shape[0]} rows")
        digest = hashlib.sha256(np.ascontiguousarray(array[:]).tobytes()).hexdigest()[:16]
        print(f"  {name}: {array.dtype} {array.shape}, chunks {array.chunks}, sha256 {digest}")


if __name__ == "__main__":
    main()
