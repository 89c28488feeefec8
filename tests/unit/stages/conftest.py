"""Stages run as the pipeline runs them, the user's own code, and LeNet carried through a run."""

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest

from prunepack.stages.contract.model_spec import InputSpec
from prunepack.stages.contract.outputs import (
    Checkpoint,
    MaskedCheckpoint,
    OnnxModel,
    PackedArtifact,
    find_kind,
)
from prunepack.stages.data.datasets import open_data
from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.pack import PackConfig, pack
from prunepack.stages.prune import PruneConfig, prune
from tests.faults.fresh_exports import share_fresh_exports

USER_CODE = """
import numpy as np
from torch import nn


def mlp():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def blobs():
    generator = np.random.default_rng(0)

    def split(count):
        labels = generator.integers(0, 3, count)
        x = 3 * np.eye(3, 8)[labels] + generator.normal(size=(count, 8))
        return x.astype(np.float32), labels

    return {"train": split(192), "validation": split(96), "test": split(96)}
"""


class Workshop:
    """Runs stages, each into a new folder; ``facts`` are those of the last one."""

    def __init__(self, root):
        self._root, self._numbers = root, count(1)
        self.facts = {}

    def folder(self):
        out = self._root / str(next(self._numbers))
        out.mkdir(parents=True)
        return out

    def __call__(self, stage, config, *inputs):
        out = self.folder()
        self.facts = stage.body(config, out, *inputs)
        return find_kind(out, stage.produces)(out, "")


@dataclass(frozen=True)
class Chain:
    """Outputs of the stages for LeNet, pruned by 90 % without fine-tuning, and some digits."""

    dense: Checkpoint
    masked: MaskedCheckpoint
    final: Checkpoint
    onnx: OnnxModel
    artifact: PackedArtifact
    dense_onnx: OnnxModel


@pytest.fixture
def run(tmp_path):
    return Workshop(tmp_path / "work")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """Opens a workshop that outlives a test."""
    return lambda name: Workshop(tmp_path_factory.mktemp(name))


@pytest.fixture(scope="session")
def exports_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fresh_exports")


@pytest.fixture
def fresh_exports(exports_folder):
    """Export a checkpoint again only once for all tests of verify; test_origin holds the export."""
    with share_fresh_exports(exports_folder):
        yield


@pytest.fixture(scope="session")
def chain(tmp_path_factory, some_digits):
    run = Workshop(tmp_path_factory.mktemp("lenet"))
    dense = run(load, LoadConfig(dataset=some_digits))
    masked = run(prune, PruneConfig(scope="global", amount=0.9), dense)
    final = run(finalize, FinalizeConfig(), masked)
    onnx, dense_onnx = (run(export, ExportConfig(), model) for model in (final, dense))
    return Chain(dense, masked, final, onnx, run(pack, PackConfig(), onnx), dense_onnx)


@pytest.fixture
def write(tmp_path):
    """Writes a file of the user's; returns the start of a reference into it."""

    def write(text, name="user.py"):
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:"

    return write


@pytest.fixture
def user(write):
    return write(USER_CODE)


@pytest.fixture
def tiny(run, user):
    """A model of the user's that trains in a blink, as a checkpoint."""
    config = LoadConfig(model=f"{user}mlp", inputs=(InputSpec(shape=(8,)),), dataset=f"{user}blobs")
    return run(load, config)


@pytest.fixture(scope="session")
def some_digits(tmp_path_factory):
    """A dataset function over the first digits of MNIST."""
    folder, data = tmp_path_factory.mktemp("digits"), open_data("mnist")
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    arrays = {}
    for (name, split), size in zip(splits.items(), (2000, 500, 500), strict=True):
        arrays |= {f"{name}_x": split.inputs[:size], f"{name}_y": split.labels[:size]}
    np.savez(folder / "digits.npz", **arrays)
    (folder / "digits.py").write_text(
        "import numpy as np\n\n\n"
        "def digits():\n"
        f"    found = np.load({str(folder / 'digits.npz')!r})\n"
        "    names = ('train', 'validation', 'test')\n"
        "    return {name: (found[f'{name}_x'], found[f'{name}_y']) for name in names}\n"
    )
    return f"{folder / 'digits.py'}:digits"


@pytest.fixture
def says():
    """Expects an error of ours, with exactly this message."""

    @contextmanager
    def says(kind, message):
        with pytest.raises(kind) as caught:
            yield
        assert type(caught.value) is kind
        assert str(caught.value) == message

    return says
