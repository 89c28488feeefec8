"""Seeds of the fuzz corpus beside the golden files; only missing seeds are generated."""

import json
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
from mutations import DATA, frame, put_together
from onnx import TensorProto, helper

from prunepack.coding.codec import ChunkElements
from prunepack.coding.codecs import CODECS
from prunepack.coding.dtypes import DTYPES
from prunepack.coding.geometry import Shapes

FOLDER = Path(__file__).parent / "corpus"


def _weight(*shape):
    rng = np.random.default_rng(0)
    return np.where(rng.random(shape) < 0.8, 0, rng.normal(size=shape)).astype("<f4")


def _model(nodes=(), tensors=(), **fields):
    graph = helper.make_graph(list(nodes), "g", [], [], list(tensors))
    return helper.make_model(graph, producer_name="fuzz", ir_version=10, **fields)


def raw():
    weight = helper.make_tensor("w", 1, [5, 8], _weight(5, 8).tobytes(), raw=True)
    half = helper.make_tensor("h", 10, [20], bytes(range(40)), raw=True)
    return _model(tensors=[weight, half]).SerializeToString()


def typed():
    kinds = [(1, "floats"), (6, "ints"), (7, "longs"), (11, "doubles"), (22, "nibbles")]
    tensors = [helper.make_tensor(name, kind, [24], range(-8, 16)) for kind, name in kinds[:4]]
    tensors.append(helper.make_tensor("nibbles", 22, [24], [n % 8 for n in range(24)]))
    return _model(tensors=tensors).SerializeToString()


def external():
    tensor = TensorProto(name="w", data_type=1, dims=[10, 10], data_location=1)
    for key, value in {"location": "model.onnx.data", "offset": 64, "length": 400}.items():
        tensor.external_data.add(key=key, value=str(value))
    return _model(tensors=[tensor]).SerializeToString()


def nested():
    weight = helper.make_tensor("inner", 1, [6, 6], _weight(6, 6).tobytes(), raw=True)
    constant = helper.make_node("Constant", [], ["c"], value=weight)
    branch = helper.make_graph([constant], "branch", [], [], [weight])
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    body = helper.make_function("d", "F", [], ["c"], [constant], [helper.make_opsetid("", 20)])
    return _model(nodes=[node], functions=[body]).SerializeToString()


def checkpoint():
    data = _weight(6, 8).tobytes() + bytes(40)
    header = {
        "__metadata__": {"format": "pt"},
        "w": {"dtype": "F32", "shape": [6, 8], "data_offsets": [0, 192]},
        "b": {"dtype": "BF16", "shape": [20], "data_offsets": [192, 232]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


MODELS = [raw, typed, external, nested, checkpoint]


def coded(codec, dtype):
    """Return a small artifact of one tensor that is coded in this way, or None if it cannot be."""
    arrays = {
        "constant": np.ones((4, 8)),
        "dense": _weight(4, 8) + 1,
        "bitmap": np.arange(32).reshape(4, 8) * (np.arange(8) % 3 > 0),
        "groups": np.tile([[0, 1.5, 0, -2], [3, 0, 0, 4]], (4, 1)).reshape(4, 8),
        "palette": np.arange(32).reshape(4, 8) % 3 + 1,
        "signs": np.tile([1.5, -1.5, 2.5, -0.0], (4, 2)),
        "steps": np.arange(32).reshape(4, 8) // 8,
        "zeros": np.zeros((4, 8)),
    }
    array = arrays.get(codec, _weight(4, 8))
    items = np.ascontiguousarray((4 * array).astype(DTYPES[dtype].carrier)).ravel()
    streams = CODECS[codec].encode(ChunkElements(items, Shapes([array.shape], DTYPES[dtype])))
    if streams is None:
        return None
    entries = {
        name: {
            "coder": "zstd",
            "count": stream.size,
            "dtype": stream.dtype.name,
            DATA: frame(stream.tobytes()),
        }
        for name, stream in streams.items()
    }
    pool = {
        "chunk": items.size,
        "chunks": [{"codec": codec, "streams": entries}],
        "dtype": dtype,
        "tensors": [{"name": "t", "shape": array.shape}],
    }
    file = {
        "name": "m",
        "segments": ["t"],
        "sha256": sha256(items.tobytes()).hexdigest(),
        "size": items.nbytes,
    }
    literals = {"chunk": 1, "chunks": []}
    header = {"copies": [], "files": [file], "literals": literals, "pools": [pool], "required": []}
    return put_together(header)


def main():
    """Make the files that are missing."""
    made = {f"model/{make.__name__}": make() for make in MODELS}
    for codec in CODECS:
        for dtype in ("float32", "int8", "bfloat16"):
            if data := coded(codec, dtype):
                made[f"artifact/{codec}-{dtype}"] = data
    for name, data in made.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(data)
            print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
