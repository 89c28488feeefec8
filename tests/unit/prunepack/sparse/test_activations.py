"""Activations that exporters write as several nodes, fused into the layer before them."""

from math import pi, sqrt

import numpy as np
import pytest
from onnx import helper
from test_provider import check, claimed, noise, save

from prunepack import open_session
from prunepack.sparse.native import native
from tests.unit.prunepack.sparse.numpy_twin import sparse

pytestmark = pytest.mark.skipif(native is None, reason="installed without a compiler")

RNG = np.random.default_rng(0)
OPSET = 18
"""From 20 on, onnxruntime itself joins some of these nodes to ``Gelu`` before."""

NUMBERS = {
    "half": 0.5,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "root": sqrt(2),
    "inverse": 1 / sqrt(2),
    "beta": sqrt(2 / pi),
    "kappa": 0.044715,
    "quick": 1.702,
}
SCALARS = {name: np.float32(value) for name, value in NUMBERS.items()}

ACTIVATIONS = {
    "silu": "s=Sigmoid(c) y=Mul(c,s)",
    "silu, turned round": "s=Sigmoid(c) y=Mul(s,c)",
    "quick gelu": "m=Mul(c,quick) s=Sigmoid(m) y=Mul(c,s)",
    "gelu of the exporters": "d=Div(c,root) e=Erf(d) a=Add(e,one) m=Mul(c,a) y=Mul(m,half)",
    "gelu, half of the input": "h=Mul(half,c) d=Div(c,root) e=Erf(d) a=Add(one,e) y=Mul(h,a)",
    "gelu, half of the sum": "d=Mul(c,inverse) e=Erf(d) a=Add(e,one) h=Mul(a,half) y=Mul(c,h)",
    "gelu, half by a division": "d=Div(c,root) e=Erf(d) a=Add(e,one) m=Mul(c,a) y=Div(m,two)",
    "tanh of the exporters": "p=Pow(c,three) k=Mul(kappa,p) a=Add(c,k) b=Mul(beta,a) t=Tanh(b) "
    "u=Add(t,one) m=Mul(c,u) y=Mul(half,m)",
    "tanh by products": "q=Mul(c,c) p=Mul(c,q) k=Mul(kappa,p) a=Add(c,k) b=Mul(beta,a) t=Tanh(b) "
    "u=Add(one,t) m=Mul(c,u) y=Mul(half,m)",
    "tanh, half of the input": "h=Mul(c,half) p=Pow(c,three) k=Mul(p,kappa) a=Add(c,k) "
    "b=Mul(a,beta) t=Tanh(b) u=Add(t,one) y=Mul(h,u)",
}


def write(text):
    """Return the nodes of a text such as ``s=Sigmoid(c) y=Mul(c,s)``."""
    nodes = []
    for part in text.split():
        out, call = part.split("=")
        op, inputs = call.rstrip(")").split("(")
        nodes.append(helper.make_node(op, inputs.split(","), [out], name=out))
    return nodes


def used_scalars(text, scalars=SCALARS):
    return {name: scalars[name] for node in write(text) for name in node.input if name in scalars}


def start(path, text, scalars=SCALARS):
    """Run a convolution with the nodes of a text after it, and return the claimed operators."""
    weights = {"w": sparse(RNG, (16, 8, 3, 3), 0.2), "bias": noise(16)}
    weights |= used_scalars(text, scalars)
    layer = helper.make_node("Conv", ["x", "w", "bias"], ["c"], name="c", pads=[1, 1, 1, 1])
    save(path, [layer, *write(text)], weights, ["n", 8, "h", "w"], opset=OPSET)
    return claimed(check(path, 3 * noise(1, 8, 14, 14), noise(2, 8, 9, 11)))


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_an_activation_after_a_convolution(kind, tmp_path):
    (operators,) = start(tmp_path / "m.onnx", ACTIVATIONS[kind])
    assert sorted(operators) == sorted(["Conv", *(n.op_type for n in write(ACTIVATIONS[kind]))])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize("kind", ["gelu of the exporters", "tanh of the exporters", "silu"])
