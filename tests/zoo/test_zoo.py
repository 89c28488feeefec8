"""Zoo: every kind of model, checkpoint, data and hook, run through all stages.

A kind is a file in `kinds/`. Kinds that are `FAST` run with all tests; the others, marked `zoo`,
run in `make test-zoo`.
"""

import sys

import pytest

from tests.zoo.project import KINDS, Project, example_inputs, run_module
from tests.zoo.runs import restored_process
from tests.zoo.sweep import run_kind

GROUPS = {
    "architecture",
    "checkpoint",
    "data",
    "export",
    "finetune",
    "inputs",
    "outputs",
    "pruning",
}
NAMES = sorted(path.stem for path in KINDS.glob("*.py"))


def open_project(name):
    project = Project(name)
    for needed in project.NEEDS or ():
        pytest.importorskip(needed)
    return project


def is_fast(name):
    return "\nFAST = True\n" in (KINDS / f"{name}.py").read_text()


def nightly(name):
    """Return the marks of a kind for `make test-zoo`; `slow` keeps it out of `make check`."""
    return [] if is_fast(name) else [pytest.mark.zoo, pytest.mark.slow]


@pytest.mark.parametrize("name", [pytest.param(name, marks=nightly(name)) for name in NAMES])
def test_kind_ends_as_its_file_declares(name, tmp_path):
    project = open_project(name)
    assert run_kind(project, tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_kind_is_well_formed(name):
    project = Project(name)
    assert project.module.__doc__.strip(), "a docstring that names the kind"
    assert project.GROUP in GROUPS
    assert project.FAST in {True, False}
    assert (project.PASSES is None) != (project.REFUSED is None), "one expectation"
    assert (
        {"load"}
        <= project.tables.keys()
        <= {
            *(
                "load",
                "prune",
                "finetune",
                "finalize",
                "export",
                "compact",
                "verify",
                "measure",
                "gate",
            )
        }
    )
    hint = project.REFUSED and project.REFUSED.hint
    assert not hint or not hint.endswith(".") or ". " in hint


@pytest.mark.parametrize("name", [pytest.param(name, marks=nightly(name)) for name in NAMES])
def test_kind_runs_in_plain_torch(name, tmp_path, monkeypatch):
    """The kind is about what its docstring says, not about a mistake in its own factory."""
    import torch

    project = open_project(name)
    if project.PLAIN_TORCH is False:
        pytest.skip(
            "the kind is about a model that plain torch cannot build or run from its recipe"
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    project.lay_out(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    with restored_process():
        torch.manual_seed(0)
        module = project.build().eval()
        run_module(module, example_inputs(project.tables["load"]["inputs"]))


def test_zoo_is_large_and_a_quarter_of_it_is_fast():
    fast = sum(map(is_fast, NAMES))
    assert len(NAMES) >= 100
    assert 0.2 <= fast / len(NAMES) <= 0.3
