"""``prunepack train``: make a built-in model's weights from a seed."""

from __future__ import annotations

from pathlib import Path

import click

from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import FORCE, JSON, OUTPUT, Verb, show
from prunepack.stages.data.datasets import open_data
from prunepack.stages.load import trained
from prunepack.stages.models.builtin import MODELS
from prunepack.stages.models.training import accuracy_of

__all__ = ["command"]


def command(name: str) -> click.Command:
    """Return the command."""
    seed = click.Option(
        ["--seed"], type=int, default=0, show_default=True, help="Of all randomness."
    )
    return Verb(
        name,
        example="prunepack train lenet -o lenet.safetensors",
        callback=_train,
        params=[click.Argument(["model"]), OUTPUT, seed, FORCE, JSON],
        help=f"Train MODEL ({', '.join(MODELS.names())}) from scratch; save its state dict.",
    )


def _train(model: str, *, output: str, seed: int, force: bool, as_json: bool) -> None:
    from safetensors.torch import save

    MODELS.check(model)
    with create_file(Path(output), force=force) as file:
        module = trained(model, seed)
        file.write(save(module.state_dict()))
    accuracy = 100 * accuracy_of(module, open_data(MODELS[model].dataset).test)
    text = f"{output}: {accuracy:.2f} % on the test split"
    show(text, {"path": output, "accuracy": accuracy}, as_json=as_json)
