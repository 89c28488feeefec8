"""Samples that mean something: the user's own, and the test split of the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.samples import Samples, real
from prunepack.stages.data.user_samples import user_samples

if TYPE_CHECKING:
    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["real_samples"]


def real_samples(given: str, spec: ModelSpec) -> list[Samples]:
    """Return what there is of the user's samples, and of the model's dataset.

    The labels of one source are judged on: the user's, else the dataset's.

    Args:
        given: What the user named; empty for nothing.
        spec: The model.

    Raises:
        UsageError: If something that was named is not there.
        RefusedError: If it holds no samples, or none that fit the model.
    """
    own = user_samples(given, spec.inputs) if given else []
    if not spec.dataset:
        return own
    data = _test_split(spec)
    if any(one.labels is not None for one in own):
        data = Samples(data.source, data.arrays)
    return [*own, data]


def _test_split(spec: ModelSpec) -> Samples:
    data = open_data(spec.dataset)
    if not len(data.test):
        raise RefusedError(f"the dataset {spec.dataset} has no test samples", expected="some")
    if len(spec.inputs) != 1:
        raise RefusedError(
            "a dataset is for models with one input",
            found=f"{len(spec.inputs)} inputs",
            hint="Leave load.dataset out and give samples with labels in verify.inputs.",
        )
    return Samples(spec.dataset, real(spec.inputs, data.test.inputs), data.test.labels)
