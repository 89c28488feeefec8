"""What is wrong with an artifact, all of it, and where."""

import numpy as np
import pytest
from artifact_crafting import Sample, frame

from prunepack import Artifact
from prunepack.errors import CorruptArtifactError
from prunepack.reading.verification import MOST, check_soundness, count_streams


def refused(path):
    with Artifact.open(path) as artifact, pytest.raises(CorruptArtifactError) as caught:
        check_soundness(artifact)
    return str(caught.value)


def flipped(path, pattern, data):
    """Write `data` with a flipped bit in the first place that holds `pattern`."""
    spoilt = bytearray(data)
    spoilt[data.index(pattern) + len(pattern) // 2] ^= 1
    path.write_bytes(spoilt)
    return path


def test_a_sound_artifact(tmp_path):
    told = []
    with Artifact.open(Sample().write(tmp_path / "x")) as artifact:
        check_soundness(artifact, lambda *progress: told.append(progress))
        assert count_streams(artifact) == 4
    size = len(Sample().content)
    assert told[-1] == (size, size)


def test_damage_names_what_shares_the_damaged_chunk(tmp_path):
    sample = Sample()
    path = flipped(tmp_path / "x", sample.payload[1, "elements"], sample.assemble())
    message = refused(path)
    assert message.startswith(f"{path}: the SHA-256 of the artifact is not the one in its trailer")
    told = "What cannot be decoded: tensor 'b', tensor 'scalar', file 'model.onnx'"
    assert message.endswith(told)


def test_damage_of_literal_bytes_leaves_the_tensors(tmp_path):
    path = flipped(tmp_path / "x", frame(b"frontmid"), Sample().assemble())
    assert refused(path).endswith("What cannot be decoded: file 'model.onnx'")


def test_a_damaged_trailer_leaves_everything(tmp_path):
    data = Sample().assemble()
    path = tmp_path / "x"
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert refused(path).endswith("Every tensor can be decoded still")


def test_much_damage_is_cut_short(tmp_path):
    sample = Sample()
    many = MOST + 1
    names = [f"b{i}" for i in range(many)]
    sample.pool["tensors"][1:] = [{"name": name, "shape": [1]} for name in names]
    sample.pool["chunks"][1]["streams"] = {}
    sample.put(1, "elements", np.arange(many, dtype="<f4"))
    sample.file["segments"] = [5, "w", 3, *names]
    sample.file["size"] = 5 + 48 + 3 + 4 * many
    sample.pool["chunk"] = 12
    path = flipped(tmp_path / "x", sample.payload[1, "elements"], sample.assemble())
    assert refused(path).endswith("tensor 'b9', and more")
