"""Proof of independent samples: what must be found, and what must never be."""

from collections import Counter
from itertools import combinations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from passes_twin import describe, find_refusal, parse, run_passes

from prunepack.sparse.native import native

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

SIZES = {"batch": 5, "seq": 3}
RNG = np.random.default_rng(0)

W = "float[6, 6] w"
SQUARE = "w = Constant<value = float[1, 6] {1, 2, 3, 4, 5, 6}> ()"


def ints(name, *values):
    return f"{name} = Constant<value = int64[{len(values)}] {{{', '.join(map(str, values))}}}> ()"


def draw(value):
    shape = [size.dim_value or SIZES[size.dim_param] for size in value.type.tensor_type.shape.dim]
    if value.type.tensor_type.elem_type == onnx.TensorProto.INT64:
        return RNG.integers(0, 4, shape)
    return RNG.standard_normal(shape, np.float32)


INDEPENDENT = {
    "elementwise": "y = Add(x, x)",
    "a row of constants": f"{SQUARE} y = Mul(x, w)",
    "softmax": "y = Softmax(x)",
    "softmax before opset 13": ("y = Softmax(x)", {"opset": 11}),
    "mean of features": (
        f"{ints('a', -1)} m = ReduceMean<keepdims=1>(x, a) y = Sub(x, m)",
        {},
    ),
    "axes as an attribute": (
        "m = ReduceMean<axes=[1]>(x) y = Sub(x, m)",
        {"opset": 13},
    ),
    "cumulative sum of features": f"{ints('a', 1)} y = CumSum(x, a)",
    "flattened and back": (
        f"{ints('s', -1, 6)} {ints('t', 0, -1)} f = Reshape(x, s) g = Reshape(f, t) y = Relu(g)",
        {"inputs": "float[batch, 2, 3] x"},
    ),
    "tokens folded into the batch": (
        f"{ints('s', -1, 4)} f = Reshape(x, s) r = Softmax(f) "
        f"{ints('t', -1, 3, 4)} y = Reshape(r, t)",
        {"inputs": "float[batch, 3, 4] x", "output": "float[batch, 3, 4] y"},
    ),
    "tokens of a dynamic length": (
        "d = Shape<start=0, end=1>(x) e = Shape<start=1, end=2>(x) "
        f"{ints('f', 4)} n = Mul(d, e) s = Concat<axis=0>(n, f) r = Reshape(x, s) "
        "q = Softmax(r) t = Concat<axis=0>(d, e, f) y = Reshape(q, t)",
        {"inputs": "float[batch, seq, 4] x", "output": "float[batch, seq, 4] y"},
    ),
    "attention": (
        "k = Transpose<perm=[0, 2, 1]>(x) s = MatMul(x, k) p = Softmax(s) y = MatMul(p, x)",
        {"inputs": "float[batch, 3, 4] x", "output": "float[batch, 3, 4] y"},
    ),
    "a token of constants": (
        f"c = Constant<value = float[1, 1, 2] {{1, 2}}> () d = Shape<start=0, end=1>(x) "
        f"{ints('o', 1, 2)} s = Concat<axis=0>(d, o) t = Expand(c, s) y = Concat<axis=1>(t, x)",
        {"inputs": "float[batch, 3, 2] x", "output": "float[batch, 4, 2] y"},
    ),
    "a slice of all samples": (
        f"{ints('b', 0, 1)} {ints('e', 9223372036854775807, 3)} {ints('a', 0, 1)} "
        "y = Slice(x, b, e, a)"
    ),
    "embedding": (
        "w = Constant<value = float[4, 2] {1, 2, 3, 4, 5, 6, 7, 8}> () y = Gather(w, x)",
        {"inputs": "int64[batch, 3] x", "output": "float[batch, 3, 2] y"},
    ),
    "a mask by the number of the sample": (
        "d = Shape<start=0, end=1>(x) z = Constant<value = int64 {0}> () "
        "o = Constant<value = int64 {1}> () n = Squeeze(d) r = Range(z, n, o) "
        f"{ints('a', 1)} i = Unsqueeze(r, a) {ints('t', 2)} e = Shape(i) "
        "c = Constant<value = int64[1, 1] {3}> () j = Expand(c, e) "
        "k = Concat<axis=-1>(i, j) y = GatherND(x, k)",
        {"output": "float[batch] y"},
    ),
    "an input without a batch": (
        "y = Add(x, b)",
        {"inputs": "float[batch, 6] x, float[1, 6] b"},
    ),
    "two inputs": ("y = Add(x, z)", {"inputs": "float[batch, 6] x, float[batch, 6] z"}),
    "the matrix of an input": (
        "y = MatMul(x, w)",
        {"inputs": f"float[batch, 6] x, {W}"},
    ),
    "normalisation of channels": (
        "s = Constant<value = float[6] {1, 2, 3, 4, 5, 6}> () y = BatchNormalization(x, s, s, s, s)"
    ),
    "positions cut from a buffer": (
        "b = Constant<value = float[1, 4] {1, 2, 3, 4}> () d = Shape<start=0, end=1>(x) "
        f"e = Shape<start=1, end=2>(x) {ints('z', 0)} {ints('a', 1)} c = Slice(b, z, e, a) "
        "s = Concat<axis=0>(d, e) p = Expand(c, s) y = Add(x, p)",
        {"inputs": "float[batch, seq] x", "output": "float[batch, seq] y"},
    ),
    "padding of features": f"{ints('p', 0, 1, 0, 2)} y = Pad(x, p)",
}

