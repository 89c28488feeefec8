"""``prunepack verify-file``: sound, another model, or damaged, each with its exit code."""

import json
from pathlib import Path

import pytest

import prunepack
from prunepack import Artifact
from prunepack.errors import CorruptArtifactError, UsageError
from prunepack.io.progress import ignore_progress
from prunepack.pipeline import cli
from prunepack.reading.verification import check_soundness

GOLDEN = Path(__file__).parents[3] / "golden/v1/external.prunepack"


@pytest.fixture
def verify_file(capsys):
    def run(*arguments):
        words = ["verify-file", *map(str, arguments)]
        code = cli.prunepack.main(words, standalone_mode=False)
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def model(tmp_path):
    """The model that the golden artifact was packed from."""
    prunepack.unpack(GOLDEN, tmp_path / "out")
    return tmp_path / "out" / "model.onnx"


def test_a_sound_artifact(verify_file):
    code, said = verify_file(GOLDEN)
    with Artifact.open(GOLDEN) as artifact:
        shown = [artifact.digest, *(file.sha256 for file in artifact.files.values())]
    assert code == 0
    assert said.startswith(f"{GOLDEN} is sound: all checksums are right\n")
    assert all(digest in said for digest in shown)


def test_a_sound_artifact_for_machines(verify_file):
    code, said = verify_file(GOLDEN, "--json")
    with Artifact.open(GOLDEN) as artifact:
        digest, files = artifact.digest, {n: f.sha256 for n, f in artifact.files.items()}
    assert code == 0
    assert json.loads(said) == {"sound": True, "digest": digest, "streams": 2, "files": files}


def test_the_model_it_was_packed_from(verify_file, model):
    code, said = verify_file(GOLDEN, "--against", model)
    assert code == 0
    assert said.endswith(f"It holds {model}, byte for byte\n")
    assert json.loads(verify_file(GOLDEN, "--against", model, "--json")[1])["same"] is True


def test_external_data_that_changed(verify_file, model):
    data = model.with_name("model.onnx.data")
    content = bytearray(data.read_bytes())
    content[1281] ^= 1
    data.write_bytes(content)
    code, said = verify_file(GOLDEN, "--against", model)
    assert code == 1
    assert said.endswith(
        f"{data} is another file than the packed model.onnx.data: they differ from byte 1,281, "
        "in tensor `weight`\n"
    )
    found = json.loads(verify_file(GOLDEN, "--against", model, "--json")[1])
    assert (found["sound"], found["same"]) == (True, False)
    assert (found["mismatch"]["offset"], found["mismatch"]["tensor"]) == (1281, "weight")


def test_a_model_that_is_longer(verify_file, model):
    size = model.stat().st_size
    model.write_bytes(model.read_bytes() + b"\x00")
    _, said = verify_file(GOLDEN, "--against", model)
    told = f"from byte {size:,}; it has {size + 1:,} bytes, and the packed one {size:,}\n"
    assert said.endswith(told)


def test_a_model_that_is_not_there(verify_file, tmp_path):
    with pytest.raises(UsageError, match="cannot open"):
        verify_file(GOLDEN, "--against", tmp_path / "no.onnx")


def test_damage_is_told_to_machines_too(tmp_path, capsys, monkeypatch):
    content = bytearray(GOLDEN.read_bytes())
    content[-40] ^= 1
    path = tmp_path / "bad.prunepack"
    path.write_bytes(content)
    with Artifact.open(path) as artifact, pytest.raises(CorruptArtifactError) as caught:
        check_soundness(artifact, ignore_progress)
    monkeypatch.setattr("sys.argv", ["prunepack", "verify-file", str(path), "--json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 4
    assert json.loads(capsys.readouterr().out) == {"error": caught.value.to_json()}
    assert "parts that cannot be decoded: tensor" in str(caught.value)
