"""What the inspect command has to show."""

from artifact_crafting import Sample

from prunepack import Artifact, TensorRow, describe_tensors


def test_rows(tmp_path):
    sample = Sample()
    sample.header["copies"] = [{"name": "tied", "of": "b", "shape": [5]}]
    sample.pool["tensors"].append({"name": "empty", "shape": [0]})
    sample.file["segments"].append("empty")
    sizes = [len(sample.payload[0, "gaps"]) + len(sample.payload[0, "values"])]
    sizes.append(len(sample.payload[1, "elements"]))
    with Artifact.open(sample.write(tmp_path / "model.prunepack")) as artifact:
        rows = list(describe_tensors(artifact))
    assert rows == [
        TensorRow("w", "float32", (4, 3), 12, ("gaps",), sizes[0], 8 / 12),
        TensorRow("b", "float32", (5,), 5, ("dense",), round(sizes[1] * 5 / 6), 0.0),
        TensorRow("scalar", "float32", (), 1, ("dense",), round(sizes[1] / 6), 0.0),
        TensorRow("empty", "float32", (0,), 0, (), 0, 0.0),
        TensorRow("tied", "float32", (5,), 5, ("dense",), 0, 0.0),
    ]