DEPENDENT = {
    "softmax over samples": "y = Softmax<axis=0>(x)",
    "softmax of all before opset 13": ("y = Softmax<axis=0>(x)", {"opset": 11}),
    "the mean of samples": f"{ints('a', 0)} m = ReduceMean(x, a) y = Sub(x, m)",
    "a mean by a negative axis": f"{ints('a', -2)} m = ReduceMean(x, a) y = Sub(x, m)",
    "a mean by an attribute": ("m = ReduceMean<axes=[0]>(x) y = Sub(x, m)", {"opset": 13}),
    "the mean of everything": "m = ReduceMean(x) y = Sub(x, m)",
    "a cumulative sum": f"{ints('a', 0)} y = CumSum(x, a)",
    "samples folded into features": f"{ints('s', 2, -1)} r = Reshape(x, s) y = Relu(r)",
    "samples folded into one": f"{ints('s', 1, -1)} y = Reshape(x, s)",
    "samples split by a guess": (
        f"{ints('s', -1, 5)} y = Reshape(x, s)",
        {"output": "float[M, 5] y"},
    ),
    "a product of samples": (
        "t = Transpose<perm=[1, 0]>(x) y = MatMul(x, t)",
        {"output": "float[batch, M] y"},
    ),
    "a Gram matrix": "t = Transpose<perm=[1, 0]>(x) y = MatMul(t, x)",
    "a product by gemm": ("y = Gemm<transA=1>(x, x)"),
    "a second operand of samples": "y = Gemm<transB=1>(x, x)",
    "attention across samples": (
        "t = Transpose<perm=[1, 0, 2]>(x) k = Transpose<perm=[0, 2, 1]>(t) s = MatMul(t, k) "
        "p = Softmax(s) o = MatMul(p, t) y = Transpose<perm=[1, 0, 2]>(o)",
        {"inputs": "float[batch, 3, 4] x", "output": "float[batch, 3, 4] y"},
    ),
    "dynamic quantisation": (
        "q, s, z = DynamicQuantizeLinear(x) y = DequantizeLinear(q, s, z)",
        {"output": "float[batch, 6] y"},
    ),
    "a choice of samples": f"{ints('i', 0)} y = Gather<axis=0>(x, i)",
    "samples in another order": f"{ints('i', 1, 0)} r = Gather<axis=-2>(x, i) y = Add(x, r)",
    "the first samples": f"{ints('b', 0)} {ints('e', 2)} {ints('a', 0)} y = Slice(x, b, e, a)",
    "every second sample": (
        f"{ints('b', 0)} {ints('e', 9223372036854775807)} {ints('a', 0)} {ints('s', 2)} "
        "y = Slice(x, b, e, a, s)"
    ),
    "reversed samples": (
        f"{ints('b', -1)} {ints('e', -9223372036854775807)} {ints('a', 0)} {ints('s', -1)} "
        "r = Slice(x, b, e, a, s) y = Add(x, r)"
    ),
    "the size of the batch": ("d = Shape<start=0, end=1>(x) f = Cast<to=1>(d) y = Div(x, f)"),
    "the number of elements": "d = Size(x) f = Cast<to=1>(d) y = Div(x, f)",
    "the number of the sample": (
        "d = Shape<start=0, end=1>(x) z = Constant<value = int64 {0}> () "
        "o = Constant<value = int64 {1}> () n = Squeeze(d) r = Range(z, n, o) "
        f"{ints('a', 1)} i = Unsqueeze(r, a) f = Cast<to=1>(i) y = Add(x, f)"
    ),
    "training": (
        "s = Constant<value = float[6] {1, 2, 3, 4, 5, 6}> () "
        "y, m, v = BatchNormalization<training_mode=1>(x, s, s, s, s)"
    ),
    "a row per sample": (
        "w = Constant<value = float[5, 1] {1, 2, 3, 4, 5}> () y = Add(x, w)",
        {"output": "float[batch, 6] y"},
    ),
    "a batch on two axes": (
        "y = Add(x, z)",
        {"inputs": "float[batch, batch] x, float[batch, batch] z"},
    ),
    "samples flattened into features": (
        f"f = Flatten<axis=0>(x) p = Softmax(f) {ints('s', -1)} y = Reshape(p, s)",
        {"inputs": "float[batch] x", "output": "float[batch] y"},
    ),
    "limits per sample": (
        "y = Clip(x, z)",
        {"inputs": "float[batch] x, float[batch] z", "output": "float[batch] y"},
    ),
    "two batches": ("y = Add(x, z)", {"inputs": "float[batch, 6] x, float[other, 6] z"}),
    "no batch": ("y = Relu(x)", {"inputs": "float[5, 6] x", "output": "float[5, 6] y"}),
    "a batch without name": ("y = Relu(x)", {"inputs": "float[?, 6] x"}),
    "a transposed output": "y = Transpose(x)",
    "a scalar output": "y = ReduceSum<keepdims=0>(x)",
    "one output of two": (
        f"y = Relu(x) {ints('a', 0)} z = ReduceMax(x, a)",
        {"output": "float[batch, 6] y, float[1, 6] z"},
    ),
    "samples side by side": "y = Concat<axis=0>(x, x)",
    "parts of the batch": (
        "y, z = Split<axis=0, num_outputs=2>(x)",
        {"output": "float[M, 6] y, float[K, 6] z"},
    ),
    "positions in the batch": (
        "y, z = MaxPool<kernel_shape=[2, 2]>(x)",
        {"inputs": "float[batch, 2, 4, 4] x", "output": "float[batch, K] y, int64[batch, L] z"},
    ),
    "the largest sample": "i = ArgMax(x) y = Cast<to=1>(i)",
    "padding of the batch": f"{ints('p', 1, 0, 1, 0)} y = Pad(x, p)",
    "a squeezed batch": ("y = Squeeze(x)", {"inputs": "float[batch, 1, 6] x"}),
    "a batch on a later axis": f"{ints('a', 0)} y = Unsqueeze(x, a)",
    "random numbers": "r = RandomNormalLike(x) y = Add(x, r)",
    "an unknown operator": "y = Det(x)",
    "control flow": (
        "y = If(c) <then_branch = a () => (float[batch, 6] p) { p = Relu(x) }, "
        "else_branch = b () => (float[batch, 6] q) { q = Neg(x) }>",
        {"inputs": "float[batch, 6] x, bool c"},
    ),
    "a fold of another order": (
        f"t = Transpose<perm=[1, 0, 2]>(x) {ints('s', -1, 4)} r = Reshape(t, s) y = Softmax(r)",
        {"inputs": "float[batch, 3, 4] x", "output": "float[M, 4] y"},
    ),
}


