"""One kind as a project: its file, its recipe, its factory and example inputs in plain torch."""

import importlib.util
import inspect
import sys
import tomllib
from pathlib import Path

__all__ = ["KINDS", "ROOT", "Project", "example_inputs", "run_module"]

KINDS = Path(__file__).with_name("kinds")
ROOT = Path(__file__).resolve().parents[2]

DEFAULT_SIZE = 6
"""The size of a dynamic axis in the example inputs."""


class Project:
    """A file of `kinds/` and what it defines."""

    def __init__(self, name):
        self.name = name
        self.path = KINDS / f"{name}.py"
        self.module = import_file(f"zoo_{name}", self.path)

    def __getattr__(self, name):
        return getattr(self.module, name, None)

    def fill(self, text):
        """Return `text` with the path of the file in place of `{here}`."""
        return text.replace("{here}", str(self.path))

    @property
    def recipe(self):
        return self.fill(self.module.RECIPE)

    @property
    def tables(self):
        return tomllib.loads(self.recipe)

    @property
    def settings(self):
        """Settings that keep a run short: no timing, and no training that was not asked for."""
        training = () if "finetune" in self.tables else ("finetune.epochs=0",)
        return ("measure.batch_sizes=[]", *training)

    def lay_out(self, folder):
        """Write the recipe and the files of the project into `folder`."""
        (folder / "recipe.toml").write_text(self.recipe)
        if self.prepare:
            self.prepare(folder)

    def build(self):
        """Call the factory of the recipe as a user's own script would; the folder is laid out."""
        load = self.tables["load"]
        where, _, name = load["model"].rpartition(":")
        module = (
            self.module
            if where == str(self.path)
            else import_file(f"zoo_{self.name}_{Path(where).stem}", Path(where))
        )
        return getattr(module, name)(**load.get("arguments", {}))


def import_file(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def example_inputs(inputs, batch=2, seed=0):
    """Return one tensor per entry of `load.inputs`, by name."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return {entry["name"]: _draw(entry, batch, generator) for entry in inputs}


def _draw(entry, batch, generator):
    import torch

    sizes = [DEFAULT_SIZE if isinstance(size, str) else size for size in entry.get("shape", [])]
    axis = entry.get("batch_axis", 0)
    if axis != "none":
        sizes.insert(axis, batch)
    dtype = getattr(torch, entry.get("dtype", "float32"))
    low, high = entry.get("range", (0, 1))
    if dtype == torch.bool:
        return torch.ones(sizes, dtype=dtype)
    if not dtype.is_floating_point:
        drawn = torch.randint(int(low), int(high) + 1, sizes, generator=generator)
        return (drawn.clamp(min=1) if (low, high) == (0, 1) else drawn).to(dtype)
    if "range" in entry:
        return (torch.rand(sizes, generator=generator) * (high - low) + low).to(dtype)
    return torch.randn(sizes, generator=generator).to(dtype)


def run_module(module, inputs):
    """Call `module` with `inputs` by name; by position where `forward` names them otherwise."""
    import torch

    names = inspect.signature(module.forward).parameters
    copies = {name: tensor.clone() for name, tensor in inputs.items()}
    with torch.no_grad():
        if set(copies) <= set(names):
            return module(**copies)
        return module(*copies.values())