@pytest.mark.parametrize("op", ["Gemm", "MatMul"])
def test_an_activation_after_a_product(op, kind, shape, tmp_path):
    text = ACTIVATIONS[kind]
    scalars = {name: np.full(shape, value) for name, value in used_scalars(text).items()}
    layer = {
        "Gemm": [helper.make_node("Gemm", ["x", "w", "bias"], ["c"], name="c")],
        "MatMul": write("m0=MatMul(x,w) c=Add(m0,bias)"),
    }[op]
    weights = {"w": sparse(RNG, (20, 30), 0.2), "bias": noise(30), **scalars}
    dims = ["n", 20] if op == "Gemm" else ["n", "t", 20]
    save(tmp_path / "m.onnx", [*layer, *write(text)], weights, dims, opset=OPSET)
    sizes = [[{"n": n, "t": 5}.get(d, d) for d in dims] for n in (1, 9, 40)]
    session = check(tmp_path / "m.onnx", *(3 * noise(*size) for size in sizes))
    (operators,) = claimed(session)
    assert len(operators) == len(layer) + len(write(text))


def test_an_activation_after_a_residual_and_before_another_layer(tmp_path):
    text = "r=Add(c,x) " + ACTIVATIONS["gelu of the exporters"].replace("c,", "r,")
    weights = {"w": sparse(RNG, (8, 8, 3, 3), 0.2), "v": sparse(RNG, (8, 8, 1, 1), 0.2)}
    layer = helper.make_node("Conv", ["x", "w"], ["c"], name="c", pads=[1, 1, 1, 1])
    nodes = [layer, *write(text.replace("y=", "z=")), *write("y=Conv(z,v)")]
    save(tmp_path / "m.onnx", nodes, weights | used_scalars(text), ["n", 8, 14, 14], opset=OPSET)
    assert sorted(map(len, claimed(check(tmp_path / "m.onnx", noise(1, 8, 14, 14))))) == [1, 7]


OTHERS = {
    "a wrong constant": ("s=Sigmoid(c) m=Mul(s,half) y=Mul(c,m)", {}),
    "another slope": ("m=Mul(c,quick) s=Sigmoid(m) y=Mul(c,s)", {"quick": np.float32(1.7)}),
    "another root": (ACTIVATIONS["gelu of the exporters"], {"root": np.float32(1.4141)}),
    "a tensor": (ACTIVATIONS["gelu of the exporters"], {"one": np.ones((16, 1, 1), np.float32)}),
    "more axes": (
        "s=Sigmoid(c) m=Mul(s,one) y=Mul(c,m)",
        {"one": np.ones((1,) * 5, np.float32)},
    ),
    "a value read twice": ("s=Sigmoid(c) m=Mul(c,s) y=Add(m,s)", {}),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_functions_are_not_fused(kind, tmp_path):
    text, changed = OTHERS[kind]
    assert start(tmp_path / "m.onnx", text, SCALARS | changed) == [["Conv"]]


def test_a_function_that_is_nowhere_defined_is_not_fused(tmp_path):
    weights = {"w": sparse(RNG, (8, 8, 1, 1), 0.2), "zero": np.float32(0)}
    nodes = write("c=Conv(x,w) l=Div(c,zero) y=Mul(l,c)")
    path = save(tmp_path / "m.onnx", nodes, weights, [1, 8, 4, 4], opset=OPSET)
    assert claimed(open_session(path, sparse="all")) == [["Conv"]]


def draw_function(rng):
    """Return nodes of a random function of ``c``: the names of its values, and a text."""
    values, parts = ["c"], []
    for index in range(int(rng.integers(2, 9))):
        op = rng.choice(["Add", "Mul", "Erf", "Tanh", "Sigmoid"])
        operands = [*values[-3:], *rng.choice(list(NUMBERS), 2)]
        inputs = [rng.choice(values[-2:])]
        if op in {"Add", "Mul"}:
            inputs.append(rng.choice(operands))
        parts.append(f"v{index}={op}({','.join(inputs)})")
        values.append(f"v{index}")
    unused = [value for value in values[1:] if not any(value in p.split("=")[1] for p in parts)]
    sums = [f"y{i + 1}=Add(y{i},{value})" for i, value in enumerate(unused[1:])]
    last = f"y0=Mul({unused[0]},one)"
    return " ".join([*parts, last, *sums, f"y=Mul(y{len(sums)},one)"])


@pytest.mark.parametrize("seed", range(40))
def test_random_functions_keep_their_outputs(seed, tmp_path):
    rng = np.random.default_rng(seed)
    assert ["Conv"] in [part[:1] for part in start(tmp_path / "m.onnx", draw_function(rng))]
