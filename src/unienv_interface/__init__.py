"""The vocabulary: compute backends, spaces and environments."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from unienv_interface import errors
from unienv_interface._install_guard import refuse_beside_unienv
from unienv_interface._lazy import lazy_exports

if TYPE_CHECKING:
    from unienv_interface.backends import ComputeBackend, NumpyComputeBackend
    from unienv_interface.env_base import Env, Wrapper
    from unienv_interface.space import (
        BatchedSpace,
        BinarySpace,
        BoxSpace,
        DictSpace,
        DynamicBoxSpace,
        GraphInstance,
        GraphSpace,
        Space,
        TextSpace,
        TupleSpace,
        UnionSpace,
    )
else:
    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "BatchedSpace": "unienv_interface.space",
            "BinarySpace": "unienv_interface.space",
            "BoxSpace": "unienv_interface.space",
            "ComputeBackend": "unienv_interface.backends",
            "DictSpace": "unienv_interface.space",
            "DynamicBoxSpace": "unienv_interface.space",
            "Env": "unienv_interface.env_base",
            "GraphInstance": "unienv_interface.space",
            "GraphSpace": "unienv_interface.space",
            "NumpyComputeBackend": "unienv_interface.backends",
            "Space": "unienv_interface.space",
            "TextSpace": "unienv_interface.space",
            "TupleSpace": "unienv_interface.space",
            "UnionSpace": "unienv_interface.space",
            "Wrapper": "unienv_interface.env_base",
        },
    )

__all__ = [
    "BatchedSpace",
    "BinarySpace",
    "BoxSpace",
    "ComputeBackend",
    "DictSpace",
    "DynamicBoxSpace",
    "Env",
    "GraphInstance",
    "GraphSpace",
    "NumpyComputeBackend",
    "Space",
    "TextSpace",
    "TupleSpace",
    "UnionSpace",
    "Wrapper",
    "errors",
]

refuse_beside_unienv(sys.path)
