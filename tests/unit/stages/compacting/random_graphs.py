"""Random small ONNX graphs in which channels, neurons and branches are dead."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["GraphBuilder", "draw_model", "to_model"]

UNARY = [
    ("Relu", {}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("LeakyRelu", {"alpha": 0.2}),
    ("Elu", {}),
    ("HardSwish", {}),
    ("Softplus", {}),
    ("Identity", {}),
    ("Gelu", {}),
]


class GraphBuilder:
    """A graph under construction; every method appends nodes and returns the name of a tensor."""

    def __init__(self, seed, dead=0.5):
        self.draw = np.random.default_rng(seed)
        self.dead = dead
        self.nodes, self.initializers, self.shapes = [], [], {}

    def constant(self, array, dtype=np.float32):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def node(self, op, inputs, shape, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        self.shapes[name] = tuple(shape)
        return name

    def weights(self, *shape, axes=(0, 1)):
        """Return weights, with zeros for some indices of each of ``axes``."""
        array = self.draw.normal(size=shape)
        for axis in axes:
            if self.draw.random() < 0.7:
                gone = self.draw.random(shape[axis]) < self.dead
                np.moveaxis(array, axis, 0)[gone] = 0
        return array

    def vector(self, size):
        """Return a bias: zeros, numbers, or some of both."""
        kind = self.draw.integers(3)
        if kind == 0:
            return np.zeros(size)
        array = self.draw.normal(size=size)
        return array if kind == 1 else array * (self.draw.random(size) < 0.5)

    def pick(self, *choices):
        return choices[self.draw.integers(len(choices))]

    # maps: (samples, channels, height, width)

    def conv(self, x, outputs=None, group=1):
        n, c, h, w = self.shapes[x]
        group = c if group == 0 else group
        outputs = outputs or group * int(self.draw.integers(1, 5))
        k, stride = self.pick(1, 3), self.pick(1, 1, 2)
        pad = self.pick(0, k // 2)
        if h + 2 * pad < k:
            k, pad = 1, 0
        weights = self.weights(outputs, c // group, k, k, axes=(0, 1) if group == 1 else (0,))
        if group > 1 and self.draw.random() < 0.5:
            weights[: outputs // group] = 0
        inputs = [x, self.constant(weights)]
        if self.draw.random() < 0.8:
            inputs.append(self.constant(self.vector(outputs)))
        size = [(s + 2 * pad - k) // stride + 1 for s in (h, w)]
        options = {"pads": [pad] * 4, "strides": [stride] * 2, "kernel_shape": [k, k]}
        return self.node("Conv", inputs, (n, outputs, *size), group=group, **options)

    def depthwise(self, x):
        return self.conv(x, group=0)

    def grouped(self, x):
        return self.conv(x, group=2) if self.shapes[x][1] % 2 == 0 else self.conv(x)

    def transposed(self, x):
        n, c, h, w = self.shapes[x]
        group = self.pick(1, c)
        outputs = int(self.draw.integers(1, 5))
        weights = self.constant(self.weights(c, outputs, 2, 2, axes=(0, 1) if group == 1 else (0,)))
        bias = self.constant(self.vector(group * outputs))
        shape = (n, group * outputs, 2 * h, 2 * w)
        return self.node("ConvTranspose", [x, weights, bias], shape, strides=[2, 2], group=group)

    def batch_norm(self, x):
        c = self.shapes[x][1]
        scale = self.draw.normal(size=c) * (self.draw.random(c) < 0.7)
        parts = scale, self.vector(c), self.vector(c), self.draw.uniform(0.5, 2, c)
        inputs = [x, *map(self.constant, parts)]
        return self.node("BatchNormalization", inputs, self.shapes[x])

    def instance_norm(self, x):
        c = self.shapes[x][1]
        inputs = [x, self.constant(self.draw.normal(size=c)), self.constant(self.vector(c))]
        return self.node("InstanceNormalization", inputs, self.shapes[x], epsilon=0.1)

    def unary(self, x):
        op, attributes = UNARY[self.draw.integers(len(UNARY))]
        return self.node(op, [x], self.shapes[x], **attributes)

    def clip(self, x):
        inputs = [x, self.constant(-0.5), self.constant(0.5)]
        return self.node("Clip", inputs, self.shapes[x])

    def scale(self, x):
        c = self.shapes[x][1]
        parts = self.vector(c).reshape(c, *[1] * (len(self.shapes[x]) - 2))
        return self.node(self.pick("Mul", "Add", "Sub"), [x, self.constant(parts)], self.shapes[x])

    def pool(self, x):
        n, c, h, w = self.shapes[x]
        op = self.pick("MaxPool", "AveragePool")
        if h < 4:
            return x
        options = {"count_include_pad": self.pick(0, 1)} if op == "AveragePool" else {}
        size = h // 2 + 1, w // 2 + 1
        pads = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1] * 4} if h % 2 == 0 else None
        if pads is None:
            return x
        return self.node(op, [x], (n, c, *size), **pads, **options)

    def pad(self, x):
        n, c, h, w = self.shapes[x]
        inputs = [x, self.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)]
        if self.draw.random() < 0.5:
            inputs.append(self.constant(self.pick(0.0, 1.0)))
        return self.node("Pad", inputs, (n, c, h + 2, w + 2))

    def resize(self, x):
        n, c, h, w = self.shapes[x]
        mode = self.pick("nearest", "linear", "cubic")
        if self.draw.random() < 0.5:
            inputs = [x, "", self.constant([1, 1, 2, 2])]
        else:
            inputs = [x, "", "", self.constant([2, c, 2 * h, 2 * w], np.int64)]
            n = 2
        return self.node("Resize", inputs, (n, c, 2 * h, 2 * w), mode=mode)

    def residual(self, x):
        inner = self.unary(self.conv(x))
        n, c, h, w = self.shapes[x]
        weights = self.weights(c, self.shapes[inner][1], 1, 1)
        if self.draw.random() < 0.3:
            weights[:] = 0
        inputs = [inner, self.constant(weights), self.constant(self.vector(c))]
        if self.shapes[inner][2:] != (h, w):
            return x
        outer = self.node("Conv", inputs, (n, c, h, w))
        return self.node(
            "Add", [x, outer] if self.draw.random() < 0.5 else [outer, x], (n, c, h, w)
        )

    def gate(self, x):
        """Squeeze and excitation."""
        n, c, *_ = self.shapes[x]
        mean = self.node("GlobalAveragePool", [x], (n, c, 1, 1))
        weights = self.constant(self.weights(c, c, 1, 1))
        gate = self.node("Conv", [mean, weights, self.constant(self.vector(c))], (n, c, 1, 1))
        gate = self.node("Sigmoid", [gate], (n, c, 1, 1))
        return self.node("Mul", [x, gate], self.shapes[x])

    def concat(self, x):
        other = self.unary(x) if self.draw.random() < 0.5 else self.clip(x)
        shape = list(self.shapes[x])
        shape[1] *= 2
        return self.node("Concat", [x, other], shape, axis=1)

    def split(self, x):
        shape = list(self.shapes[x])
        if shape[1] < 2:
            return x
        first = int(self.draw.integers(1, shape[1]))
        sizes = self.constant([first, shape[1] - first], np.int64)
        names = [f"s{len(self.nodes)}_{i}" for i in range(2)]
        self.nodes.append(helper.make_node("Split", [x, sizes], names, axis=1))
        for name, count in zip(names, (first, shape[1] - first), strict=True):
            self.shapes[name] = (shape[0], count, *shape[2:])
        parts = [self.unary(name) if self.draw.random() < 0.5 else name for name in names]
        if self.draw.random() < 0.3:
            return parts[0]
        return self.node("Concat", parts[::-1], shape, axis=1)

    def cut(self, x):
        shape = list(self.shapes[x])
        if shape[1] < 3:
            return x
        start, end = 1, shape[1] - int(self.draw.integers(0, 2))
        shape[1] = end - start
        bounds = [self.constant([value], np.int64) for value in (start, end, 1)]
        return self.node("Slice", [x, *bounds], shape)

    def shuffle(self, x):
        n, c, h, w = self.shapes[x]
        if c % 2:
            return x
        shape = (n, 2, c // 2, h, w)
        x = self.node("Reshape", [x, self.constant([-1, *shape[1:]], np.int64)], shape)
        turned = (n, c // 2, 2, h, w)
        x = self.node("Transpose", [x], turned, perm=[0, 2, 1, 3, 4])
        return self.node("Reshape", [x, self.constant([-1, c, h, w], np.int64)], (n, c, h, w))

    # rows: (samples, features) or (samples, places, features)

    def to_rows(self, x):
        n, c, h, w = self.shapes[x]
        kind = self.draw.integers(5)
        if kind == 0:
            return self.node("Flatten", [x], (n, c * h * w))
        if kind == 1:
            return self.node("Reshape", [x, self.constant([0, -1], np.int64)], (n, c * h * w))
        if kind == 2:
            axes = self.constant([2, 3], np.int64)
            op = self.pick("ReduceMean", "ReduceMax", "ReduceSum")
            return self.node(op, [x, axes], (n, c), keepdims=0)
        shape = self.constant([0, c, h * w], np.int64)
        x = self.node("Reshape", [x, shape], (n, c, h * w))
        return self.node("Transpose", [x], (n, h * w, c), perm=[0, 2, 1])

    def linear(self, x, outputs=None):
        *lead, c = self.shapes[x]
        outputs = outputs or int(self.draw.integers(2, 9))
        if len(lead) == 1 and self.draw.random() < 0.6:
            flip = self.pick(0, 1)
            weights = self.weights(*((outputs, c) if flip else (c, outputs)))
            inputs = [x, self.constant(weights)]
            if self.draw.random() < 0.8:
                inputs.append(self.constant(self.vector(outputs)))
            options = {"transB": flip, "alpha": self.pick(1.0, 0.5), "beta": self.pick(1.0, 2.0)}
            return self.node("Gemm", inputs, (*lead, outputs), **options)
        x = self.node("MatMul", [x, self.constant(self.weights(c, outputs))], (*lead, outputs))
        if self.draw.random() < 0.7:
            x = self.node("Add", [x, self.constant(self.vector(outputs))], (*lead, outputs))
        return x

    def layer_norm(self, x):
        c = self.shapes[x][-1]
        inputs = [x, self.constant(self.draw.normal(size=c)), self.constant(self.vector(c))]
        return self.node("LayerNormalization", inputs, self.shapes[x], axis=-1, epsilon=0.1)

    def softmax(self, x):
        return self.node("Softmax", [x], self.shapes[x], axis=self.pick(-1, 1))

    def attend(self, x):
        """Attention with two heads; some heads and neurons are dead."""
        if len(self.shapes[x]) != 3:
            return x
        n, places, c = self.shapes[x]
        heads, size = 3, 2
        parts = []
        for _ in range(3):
            weights = self.weights(c, heads * size, axes=())
            weights.reshape(c, heads, size)[:, self.draw.random(heads) < self.dead] = 0
            p = self.node("MatMul", [x, self.constant(weights)], (n, places, heads * size))
            p = self.node("Add", [p, self.constant(self.vector(heads * size))], self.shapes[p])
            shape = self.constant([0, places, heads, size], np.int64)
            p = self.node("Reshape", [p, shape], (n, places, heads, size))
            parts.append(self.node("Transpose", [p], (n, heads, places, size), perm=[0, 2, 1, 3]))
        query, key, value = parts
        key = self.node("Transpose", [key], (n, heads, size, places), perm=[0, 1, 3, 2])
        scores = self.node("MatMul", [query, key], (n, heads, places, places))
        scores = self.node("Softmax", [scores], self.shapes[scores], axis=-1)
        y = self.node("MatMul", [scores, value], (n, heads, places, size))
        y = self.node("Transpose", [y], (n, places, heads, size), perm=[0, 2, 1, 3])
        shape = self.constant([0, places, heads * size], np.int64)
        y = self.node("Reshape", [y, shape], (n, places, heads * size))
        weights = self.weights(heads * size, c, axes=())
        weights.reshape(heads, size, c)[self.draw.random(heads) < self.dead] = 0
        y = self.node("MatMul", [y, self.constant(weights)], (n, places, c))
        return self.node("Add", [x, y], self.shapes[x])


MAPS = [
    "conv conv conv depthwise grouped transposed batch_norm batch_norm instance_norm unary unary",
    "clip scale pool pad resize residual residual gate concat split cut shuffle",
]
ROWS = ["linear linear linear unary unary layer_norm softmax attend"]


def draw_model(seed):
    """Return a model from maps ``x`` to a few numbers per sample, and its builder."""
    graph = GraphBuilder(seed)
    channels = int(graph.draw.integers(1, 5))
    x, graph.shapes["x"] = "x", (2, channels, 6, 6)
    for name in graph.draw.choice(" ".join(MAPS).split(), graph.draw.integers(1, 9)):
        if np.prod(graph.shapes[x]) < 20_000:
            x = getattr(graph, name)(x)
    if graph.draw.random() < 0.8:
        x = graph.to_rows(x)
        for name in graph.draw.choice(" ".join(ROWS).split(), graph.draw.integers(1, 6)):
            x = getattr(graph, name)(x)
    return to_model(graph, x, (2, channels, 6, 6))


def to_model(graph, output, shape):
    """Return the model of a builder, with a dynamic batch axis unless a node fixes it."""
    fixed = any(node.op_type == "Resize" and len(node.input) == 4 for node in graph.nodes)
    first = 2 if fixed else "batch"
    if not graph.nodes:
        output = graph.node("Identity", [output], shape)
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [first, *shape[1:]]),
        helper.make_tensor_value_info(
            output, TensorProto.FLOAT, [first, *graph.shapes[output][1:]]
        ),
    ]
    proto = helper.make_graph(graph.nodes, "g", ends[:1], ends[1:], graph.initializers)
    model = helper.make_model(proto, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    onnx.checker.check_model(model, full_check=True)
    return model
