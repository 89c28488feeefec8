"""The large model, made small, and tasks that report their peak."""

import numpy as np
import pytest

import prunepack
from benchmarks.large_model import write_large_model
from benchmarks.memory import check_room, run_task
from prunepack.errors import UsageError


@pytest.fixture
def model(tmp_path):
    (tmp_path / "source").mkdir()
    return write_large_model(tmp_path / "source", layers=3, width=256)


def test_the_large_model_is_the_same_each_time_and_pruned(model, tmp_path):
    (tmp_path / "again").mkdir()
    again = write_large_model(tmp_path / "again", layers=3, width=256)
    for name in ("model.onnx", "model.onnx.data"):
        assert (model.parent / name).read_bytes() == (again.parent / name).read_bytes()
    weights = np.fromfile(model.parent / "model.onnx.data", np.float32)
    assert weights.size == 3 * 256**2
    assert 0.89 < np.mean(weights == 0) < 0.91
    assert len(np.unique(weights)) > 10_000


def test_there_and_back_and_running(model, tmp_path):
    artifact = tmp_path / "model.prunepack"
    packed = run_task("pack", model, artifact)
    unpacked = run_task("unpack", artifact, tmp_path / "back")
    for name in ("model.onnx", "model.onnx.data"):
        assert (model.parent / name).read_bytes() == (tmp_path / "back" / name).read_bytes()
    started = run_task("start", artifact)
    assert started["shape"] == [1, 256]
    for facts in (packed, unpacked, started):
        assert 10_000_000 < facts["before"] <= facts["peak"] < 1_000_000_000
        assert facts["seconds"] > 0


def test_a_peak_grows_with_what_is_decoded(tmp_path):
    (tmp_path / "source").mkdir()
    model = write_large_model(tmp_path / "source", layers=2, width=2048)
    prunepack.pack(model, tmp_path / "model.prunepack", level="fast")
    facts = run_task("decode", tmp_path / "model.prunepack")
    assert facts["dense"] == 2 * 4 * 2048**2
    assert facts["dense"] <= facts["peak"] - facts["before"] < 4 * facts["dense"]


def test_a_disk_without_room(tmp_path):
    with pytest.raises(UsageError) as caught:
        check_room(tmp_path, 10**18)
    assert str(caught.value).startswith(
        f"`{tmp_path}` has too little free space for the large model: "
        "expected 1,000,000,000,000,000,000 bytes, "
    )
    assert str(caught.value).endswith(
        "Choose another folder with --folder, or a smaller model with --layers"
    )
