"""``prunepack train``: a built-in model's weights, made from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import command, force_option, json_option, output_option
from prunepack.pipeline.cli.completion import complete_model
from prunepack.pipeline.cli.console import print_result
from prunepack.stages.data.datasets import open_data
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.builtin_weights import train_builtin
from prunepack.stages.training.scoring import measure_accuracy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["train_command"]

HELP = f"""Train a built-in model and save its weights.

MODEL is one of: {", ".join(MODELS.names())}. The output is the state dict,
a .safetensors file.
"""


@command(example="prunepack train lenet -o lenet.safetensors", help=HELP)
@click.argument("model", shell_complete=complete_model)
@output_option
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for all randomness.")
@force_option
@json_option
def train_command(model: str, *, output: Path, seed: int, force: bool, as_json: bool) -> None:
    """Train a built-in model from scratch and save its state dict."""
    from safetensors.torch import save

    MODELS.check(model)
    with create_file(output, force=force) as file:
        module = train_builtin(model, seed)
        file.write(save(module.state_dict()))
    accuracy = 100 * measure_accuracy(module, open_data(MODELS[model].dataset).test)
    text = f"{output}: {accuracy:.2f} % on the test split"
    print_result(text, {"path": str(output), "accuracy": accuracy}, as_json=as_json)
