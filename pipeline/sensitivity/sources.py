"""Choice of the samples that sensitivity is measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import UsageError
from prunepack.stages.contract.progress import remark
from prunepack.stages.data.datasets import open_data
from prunepack.stages.data.splits import check_end, has_labels
from prunepack.stages.data.user_samples import SampleSource, collect_samples
from prunepack.stages.evaluation.named import COSINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.stages.contract.model_spec import ModelSpec

__all__ = ["choose_source"]


def choose_source(
    split: str, inputs: str, metric: str, spec: ModelSpec, samples: int
) -> SampleSource:
    """Return the first source that the metric can use: validation, train, own samples, test.

    Args:
        split: The split to take, or ``auto``.
        inputs: The user's samples; empty if there are none.
        metric: The metric, which needs labels unless it is that of unlabelled samples.
        spec: The model.
        samples: The most samples; 0 for all.

    Raises:
        UsageError: If there is no such source.
    """
    known = dict(_list_sources(inputs, spec, samples))
    wanted = {split: known[split]} if split in known else known if split == "auto" else {}
    if not wanted:
        raise _explain_no_samples(split, known)
    labelled = [name for name, source in wanted.items() if source.is_labelled]
    name = labelled[0] if labelled and metric != COSINE else next(iter(wanted))
    if name != "validation":
        remark(f"sensitivity is measured on {wanted[name].name}, not on a validation split")
    check_end(wanted[name].split, samples, "sensitivity.samples")
    return wanted[name]


def _list_sources(inputs: str, spec: ModelSpec, samples: int) -> Iterator[tuple[str, SampleSource]]:
    if spec.dataset:
        data = open_data(spec.dataset, spec.inputs, spec.dataset_arguments)
        for name in ("validation", "train"):
            part = getattr(data, name)
            if part is not None and part.samples != 0:
                title = f"the {name} split of {spec.dataset}"
                yield name, SampleSource(title, part, has_labels(part))
    own = collect_samples(inputs, spec, samples or 1)
    for source in own:
        yield ("test" if source.name == spec.dataset else "own"), source


def _explain_no_samples(split: str, known: dict[str, SampleSource]) -> UsageError:
    if split == "auto":
        return UsageError(
            "there are no samples to measure sensitivity on",
            expected="load.dataset, or your samples in verify.inputs",
            found="neither",
            hint="Name a dataset in load.dataset; docs/how-to/data.md lists the forms",
        )
    return UsageError(
        f"there is no split `{split}`",
        expected="a split of load.dataset",
        found=", ".join(f"`{name}`" for name in known) or "no samples",
        hint="Leave sensitivity.split out, or give the split in load.dataset",
    )
