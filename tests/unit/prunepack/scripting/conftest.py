"""LeNet carried through the stages, to compare with calls on live modules."""

from types import SimpleNamespace

import pytest

from prunepack.stages.export import ExportConfig, export
from prunepack.stages.finalize import FinalizeConfig, finalize
from prunepack.stages.load import LoadConfig, load
from prunepack.stages.prune import PruneConfig, prune
from tests.unit.stages.conftest import Workshop


@pytest.fixture(scope="package")
def lenet_run(tmp_path_factory):
    run = Workshop(tmp_path_factory.mktemp("lenet"))
    masked = run(prune, PruneConfig(amount=0.9), run(load, LoadConfig()))
    final = run(finalize, FinalizeConfig(), masked)
    return SimpleNamespace(masked=masked, final=final, exported=run(export, ExportConfig(), final))
