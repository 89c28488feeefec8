"""Recipe with comments, for a user to go on from."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from prunepack.pipeline.recipe_text import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunepack.pipeline.starting.properties import ModelProperties

__all__ = ["write_template"]

WIDTH = 98

MOST_LAYERS = 12
"""Layers that a comment lists."""

DATASET = """\
# dataset = "data.py:splits"  # returns {"train": (x, y), "validation": …, "test": …}; accuracy is
#                             # then measured, and fine-tuning can train
"""

PRUNE = """\
[prune]
method = "l1_unstructured"    # ranks weights by magnitude; ln_structured removes whole channels
scope = "global"              # one ranking of all layers; local: the amount applies to each layer
amount = 0.8                  # fraction of the weights to remove
# exclude = ["first", "last"] # layers that stay dense
# schedule = "cubic"          # several rounds of pruning and fine-tuning, …
# steps = 3                   # … this many
"""

KEPT = """\
# The model is pruned already: without a [prune] table its masks stay, and nothing is trained.
# [prune]
# amount = 0.95               # prune it further
"""

FINETUNE = """\
[finetune]
epochs = {epochs}
# hook = "train.py:finetune"  # your function(model, data), in place of our training
# lr = 1e-3
"""

GATE = """\
[gate]
# The run fails if a limit does not hold; docs/reference/metrics.md lists what can have a limit.
limits = [
    {limits}
]
"""


def write_template(name: str, properties: ModelProperties) -> str:
    """Return a recipe that runs, or that names the values to replace.

    Args:
        name: The name of the recipe's file.
        properties: The properties of the model.
    """
    parts = [
        f"# Written by `prunepack init`. Run it with `prunepack run {name}`.\n"
        "# Every key is optional; docs/reference/recipe.md lists all. Paths are relative to the\n"
        "# folder in which prunepack runs.\n",
        "".join(_write_load(properties)),
        "".join(_write_layers(properties)) + (KEPT if properties.is_masked else PRUNE),
        *([] if properties.is_graph else [_write_training(properties)]),
        "[measure]\nbatch_sizes = [1, 32]         # batch sizes whose latency is measured\n",
        GATE.format(limits="\n    ".join(_list_limits(properties))),
    ]
    return "\n".join(parts)


def _write_load(properties: ModelProperties) -> Iterator[str]:
    yield "[load]\n"
    for note in properties.notes:
        yield _comment(note)
    for key, value in properties.load.items():
        yield f"{key} = {_format(value)}\n"
    if not properties.has_data:
        yield DATASET


def _format(value: Any) -> str:
    if isinstance(value, list) and len(value) > 1:
        lines = "".join(f"    {format_value(entry)},\n" for entry in value)
        return f"[\n{lines}]"
    return format_value(value)


def _write_layers(properties: ModelProperties) -> Iterator[str]:
    if not properties.layers:
        return
    shown = properties.layers[:MOST_LAYERS]
    listed = ", ".join(f"{name} ({'×'.join(map(str, shape))})" for name, shape in shown)
    more = len(properties.layers) - len(shown)
    yield _comment(f"Weights: {listed}{f' and {more} more' if more else ''}.")


def _write_training(properties: ModelProperties) -> str:
    trains = properties.has_data and not properties.is_masked
    return FINETUNE.format(epochs="1" if trains else "0                    # needs a dataset")


def _list_limits(properties: ModelProperties) -> Iterator[str]:
    if not properties.is_masked:
        yield '"sparsity.weights >= 75",'
        yield '"size.ratio >= 4",          # bytes of the dense ONNX file / bytes of the artifact'
    if properties.has_data:
        yield '"accuracy.drop <= 1",       # points'
    else:
        yield '# "accuracy.drop <= 1",     # points; needs a dataset'
    yield '# "latency.batch_1.ratio <= 1.25",'


def _comment(text: str) -> str:
    lines = textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)
