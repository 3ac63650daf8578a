"""What every backend offers."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.conftest import requires_jax
from tests.unienv_interface.corpus import AnyBackend, same
from unienv_interface.backends import (
    ComputeBackend,
    NumpyComputeBackend,
    deserialize_backend,
    deserialize_dtype,
    get_backend_from_tensor,
    load_backend,
    serialize_backend,
    serialize_dtype,
)
from unienv_interface.backends.dtypes import DTYPE_NAMES, FLOATING, INTEGERS
from unienv_interface.errors import SpaceError
from unienv_interface.space import BinarySpace

N = NumpyComputeBackend


def test_a_backend_is_one_object(backend: AnyBackend) -> None:
    assert pickle.loads(pickle.dumps(backend)) is backend
    assert copy.copy(backend) is backend
    assert copy.deepcopy([backend])[0] is backend
    assert backend == load_backend(backend.simplified_name)
    assert isinstance(backend, ComputeBackend)
    assert repr(backend) in ("NumpyComputeBackend", "PyTorchComputeBackend", "JaxComputeBackend")


def test_importing_imports_no_library() -> None:
    code = (
        "import sys, unienv_interface, unienv_interface.backends, unienv_interface.space, "
        "unienv_interface.space.space_utils.batch_utils; "
        "assert not {'torch', 'jax', 'gymnasium', 'array_api_compat.numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_reading_needs_is_had_without_the_namespace() -> None:
    x = np.array([[0.0, 1.5], [-2.0, 3.0]])
    assert N.astype(x, np.dtype("int64")).tolist() == [[0, 1], [-2, 3]]
    assert N.astype(x, x.dtype) is not x
    assert N.astype(x, x.dtype, copy=False) is x
    with pytest.raises(SpaceError, match="device"):
        N.astype(x, x.dtype, device="gpu")
    assert N.reshape(x, (4,)).tolist() == [0, 1.5, -2, 3]
    assert np.shares_memory(N.reshape(x, (1, 4), copy=False), x)
    assert not np.shares_memory(N.reshape(x, (1, 4), copy=True), x)
    with pytest.raises(ValueError, match="copy"):
        N.reshape(x.T, (4,), copy=False)


def test_array_api_is_at_hand(backend: AnyBackend) -> None:
    x = backend.asarray([[1, 2], [3, 4]])
    names = (
        "asarray arange concat stack take where roll cumulative_sum iinfo finfo result_type astype reshape "
        "permute_dims broadcast_to zeros ones full empty eye linspace unique_values argsort sort all any min "
        "max clip pi nan inf newaxis matmul take_along_axis unstack expand_dims squeeze isfinite can_cast"
    )
    assert [name for name in names.split() if not hasattr(backend, name)] == []
    assert backend.to_numpy(backend.roll(x, 1, axis=1)).tolist() == [[2, 1], [4, 3]]
    assert backend.to_numpy(backend.cumulative_sum(x, axis=0)).tolist() == [[1, 2], [4, 6]]
    with pytest.raises(AttributeError):
        _ = backend.no_such_function
    with pytest.raises(AttributeError, match="has no attribute '__no_such_protocol__'"):
        _ = backend.__no_such_protocol__


# -- data types ------------------------------------------------------------------------------------


def test_data_types_by_name(backend: AnyBackend) -> None:
    for name in DTYPE_NAMES:
        if name == "bfloat16" and backend is N:
            continue
        dtype = deserialize_dtype(backend, name)
        assert serialize_dtype(backend, dtype) == name
        assert backend.dtype_is_boolean(dtype) == (name == "bool")
        assert backend.dtype_is_real_integer(dtype) == (name in INTEGERS)
        assert backend.dtype_is_real_floating(dtype) == (name in FLOATING)
        assert backend.zeros((1,), dtype=dtype).dtype == dtype
        assert hash(backend.canonical_dtype(getattr(backend, name))) == hash(dtype)
    assert serialize_dtype(backend, None) is deserialize_dtype(backend, None) is None
    for wrong in ("float", "f4", "complex64", ""):
        with pytest.raises(SpaceError, match="dtype: expected one of"):
            deserialize_dtype(backend, wrong)
    assert not backend.dtype_is_boolean("no type")


def test_default_types_are_what_the_library_makes(backend: AnyBackend) -> None:
    assert backend.default_integer_dtype == backend.asarray([1]).dtype
    assert backend.default_floating_dtype == backend.asarray([1.0]).dtype
    assert backend.default_boolean_dtype == backend.asarray([True]).dtype


def test_backends_by_name() -> None:
    assert serialize_backend(N) == "numpy"
    assert deserialize_backend("numpy") is N
    with pytest.raises(SpaceError, match="backend: expected one of numpy, pytorch, jax, got 'tensorflow'"):
        deserialize_backend("tensorflow")


# -- arrays ----------------------------------------------------------------------------------------


def test_arrays_know_their_backend(backend: AnyBackend) -> None:
    x = backend.zeros((2,))
    assert get_backend_from_tensor(x) is backend
    assert backend.is_backendarray(x)
    for foreign in ([1], 1.0, "a", None, np.array([None]), np.array(["a"]), np.array([1j])):
        assert not backend.is_backendarray(foreign)
    for foreign in ([1], 1.0, "a", None, np.array(["a"])):
        with pytest.raises(TypeError, match="expected an array of numpy, pytorch, jax, got"):
            get_backend_from_tensor(foreign)


def test_subclasses_are_arrays_too() -> None:
    torch = pytest.importorskip("torch")
    assert get_backend_from_tensor(torch.nn.Parameter(torch.zeros(1))).simplified_name == "pytorch"
    assert get_backend_from_tensor(np.ma.zeros(2)) is N
    assert get_backend_from_tensor(np.float32(1)) is N


@pytest.mark.parametrize("name", [name for name in DTYPE_NAMES if name != "bfloat16"])
def test_there_and_back(backend: AnyBackend, other: AnyBackend, name: str) -> None:
    host = np.array([[0, 1, 1], [1, 0, 1]], dtype=name)
    for form in (
        host,
        host[::-1],
        host.T,
        host[:, ::2],
        host.astype(host.dtype.newbyteorder(">")),
        host[0, 0],
    ):
        x = backend.from_numpy(form)
        assert backend.is_backendarray(x)
        assert backend.dtype_name(x.dtype) == name
        assert np.array_equal(backend.to_numpy(x), form)
        there = other.from_other_backend(backend, x)
        assert other.is_backendarray(there)
        assert same(backend.from_other_backend(other, there), backend.asarray(x))
    converted = backend.from_numpy(host, dtype=backend.float64, device="cpu")
    assert converted.dtype == backend.float64


def test_memory_is_shared_where_it_may_be_written_to(backend: AnyBackend, other: AnyBackend) -> None:
    host = np.zeros(3)
    x = backend.from_numpy(host)
    if backend.simplified_name == "jax":  # whose arrays never change
        assert not np.shares_memory(backend.to_numpy(x), host)
        return
    assert np.shares_memory(backend.to_numpy(x), host)
    assert np.shares_memory(other.to_numpy(other.from_other_backend(backend, x)), host)
    host.flags.writeable = False
    if backend is not N:
        assert not np.shares_memory(backend.to_numpy(backend.from_numpy(host)), host)


def test_devices(backend: AnyBackend) -> None:
    x = backend.zeros((2,))
    device = backend.device(x)
    assert backend.device(backend.to_device(x, device)) == device
    assert backend.deserialize_device(backend.serialize_device(None)) is None
    canonical = backend.canonical_device("cpu")
    assert backend.deserialize_device(backend.serialize_device(canonical)) == canonical
    assert backend.is_on_host(x)
    with pytest.raises(SpaceError, match="device: "):
        backend.canonical_device("no such device")


def test_updates(backend: AnyBackend) -> None:
    def updated(operation: str, value: Any) -> list[int]:
        x = backend.asarray([1, 2, 3])
        return list(backend.to_numpy(getattr(backend.at(x)[1:], operation)(value)))

    assert updated("set", 9) == [1, 9, 9]
    assert updated("add", 1) == [1, 3, 4]
    assert updated("multiply", 2) == [1, 4, 6]
    assert updated("min", 2) == [1, 2, 2]
    assert updated("max", 3) == [1, 3, 3]
    x = backend.asarray([1, 2])
    assert backend.to_numpy(backend.at(x)[0].set(5, copy=True)).tolist() == [5, 2]
    assert backend.to_numpy(x).tolist() == [1, 2]


def test_pad_dim(backend: AnyBackend) -> None:
    x = backend.asarray([[1, 2]])
    assert backend.to_numpy(backend.pad_dim(x, 0, 2)).tolist() == [[1, 2], [0, 0]]
    assert backend.to_numpy(backend.pad_dim(x, -1, 3, 7)).tolist() == [[1, 2, 7]]
    assert backend.pad_dim(x, 1, 2) is x
    assert backend.pad_dim(x, 1, 4).dtype == x.dtype
    with pytest.raises(ValueError, match="target_size: expected at least 2 for axis 1, got 1"):
        backend.pad_dim(x, 1, 1)
    with pytest.raises(ValueError, match="dim: expected an axis"):
        backend.pad_dim(x, 2, 3)


def test_abbreviate_array(backend: AnyBackend) -> None:
    def short(host: Any, **options: Any) -> Any:
        result = backend.abbreviate_array(backend.asarray(host), **options)
        return backend.to_numpy(result).tolist() if backend.is_backendarray(result) else result

    nan, inf = float("nan"), float("inf")
    assert short([[1, 1], [1, 1]]) == 1
    assert isinstance(short([[1, 1]]), int)
    assert short([True, True]) is True
    assert short([[1, 1], [2, 2]]) == [[1], [2]]
    assert short([[1, 2], [1, 2]]) == [[1, 2]]
    assert short([[1, 2], [2, 1]]) == [[1, 2], [2, 1]]
    assert short([1, 1], try_cast_scalar=False) == [1]
    assert short([[inf, inf], [-inf, -inf]]) == [[inf], [-inf]]
    assert short([inf, inf]) == inf
    assert np.isnan(short([nan, nan]))
    assert np.isnan(short([nan, 1.0, nan])).tolist() == [True, False, True]
    assert len(short([0.0, -0.0])) == 2
    assert short(np.zeros((0, 3))) == []


@given(hnp.arrays(st.sampled_from([np.dtype("float32"), np.dtype("uint8")]), hnp.array_shapes(max_side=3)))
def test_abbreviated_arrays_broadcast_back(host: Any) -> None:
    short = N.abbreviate_array(host, try_cast_scalar=False)
    assert np.broadcast_to(short, host.shape).tobytes() == host.tobytes()
    for axis, length in enumerate(short.shape):
        if length > 1:
            first = np.take(host, [0], axis=axis)
            assert np.broadcast_to(first, host.shape).tobytes() != host.tobytes()


def test_map_fn_over_arrays(backend: AnyBackend) -> None:
    x = backend.asarray([1, 2])
    objects = np.array(["a", None], dtype=object)
    data = {"a": x, "b": (x, [x, "text"]), "c": None, "d": objects, "e": 3}
    mapped = backend.map_fn_over_arrays(data, lambda array: array + 1)
    assert mapped.keys() == data.keys()
    for array in (mapped["a"], mapped["b"][0], mapped["b"][1][0]):
        assert backend.to_numpy(array).tolist() == [2, 3]
    assert isinstance(mapped["b"], tuple)
    assert isinstance(mapped["b"][1], list)
    assert mapped["b"][1][1] == "text"
    assert mapped["d"] is objects
    assert (mapped["c"], mapped["e"]) == (None, 3)
    assert backend.to_numpy(x).tolist() == [1, 2]


# -- JAX -------------------------------------------------------------------------------------------


@requires_jax
def test_jax_without_wide_types_refuses_them() -> None:
    code = """
