"""Makes the golden files of the current version of the format, each of them once.

A golden file is a promise: what is in `v1/` is never made anew, or the promise would be worth
nothing. To add one, add a function to `GOLDEN` and run

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

from artifact_crafting import Sample  # noqa: E402 -- the path must be known first

import prunepack  # noqa: E402 -- the path must be known first
from prunepack import Artifact  # noqa: E402 -- the path must be known first
from prunepack.dtypes import DTYPES  # noqa: E402 -- the path must be known first


def _pack(tensors, **files):
    """Pack a model of nothing but initializers; `files` are its external data."""
    graph = helper.make_graph([], "golden", [], [], tensors)
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
    """Every element type, as noise, as a ramp and as zeros."""
    tensors = []
    for index, (name, dtype) in enumerate(DTYPES.items()):
        noise = np.random.default_rng(index).bytes(24 * dtype.itemsize)
        ramp = np.arange(30).astype(dtype.carrier).tobytes()
        for kind, raw in (("noise", noise), ("ramp", ramp), ("zeros", bytes(20 * dtype.itemsize))):
            shape = [len(raw) // dtype.itemsize]
            tensors.append(helper.make_tensor(f"{name} {kind}", dtype.onnx_code, shape, raw, True))
    return _pack(tensors)


def external():
    """External data in two files, tied weights, twins in the same bytes, a gap between tensors."""
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


GOLDEN = [sparse, types, external, chunks]


def main():
    """Make the files that are missing, and write down what is in them."""
    folder = HERE / "v1"
    record = folder / "digests.json"
    digests = json.loads(record.read_text()) if record.exists() else {}
    for make in GOLDEN:
        path = folder / f"{make.__name__}.prunepack"
        if path.exists():
            continue
        path.write_bytes(make())
        with Artifact.open(path) as artifact:
            artifact.verify()
            files = {name: artifact.read_file(name) for name in artifact.files}
            tensors = {name: artifact.read_tensor(name).tobytes() for name in artifact.tensors}
        digests[path.name] = {
            "artifact": hashlib.sha256(path.read_bytes()).hexdigest(),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
            "tensors": {name: hashlib.sha256(data).hexdigest() for name, data in tensors.items()},
        }
        print(f"{path.name}: {path.stat().st_size} bytes")
    record.write_text(json.dumps(digests, indent=2) + "\n")


if __name__ == "__main__":
    main()
