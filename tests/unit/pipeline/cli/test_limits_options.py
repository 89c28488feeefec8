"""``--max-tensors`` and ``--max-files``: limits of readers, for those who trust a source."""

import click
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import prunepack
from prunepack.errors import LimitExceededError
from prunepack.format.limits import Limits
from prunepack.pipeline import cli
from prunepack.pipeline.cli.limits_options import limits_options


def run(*arguments):
    return cli.prunepack.main([str(a) for a in arguments], standalone_mode=False)


@pytest.fixture(name="model")
def save_model(tmp_path):
    """Return a model with 20 tensors in two files."""
    tensors = [numpy_helper.from_array(np.full(20, i, np.float32), f"w{i}") for i in range(20)]
    graph = helper.make_graph([], "g", [], [], tensors)
    path = tmp_path / "m.onnx"
    onnx.save_model(
        helper.make_model(graph), path, save_as_external_data=True, size_threshold=0, location="d"
    )
    return path


@pytest.mark.parametrize("option", ["--max-tensors=19", "--max-files=1"])
@pytest.mark.parametrize("command", ["pack", "unpack", "inspect", "verify-file", "diff"])
def test_every_command_that_opens_a_file_obeys(command, option, model, tmp_path, capsys):
    prunepack.pack(model, tmp_path / "m.prunepack")
    arguments = {
        "pack": [model, "-o", tmp_path / "again"],
        "unpack": [tmp_path / "m.prunepack", "-o", tmp_path / "folder"],
        "diff": [tmp_path / "m.prunepack", model],
    }.get(command, [tmp_path / "m.prunepack"])
    name = option[6:].split("=")[0]
    with pytest.raises(LimitExceededError, match=f"{name}.*`--max-{name} "):
        run(command, *arguments, option)
    run(command, *arguments, "--max-tensors=20", "--max-files=2")
    assert capsys.readouterr().out


@pytest.mark.parametrize(("tensors", "mib"), [(10, 16), (2**16, 32), (2**20, 512)])
def test_more_tensors_are_allowed_a_longer_header(tensors, mib):
    show = click.command()(limits_options(lambda limits: limits))
    limits = show.main([f"--max-tensors={tensors}"], standalone_mode=False)
    assert limits == Limits(header_bytes=mib * 1024**2, tensors=tensors)
