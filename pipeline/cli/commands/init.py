"""``prunepack init``: a commented recipe for a model; ``prunepack recipe``: the built-in ones."""

from __future__ import annotations

from pathlib import Path

import click

from prunepack.io.atomic import create_file
from prunepack.pipeline.cli.command import PATH, command, force_option, json_option
from prunepack.pipeline.cli.completion import complete_built_in_recipe
from prunepack.pipeline.cli.console import format_table, print_result
from prunepack.pipeline.recipe import list_built_in_recipes, read_built_in
from prunepack.pipeline.starting.properties import describe_model
from prunepack.pipeline.starting.template import write_template

__all__ = ["init_command", "recipe_command"]


@command(example="prunepack init lenet -o first.toml")
@click.argument("model", default="lenet")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    help="Recipe to write.  [default: the name of the model with .toml]",
)
@force_option
@json_option
def init_command(model: str, *, output: Path | None, force: bool, as_json: bool) -> None:
    """Write a commented recipe for a model, to go on from.

    MODEL is a model file (.onnx, .prunepack, .pt2), a file of weights (.pt, .pth, .safetensors,
    .npz), file.py:factory, or a built-in model. Inputs, layers and masks are detected where the
    file reveals them; a comment tells which values are guesses.
    """
    target = output or Path(f"{Path(model.partition(':')[0]).stem}.toml")
    properties = describe_model(model)
    text = write_template(target.name, properties)
    with create_file(target, force=force) as file:
        file.write(text.encode())
    facts = {"recipe": str(target), "notes": list(properties.notes)}
    lines = [f"{target}: a recipe for {model}", *(f"  {note}" for note in properties.notes)]
    print_result("\n".join(lines), facts, as_json=as_json)


@command(example="prunepack recipe lenet")
@click.argument("name", default="", shell_complete=complete_built_in_recipe)
@json_option
def recipe_command(name: str, *, as_json: bool) -> None:
    """Print a built-in recipe, or list them all.

    With NAME, the text of the recipe is printed; write it to a file to change it.
    """
    if not name:
        recipes = list_built_in_recipes()
        table = format_table(("recipe", "contents"), recipes.items())
        print_result(table, {"recipes": recipes}, as_json=as_json)
        return
    text = read_built_in(name)
    print_result(text.rstrip(), {"name": name, "text": text}, as_json=as_json)
