"""The native code against its reference implementation in numpy."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from prunepack.sparse.native import native
from tests.unit.prunepack.sparse.numpy_twin import (
    ACTIVATIONS,
    CLAMP,
    End,
    Window,
    conv,
    draw_end,
    linear,
    run_conv,
    run_linear,
    sparse,
)

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

DENSITIES = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)


def assert_close(found, expected):
    scale = 1 + np.abs(np.nan_to_num(expected, posinf=0, neginf=0)).max(initial=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6 * scale)


def draw_linear(rng):
    rows, columns = int(rng.integers(1, 300)), int(rng.integers(1, 600))
    count = int(rng.choice([0, 1, 2, 3, 4, 7, 15, 16, 17, 33, 128, 150]))
    weights = sparse(rng, (rows, columns), rng.choice(DENSITIES))
    end = draw_end(rng, (count, rows), rows, ACTIVATIONS)
    return weights, rng.standard_normal((count, columns)).astype(np.float32), end


def draw_pair(rng, low, high, usual):
    return (usual, usual) if rng.random() < 0.5 else tuple(map(int, rng.integers(low, high, 2)))


def draw_conv(rng):
    is_depthwise = rng.random() < 0.2
    groups = int(rng.integers(2, 20)) if is_depthwise else int(rng.choice([1, 1, 2, 4]))
    inside, outside = (1, 1) if is_depthwise else map(int, rng.integers(1, 24, 2))
    kernel = draw_pair(rng, 1, 6, int(rng.choice([1, 3])))
    pads = tuple(map(int, rng.integers(0, 4, 4))) if rng.random() < 0.7 else (0, 0, 0, 0)
    window = Window(kernel, draw_pair(rng, 1, 4, 1), draw_pair(rng, 1, 4, 1), pads, groups)
    reach = [(kernel[i] - 1) * window.dilations[i] + 1 - pads[i] - pads[i + 2] for i in (0, 1)]
    size = [max(int(rng.integers(1, 24)), need) for need in reach]
    batch = int(rng.choice([0, 1, 1, 2, 5]))
    weights = sparse(rng, (groups * outside, inside, *kernel), rng.choice(DENSITIES))
    x = rng.standard_normal((batch, groups * inside, *size)).astype(np.float32)
    out_shape = (batch, len(weights), *window.output_size(size))
    end = draw_end(rng, out_shape, len(weights), ACTIVATIONS)
    return weights, x, window, end


@pytest.mark.parametrize("seed", range(12))
def test_linear(seed):
    rng = np.random.default_rng(seed)
    for _ in range(6):
        weights, x, end = draw_linear(rng)
        assert_close(run_linear(weights, x, end, int(rng.integers(1, 4))), linear(weights, x, end))


@pytest.mark.parametrize("seed", range(24))
def test_conv(seed):
    rng = np.random.default_rng(seed)
    for _ in range(4):
        weights, x, window, end = draw_conv(rng)
        found = run_conv(weights, x, window, end, int(rng.integers(1, 4)))
        assert_close(found, conv(weights, x, window, end))


LARGE = {  # outputs of 17 MB or more, which are written around the caches
    "whole lines": ((64, 3, 1, 1), (2, 3, 192, 192), Window()),
    "broken lines": ((64, 3, 1, 1), (2, 3, 191, 193), Window()),
    "padded": ((64, 3, 3, 3), (2, 3, 192, 192), Window((3, 3), pads=(1, 1, 1, 1))),
    "strided": ((64, 3, 3, 3), (2, 3, 384, 384), Window((3, 3), (2, 2), pads=(1, 1, 1, 1))),
    "depthwise": ((64, 1, 3, 3), (2, 64, 192, 192), Window((3, 3), pads=(1, 1, 1, 1), groups=64)),
}


@pytest.mark.parametrize("kind", LARGE)
def test_outputs_larger_than_the_caches(kind):
    rng = np.random.default_rng(0)
    weight_shape, input_shape, window = LARGE[kind]
    weights, x = sparse(rng, weight_shape, 0.3), rng.standard_normal(input_shape, np.float32)
    out_shape = (2, 64, *window.output_size(input_shape[2:]))
    assert np.prod(out_shape) * 4 > 16 << 20
    end = End(noise(rng, 64), noise(rng, *out_shape), low=-1)
    expected = conv(weights, x, window, end)
    assert_close(run_conv(weights, x, window, end), expected)
    assert_close(run_conv(weights, x, window, end, 3), expected)


def noise(rng, *shape):
    return rng.standard_normal(shape, np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 5, 20])
def test_special_values_reach_only_outputs_with_a_weight_for_them(value, count):
    rng = np.random.default_rng(0)
    weights, x = sparse(rng, (70, 90), 0.1), rng.standard_normal((count, 90)).astype(np.float32)
    x[0, 3] = value
    for end in (End(), End(low=0), End(low=0, high=6)):
        with np.errstate(invalid="ignore"):
            expected = linear(weights, x, end)
        assert_close(run_linear(weights, x, end), expected)
        assert np.isfinite(expected[0][weights[:, 3] == 0]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("groups", [1, 8])
def test_special_values_in_a_convolution(value, groups):
    rng = np.random.default_rng(0)
    weights = sparse(rng, (8, 8 // groups, 3, 3), 0.4)
    x = rng.standard_normal((2, 8, 9, 9)).astype(np.float32)
    x[1, 3, 4, 4] = value
    window = Window((3, 3), pads=(1, 1, 1, 1), groups=groups)
    found = run_conv(weights, x, window, End())
    if groups == 1:
        assert_close(found, conv(weights, x, window, End()))
    untouched = np.ones(found.shape, bool)
    untouched[1, :, 3:6, 3:6] = False
    assert np.isfinite(found[untouched]).all()


@pytest.mark.parametrize("activation", sorted({*ACTIVATIONS} - {CLAMP}))
def test_activations_of_extreme_values(activation):
    x = np.array(
        [[v] for v in (-np.inf, -1e30, -90, -14, -1, -1e-20, 0, 1e-20, 1, 14, 1e30, np.inf)]
    )
    x = x.astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = np.nan_to_num(
            linear(np.ones((1, 1)), x, End(activation=activation)), nan=0, posinf=np.inf
        )
    found = run_linear(np.ones((1, 1), np.float32), x, End(activation=activation))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize("count", [1, 2, 40, 200])
def test_results_do_not_depend_on_the_number_of_threads(count):
    rng = np.random.default_rng(0)
    weights, x = sparse(rng, (256, 300), 0.1), rng.standard_normal((count, 300)).astype(np.float32)
    runs = [run_linear(weights, x, End(), threads) for threads in (1, 2, 3, 7)]
    assert all(np.array_equal(runs[0], run) for run in runs)


@pytest.mark.parametrize("size", [(7, 7), (14, 14), (30, 31)])
def test_convolutions_do_not_depend_on_the_number_of_threads(size):
    rng = np.random.default_rng(0)
    weights, x = sparse(rng, (256, 40, 3, 3), 0.1), rng.standard_normal((3, 40, *size))
    window, x = Window((3, 3), pads=(1, 1, 1, 1)), x.astype(np.float32)
    runs = [run_conv(weights, x, window, End(), threads) for threads in (1, 2, 3, 7)]
    assert all(np.array_equal(runs[0], run) for run in runs)


def test_a_buffer_of_another_size():
    with pytest.raises(ValueError, match="a buffer has another size than the layer's shapes say"):
        run_linear(np.ones((3, 4), np.float32), np.ones((2, 5), np.float32), End())


@pytest.mark.parametrize("architecture", ["avx2", "portable"])
def test_other_architectures(architecture):
    """Run the tests above on the kernels for older processors."""
    this = Path(__file__)
    chosen = [f"{this}::{name}[{seed}]" for name in ("test_linear", "test_conv") for seed in (0, 1)]
    chosen.append(f"{this}::test_outputs_larger_than_the_caches")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        env=os.environ | {"PRUNEPACK_SPARSE_ARCH": architecture},
        cwd=this.parents[4],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    command = "from prunepack.sparse.native import native; print(native.architecture())"
    environment = os.environ | {"PRUNEPACK_SPARSE_ARCH": architecture}
    told = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == architecture
