"""Golden files of each version of the format, each of them generated once.

A golden file is a promise, so a file in `v1/` or `v2/` is never generated again. To add a file, add
a function to `GOLDEN` and run

    python tests/golden/generate.py
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "hostile"))

from artifact_crafting import Sample, SampleV2  # noqa: E402 -- the path must be known first

import prunepack  # noqa: E402 -- the path must be known first
from prunepack import Artifact  # noqa: E402 -- the path must be known first
from prunepack.coding.codec import ChunkElements  # noqa: E402 -- the path must be known first
from prunepack.coding.codecs import CODECS  # noqa: E402 -- the path must be known first
from prunepack.coding.dtypes import DTYPES  # noqa: E402 -- the path must be known first
from prunepack.coding.geometry import Shapes  # noqa: E402 -- the path must be known first


def _pack(tensors, nodes=(), **files):
    """Pack a model of initializers and nodes; `files` are its external data."""
    graph = helper.make_graph(list(nodes), "golden", [], [], tensors)
    model = helper.make_model(graph, producer_name="golden", ir_version=10)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {"model.onnx": model.SerializeToString(), **files}.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        prunepack.pack(Path(folder) / "model.onnx", Path(folder) / "packed")
        return (Path(folder) / "packed").read_bytes()


def _sparse(shape, seed, share=0.9):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=shape).astype("<f4")
    return np.where(rng.random(shape) < share, np.float32(0), weight)


def sparse():
    """Pruned weights, dense biases, a literal scalar."""
    return _pack(
        [
            helper.make_tensor("conv.weight", 1, [8, 4, 3, 3], _sparse((8, 4, 3, 3), 0), raw=True),
            helper.make_tensor("conv.bias", 1, [20], _sparse(20, 1, 0), raw=True),
            helper.make_tensor("fc.weight", 1, [20, 60], _sparse((20, 60), 2), raw=True),
            helper.make_tensor("fc.bias", 1, [24], _sparse(24, 3, 0), raw=True),
            helper.make_tensor("scale", 1, [], np.float32(0.5).tobytes(), raw=True),
        ]
    )


def types():
    """Every integer and float type, with random bytes, a ramp and zeros."""
    tensors = []
    plain = ((name, dtype) for name, dtype in DTYPES.items() if name not in NARROW)
    for index, (name, dtype) in enumerate(plain):
        noise = np.random.default_rng(index).bytes(24 * dtype.itemsize)
        ramp = np.arange(30).astype(dtype.carrier).tobytes()
        for kind, raw in (("noise", noise), ("ramp", ramp), ("zeros", bytes(20 * dtype.itemsize))):
            shape = [len(raw) // dtype.itemsize]
            tensors.append(helper.make_tensor(f"{name} {kind}", dtype.onnx_code, shape, raw, True))
    return _pack(tensors)


def external():
    """External data in two files, tied weights, two tensors in the same bytes, a gap."""
    weight, other = _sparse((6, 50), 0), _sparse((6, 50), 1)
    tensors = []
    for name, location, offset in (
        ("embedding", "model.onnx.data", 0),
        ("twin", "model.onnx.data", 0),
        ("weight", "model.onnx.data", 1280),
        ("head", "parts/head.bin", 0),
    ):
        tensor = TensorProto(name=name, data_type=1, dims=[6, 50], data_location=1)
        place = {"location": location, "offset": offset, "length": 1200}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    data = weight.tobytes() + bytes(80) + other.tobytes() + b"tail"
    files = {"model.onnx.data": data, "parts/head.bin": weight.tobytes()}
    return _pack(tensors, **files)


def chunks():
    """Made by hand: tensors across chunks, wide gaps, empty and scalar tensors, a loose copy."""
    sample = Sample()
    far = np.zeros((300, 300), "<f4")
    far.flat[[5, 70_006, 89_998]] = [1, -0.0, np.nan]
    sample.header["copies"] = [{"name": "copy of b", "of": "b", "shape": [5, 1]}]
    sample.pool["tensors"].append({"name": "empty", "shape": [3, 0]})
    streams = {"gaps": np.array([5, 70_000, 19_991], "<u4"), "values": far[far.view("<u4") != 0]}
    wide = Sample()
    wide.header["pools"] = [{"chunk": 90_001, "chunks": [{"codec": "gaps", "streams": {}}]}]
    wide.pool.update(dtype="float32", tensors=[{"name": "far", "shape": [300, 300]}])
    for name, array in streams.items():
        wide.put(0, name, array, coder="pcodec")
        sample.payload[2, name] = wide.payload[0, name]
    sample.header["pools"].append(wide.pool)
    sample.content += far.tobytes()
    sample.file["segments"] += ["far", "empty"]
    sample.file["size"] = len(sample.content)
    sample.file["sha256"] = hashlib.sha256(sample.content).hexdigest()
    return sample.assemble()


def _weights(shape, seed, dtype):
    """Kernels that were kept or pruned whole, for the most part, and share a sign."""
    rng = np.random.default_rng(seed)
    kept = rng.random((*shape[:2], 1, 1)) < 0.4
    values = rng.normal(size=shape) + 2 * rng.choice([-1, 1], (*shape[:2], 1, 1))
    return np.where(kept & (rng.random(shape) < 0.9), 40 * values, 0).astype(dtype)


def _pool(sample, codec, dtype, carrier, *tensors):
    """Add a pool of one chunk to a sample: `tensors` are (name, shape, items of the carrier)."""
    items = np.concatenate([np.asarray(items, carrier).ravel() for _, _, items in tensors])
    named = [{"name": name, "shape": list(shape)} for name, shape, _ in tensors]
    shapes = Shapes([tuple(shape) for _, shape, _ in tensors], DTYPES[dtype])
    streams = CODECS[codec].encode(ChunkElements(items, shapes))
    pool = {"chunk": items.size, "dtype": dtype, "tensors": named}
    pool["chunks"] = [{"codec": codec, "streams": {}}]
    sample.header["pools"].append(pool)
    one = Sample()
    one.header["pools"], one.payload = [pool], {}
    for name, array in streams.items():
        one.put(0, name, array, coder="pcodec")
    sample.payload |= {
        (len(sample.header["pools"]), name): one.payload[0, name] for name in streams
    }
    sample.file["segments"] += [name for name, _, _ in tensors]
    sample.content += items.tobytes()


def codecs():
    """Made by hand: the codecs beyond `dense`, `gaps` and `zeros`, and contexts of all widths."""
    sample, rng = Sample(), np.random.default_rng(0)
    noise = rng.integers(1, 100, 1000)
    half = np.where(rng.random((40, 25)) < 0.5, 0, noise.reshape(40, 25))
    fours = (noise.reshape(-1, 4) * (np.argsort(rng.random((250, 4))) < 2)).reshape(50, 20)
    eights = (noise.reshape(-1, 8) * (np.argsort(rng.random((125, 8))) < 3)).reshape(25, 40)
    _pool(sample, "bitmap", "float32", "<f4", ("half", (40, 25), half))
    _pool(sample, "constant", "int64", "<i8", ("always", (9, 3), np.full(27, -5)))
    _pool(sample, "groups", "float16", "<f2", ("2 of 4", (50, 20), fours))
    _pool(sample, "groups", "int8", "<i1", ("3 of 8", (25, 40), eights))
    _pool(sample, "palette", "bfloat16", "<u2", ("few", (10, 20), noise[:200] // 12 * 999))
    for index, dtype in enumerate(("float32", "float16", "float64", "int8", "int16", "uint8")):
        carrier = np.dtype(dtype).newbyteorder("<")
        weights = _weights((6, 5, 3, 3), index, carrier)
        flat = np.where(rng.random(60) < 0.7, 0, noise[:60]).astype(carrier)
        lowest = np.array([np.finfo(carrier).min if carrier.kind == "f" else np.iinfo(carrier).min])
        tensors = [("conv", (6, 5, 3, 3), weights), ("fc", (12, 5), flat), ("line", (60,), flat)]
        tensors.append(("lowest", (), lowest))
        _pool(sample, "contexts", dtype, carrier, *((f"{dtype} {n}", *t) for n, *t in tensors))
    _pool(sample, "contexts", "int4", "<u1", ("int4", (5, 9), noise[:23]))
    sample.file["size"] = len(sample.content)
    sample.file["sha256"] = hashlib.sha256(sample.content).hexdigest()
    return sample.assemble()


def narrow():
    """Element types that numpy lacks, whole bytes and less, of an odd number of elements."""
    tensors = []
    for index, name in enumerate(NARROW):
        dtype = DTYPES[name]
        raw = np.random.default_rng(index).bytes(dtype.nbytes(75))
        shape = (5, 15)
        tensors.append(TensorProto(name=name, data_type=dtype.onnx_code, dims=shape, raw_data=raw))
    return _pack(tensors)


NARROW = ("float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "float8e8m0")
NARROW += ("uint4", "int4", "float4e2m1", "uint2", "int2")
GOLDEN = {"v1": [sparse, types, external, chunks, codecs, narrow]}


def lists():
    """Made by hand: a list of each form, of every type, with an LZMA text."""
    sample = SampleV2()
    sample.put_text(sample.text, coder="lzma")
    return sample.assemble()


def forms():
    """Made by hand: signs in both forms, steps, tiny rests, transposed copies."""
    sample, rng = SampleV2(), np.random.default_rng(0)
    wave = np.round(1000 * np.sin(np.arange(300) * np.pi / 15)).astype("<f4")
    sample.add_pool("signs", "float32", wave, (10, 30), "wave", coder="lzma")
    mask = rng.random(200) < 0.2
    masked = (rng.normal(size=200) * mask).astype("<f2")
    sample.add_pool("signs", "float16", masked, (8, 25), "masked")
    sample.add_pool("steps", "int64", np.repeat(np.arange(-9, 9), 12), (216,), "nodes")
    sample.add_pool("steps", "uint8", np.repeat([0, 255, 7], 30).astype("<u1"), (90,), "wrapped")
    tiny = np.where(rng.random(300) < 0.3, -0.0, rng.normal(size=300)).astype("<f4")
    tiny[::7] = 1e-44
    sample.add_pool("contexts", "float32", tiny, (10, 30), "tiny")
    for axes, shape in (([1, 0], [30, 10]), ([0, 1], [10, 30])):
        content = wave.reshape(10, 30).transpose(axes).tobytes()
        sample.add_copy(f"wave {axes}", "wave", shape, axes, content)
    cube = np.arange(60, dtype="<i4") ** 3
    sample.add_pool("dense", "int32", cube, (3, 4, 5), "cube")
    content = cube.reshape(3, 4, 5).transpose(2, 0, 1).tobytes()
    sample.add_copy("turned cube", "cube", [5, 3, 4], [2, 0, 1], content)
    return sample.assemble()


def written():
    """Written by the writer: attributes of a tree, a transposed copy, shared numbers."""
    rng = np.random.default_rng(0)
    weight = _sparse((12, 30), 0, 0.5)
    nodes = np.repeat(np.arange(40), 3)
    tree = helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_modes=[("BRANCH_LEQ", "LEAF")[i] for i in rng.integers(0, 2, 120)],
        nodes_nodeids=nodes.tolist(),
        nodes_truenodeids=(nodes * 5 * (nodes % 2)).tolist(),
        nodes_values=[float(np.float32(v)) for v in rng.normal(size=120)],
    )
    tensors = [
        helper.make_tensor("weight", 1, [12, 30], weight, raw=True),
        helper.make_tensor("transposed", 1, [30, 12], np.ascontiguousarray(weight.T), raw=True),
    ]
    return _pack(tensors, nodes=[tree])


GOLDEN["v2"] = [lists, forms, written]


def main():
    """Make the files that are missing, and write down what is in them."""
    for version, functions in GOLDEN.items():
        make_missing(HERE / version, functions)


def make_missing(folder, functions):
    """Make the missing files of one version."""
    folder.mkdir(exist_ok=True)
    record = folder / "digests.json"
    digests = json.loads(record.read_text()) if record.exists() else {}
    for make in functions:
        path = folder / f"{make.__name__}.prunepack"
        if path.exists():
            continue
        path.write_bytes(make())
        with Artifact.open(path) as artifact:
            artifact.verify()
            files = {name: artifact.read_file(name) for name in artifact.files}
            tensors = {name: b"".join(artifact.iter_tensor(name)) for name in artifact.tensors}
        digests[path.name] = {
            "artifact": hashlib.sha256(path.read_bytes()).hexdigest(),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
            "tensors": {name: hashlib.sha256(data).hexdigest() for name, data in tensors.items()},
        }
        print(f"{path.name}: {path.stat().st_size} bytes")
    record.write_text(json.dumps(digests, indent=2) + "\n")


if __name__ == "__main__":
    main()