import warnings; warnings.simplefilter("error")
import numpy as np
from unienv_interface.backends.jax import JaxComputeBackend as J
from unienv_interface.backends.numpy import NumpyComputeBackend as N
from unienv_interface.errors import SpaceError
from unienv_interface.space import BoxSpace, GraphSpace
for make in (
    lambda: BoxSpace(J, 0, 1, dtype="int64", shape=()),
    lambda: BoxSpace(N, 0, 1, dtype=np.dtype("float64"), shape=()).to(J),
    lambda: J.from_numpy(np.zeros(2)),
    lambda: J.from_other_backend(N, np.zeros(2)),
):
    try:
        make()
    except SpaceError as exc:
        assert "needs jax.config.update('jax_enable_x64', True)" in str(exc), exc
    else:
        raise AssertionError("taken")
assert J.default_integer_dtype == np.int32 and J.default_floating_dtype == np.float32
box = BoxSpace(N, 0, 2**31 - 1, dtype=np.dtype("int32"), shape=(3,)).to(J)
_, value = box.sample(J.random.random_number_generator(2**40))
assert value in box and value.dtype == np.int32
graphs = GraphSpace(N, None, is_edge=True, max_nodes=3, max_edges=3)
_, value = graphs.sample(N.random.random_number_generator(0))
assert graphs.data_to(value, J) in graphs.to(J)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@requires_jax
def test_jax_devices_travel_by_name() -> None:
    jax = load_backend("jax")
    space = BinarySpace(jax, (2,), device="cpu:0")
    assert jax.serialize_device(space.device) == "cpu:0"
    assert pickle.loads(pickle.dumps(space)) == space