def build(case):
    body, options = case if isinstance(case, tuple) else (case, {})
    return parse(body, **options)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_independent_samples_are_found_and_give_the_same_outputs(name):
    model = build(INDEPENDENT[name])
    session, graph = describe(model)
    assert find_refusal(graph) is None
    feed = {value.name: draw(value) for value in model.graph.input}
    batched = [name for name, array in feed.items() if len(array) == SIZES["batch"]]
    for size in (1, 2, 4):
        whole, parts = session.run(None, feed), run_passes(session, feed, batched, size)
        for expected, found in zip(whole, parts, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", DEPENDENT)
def test_dependent_samples_are_refused(name):
    _, graph = describe(build(DEPENDENT[name]))
    assert find_refusal(graph)


def test_a_refusal_names_the_node():
    _, graph = describe(build("z = Relu(x) y = Softmax<axis=0>(z)"))
    assert find_refusal(graph) == "a normalisation across samples, in Softmax that computes `y`"


def load_node_tests():
    """Yield name, model and arrays of each node test of ONNX whose inputs are tensors."""
    from onnx.backend.test.loader import load_model_tests

    for case in load_model_tests(kind="node"):
        if not case.data_sets or len(case.model.graph.node) > 12:
            continue
        given = case.data_sets[0][0]
        if all(isinstance(item, np.ndarray | onnx.TensorProto | np.generic) for item in given):
            arrays = [
                numpy_helper.to_array(item)
                if isinstance(item, onnx.TensorProto)
                else np.asarray(item)
                for item in given
            ]
            values = case.model.graph.input
            ranks = [len(value.type.tensor_type.shape.dim) for value in values]
            if ranks == [array.ndim for array in arrays]:
                yield case.name, case.model, arrays


def choose_batches(arrays):
    """Yield sets of inputs that may be the batch: those of the same length, in any combination."""
    for length in {len(array) for array in arrays if array.ndim}:
        places = [i for i, a in enumerate(arrays) if a.ndim and len(a) == length]
        for count in range(1, min(len(places), 4) + 1):
            yield from combinations(places, count)


def make_dynamic(model, arrays, batched):
    """Return the model with a dynamic batch, the other inputs constant, and a feed."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.ir_version = min(changed.ir_version, 10)
    values, feed = list(changed.graph.input), {}
    del changed.graph.input[:]
    for place, (value, array) in enumerate(zip(values, arrays, strict=True)):
        if place in batched:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
            changed.graph.input.append(value)
            grown = [array, np.roll(array, 1, -1), array[::-1]] if len(array) == 1 else [array]
            feed[value.name] = np.concatenate(grown)
        else:
            changed.graph.initializer.append(numpy_helper.from_array(array, value.name))
    for output in changed.graph.output:
        output.type.tensor_type.ClearField("shape")
    return changed, feed


def equal(found, expected):
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    return (
        found.shape == expected.shape
        and found.dtype == expected.dtype
        and (expected.dtype.kind in "fV" or np.array_equal(found, expected))
    )


@pytest.mark.slow
def test_every_proven_node_test_of_onnx_gives_the_same_outputs():
    proven = Counter()
    for name, model, arrays in load_node_tests():
        for batched in choose_batches(arrays):
            changed, feed = make_dynamic(model, arrays, batched)
            try:
                session, graph = describe(changed)
            except Exception:  # noqa: BLE001 -- some node tests are beyond onnxruntime
                continue
            if find_refusal(graph):
                continue
            try:
                whole = session.run(None, feed)
            except Exception:  # noqa: BLE001 -- constants that fit one batch only
                continue
            for size in (1, 2):
                parts = run_passes(session, feed, list(feed), size)
                for found, expected in zip(parts, whole, strict=True):
                    assert equal(found, expected), (name, batched)
            proven[model.graph.node[0].op_type] += 1
    assert sum(proven.values()) >= 550
    assert len(proven) >= 100
