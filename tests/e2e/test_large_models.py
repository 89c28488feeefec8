"""Models of gigabytes: beyond what one protobuf message may hold, in bounded memory."""

import hashlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import prunepack

MIB = 2**20


PEAK = """
from pathlib import Path
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].removesuffix("kB"))
"""


def peak_of(code, *arguments):
    """Run Python code; return the peak of its resident memory in bytes, mapped files included.

    The peak of ``getrusage`` would begin with the peak of the parent process.
    """
    command = [sys.executable, "-c", code + PEAK, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, size):
    return varint(number << 3 | 2) + varint(size)


def write_inline(path, count, size):
    """Write a model with ``count`` tensors of ``size`` zero bytes in it; they take no disk."""
    heads = []
    for index in range(count):
        head = TensorProto(name=f"w{index}", data_type=2, dims=[size]).SerializeToString()
        head += field(9, size)
        heads.append(field(5, len(head) + size) + head)
    with path.open("wb") as file:
        file.write(b"\x08\x0a" + field(7, sum(map(len, heads)) + count * size))
        for head in heads:
            file.write(head)
            file.seek(size, 1)
        file.truncate()


OPEN = """
import sys
from prunepack.model_files.discovery import open_sources
(source,) = open_sources(sys.argv[1])
assert len(source.spans) == int(sys.argv[2])
assert source.file.size > 100 * 2**20
"""


def test_finding_the_tensors_of_a_large_file_touches_few_of_its_pages(tmp_path):
    write_inline(tmp_path / "large.onnx", 60, 30 * MIB)
    nothing = peak_of("from prunepack.model_files.discovery import open_sources")
    assert peak_of(OPEN, tmp_path / "large.onnx", 60) - nothing < 20 * MIB


def sparse_noise(seed, size):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=size // 4).astype(np.float32)
    values[rng.random(values.size) < 0.9] = 0
    return values


def write_external(folder, count, size):
    """Write ``count`` tensors of ``size`` bytes into two files, at offsets of no alignment."""
    tensors, ends = [], [0, 0]
    noise = sparse_noise(0, size)
    files = [(folder / name).open("wb") for name in ("one.bin", "two.bin")]
    for index in range(count):
        which = index % 2
        ends[which] += files[which].write(b"\xa5" * (index % 7))
        tensor = TensorProto(name=f"w{index}", data_type=1, dims=[size // 4], data_location=1)
        place = {"location": ("one.bin", "two.bin")[which], "offset": ends[which], "length": size}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        ends[which] += files[which].write(np.roll(noise, index).tobytes())
        tensors.append(tensor)
    for file in files:
        file.close()
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors), ir_version=10)
    onnx.save_model(model, folder / "model.onnx")


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


PACK = "import sys, prunepack\nprunepack.pack(sys.argv[1], sys.argv[2], level='fast')"
UNPACK = "import sys, prunepack\nprunepack.unpack(sys.argv[1], sys.argv[2])"


@pytest.mark.slow
def test_a_model_beyond_two_gigabytes_comes_back_in_bounded_memory(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    write_external(source, 36, 64 * MIB)
    packed, out = tmp_path / "packed", tmp_path / "out"
    assert peak_of(PACK, source / "model.onnx", packed) < 400 * MIB
    assert peak_of(UNPACK, packed, out) < 400 * MIB
    for name in ("model.onnx", "one.bin", "two.bin"):
        assert digest(out / name) == digest(source / name)
    with prunepack.Artifact.open(packed) as artifact:
        assert len(artifact.tensors) == 36
        assert np.array_equal(artifact.read_tensor("w3"), np.roll(sparse_noise(0, 64 * MIB), 3))
