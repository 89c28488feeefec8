"""Packing: one small file, from which the exported files come back byte for byte."""

from prunepack import Artifact, unpack
from prunepack.stages.contract.outputs import PackedArtifact
from prunepack.stages.pack import PackConfig, pack


def test_lenet_comes_back_byte_for_byte(chain, tmp_path):
    unpack(chain.artifact.file, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["model.onnx"]
    assert (tmp_path / "out" / "model.onnx").read_bytes() == chain.onnx.model.read_bytes()


def test_what_it_says(chain, run):
    artifact = run(pack, PackConfig(), chain.onnx)
    assert isinstance(artifact, PackedArtifact)
    before, after = chain.onnx.size, artifact.file.stat().st_size
    with Artifact.open(artifact.file) as opened:
        digest = opened.digest
    assert run.facts == {
        "summary": f"{before:,} → {after:,} bytes ({before / after:.2f}×)",
        "source_bytes": before,
        "artifact_bytes": after,
        "digest": digest,
        "elements": 60_042,
        "negative_zeros": 0,
        "denormals": 0,
    }
    assert before / after > 9


def test_the_same_model_gives_the_same_bytes(chain, run):
    again = run(pack, PackConfig(), chain.onnx)
    assert again.file.read_bytes() == chain.artifact.file.read_bytes()


def test_zeros_are_what_makes_it_small(chain, run):
    dense = run(pack, PackConfig(), chain.dense_onnx)
    assert dense.file.stat().st_size > 8 * chain.artifact.file.stat().st_size
