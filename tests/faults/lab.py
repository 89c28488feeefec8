"""Honest releases that the real commands make once, and copies to plant faults into."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prunepack.stages.data.datasets import open_data
from tests.faults.commands import run_honest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.fault import Command

__all__ = ["LIMITS", "Release", "build", "copy_of", "lab", "released", "rewrite", "write_recipe"]

NETWORKS = Path(__file__).with_name("networks.py")
DIGITS = 300

LOADED: dict[str, tuple[str, ...]] = {
    "lenet": ("lenet",),
    "heads": ("networks.py:Heads", "name=image,shape=3x8x8"),
    "mixed": (
        "networks.py:Mixed",
        "name=ids,shape=6,dtype=int64",
        "name=keep,shape=6,dtype=bool",
        "name=x,shape=6x4",
        "name=y,shape=6x4",
    ),
    "words": ("networks.py:Words", "name=ids,shape=tokens,dtype=int64"),
}
"""Model → its factory and inputs: LeNet, and three models with features that LeNet lacks."""

RECIPE = """
[load]
model = "{model}"
dataset = "{dataset}"
{inputs}
[prune]
amount = 0.5

[finetune]
epochs = 0

[compact]
enabled = false  # faults are planted at places of the exported graph

[verify]
provider = "cpu"
random_samples = 32

[measure]
provider = "cpu"
batch_sizes = [1]
repeats = 10
seconds = 0.1

[gate]
limits = [{limits}]
"""

PARTS = {
    "dense": "load",
    "masked": "finetune",
    "final": "finalize",
    "onnx": "compact",
    "dense_onnx": "export_dense",
    "artifact": "pack",
    "parity": "verify",
    "measured": "measure",
}
"""Folder of a release → the stage whose output it holds."""

LIMITS = ("size.ratio >= 1.3", "sparsity.weights >= 49", "accuracy.artifact >= 90")
"""Limits of an honest release; the last one only if there are labels."""

QUICK = ("--provider", "cpu", "--batch-sizes", "1", "--repeats", "10", "--seconds", "0.1")
NOT_MEASURED = ("--skip", "latency.*", "--skip", "graph.*", "--skip", "runtime.nodes_elsewhere")
"""Options that skip the metrics of ``measure``, for reports of ``verify`` alone."""


@dataclass(frozen=True, slots=True)
class Release:
    """The folder of a release, with a folder in it for what each stage made."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        """Return a path in the folder: ``dense``, ``masked``, ``final``, ``onnx``, ``artifact``."""
        return self.folder / name

    @property
    def model(self) -> Path:
        """The exported file."""
        return self.folder / "onnx/model.onnx"

    @property
    def packed(self) -> Path:
        """The artifact."""
        return self.folder / "artifact/model.prunepack"

    def pack(self) -> None:
        """Pack the exported file, as it is now."""
        self.packed.parent.mkdir(exist_ok=True)
        run_honest(["pack", str(self / "onnx"), "-o", str(self.packed), "--force"])

    def verify(self, *options: str) -> Command:
        """Return the command that compares the four forms."""
        parts = [str(self / one) for one in ("dense", "final", "onnx", "artifact")]
        usual = ("--provider", "cpu", "--random-samples", "32")
        return ["verify", *parts, "-o", str(self / "parity"), "--force", *usual, *options]

    def measure(self, *options: str) -> Command:
        """Return the command that measures sizes and latency, as quickly as it can."""
        names = ("dense", "masked", "dense_onnx", "onnx", "artifact")
        parts = [str(self / one) for one in names]
        return ["measure", *parts, "-o", str(self / "measured"), "--force", *QUICK, *options]

    def gate(self, *options: str) -> Command:
        """Return the command that judges the output of ``verify``."""
        return ["gate", str(self / "parity"), *NOT_MEASURED, *options]

    def checks(self, *limits: str) -> list[Command]:
        """Return the usual commands: verify, then gate."""
        return [self.verify(), self.gate(*_options(limits))]

    def judge_all(self, *options: str) -> list[Command]:
        """Return the commands that verify and measure, and judge all of it."""
        sources = [str(self / "parity"), str(self / "measured")]
        return [self.verify(), self.measure(), ["gate", *sources, *options]]

    def judge(self, *options: str) -> Command:
        """Return the command that judges the report of the whole release."""
        return ["gate", str(self / "report"), *options]


def _options(limits: Sequence[str]) -> list[str]:
    return [word for limit in limits for word in ("--limits", limit)]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return the folder of all honest releases, which this process deletes at its end."""
    folder = tempfile.TemporaryDirectory(prefix="faults-")
    shutil.copy(NETWORKS, folder.name)
    test = open_data("mnist").test
    first = next(test.read(DIGITS))
    digits = {"images": first.arrays["input"], "labels": np.asarray(first.labels)}
    np.savez(Path(folder.name) / "digits.npz", allow_pickle=False, **digits)
    return folder


def lab() -> Path:
    """Return the folder with ``networks.py``, its data and the honest releases."""
    return Path(_folder().name)


def build(
    folder: Path,
    model: str,
    seed: int = 0,
    amount: float = 0.5,
    source: Sequence[str] = (),
    export: Sequence[str] = (),
) -> Release:
    """Run the stages from load to pack on a model.

    Args:
        folder: A new folder.
        model: A key of ``LOADED``.
        seed: Seed of fresh weights and of all random draws.
        amount: The fraction to prune.
        source: The factory and the inputs of another model.
        export: Options of ``export``.
    """
    release = Release(folder)
    at = {name: str(folder / name) for name in ("dense", "masked", "final", "onnx", "dense_onnx")}
    name, *inputs = source or LOADED[model]
    here = lab() / "networks.py"
    given = ["--model", name.replace("networks.py", str(here)) if not source else name]
    given += [word for one in inputs for word in ("--inputs", one)]
    given += ["--dataset", f"{lab() / 'networks.py'}:digits"] if model == "lenet" else []
    run_honest(
        ["load", *given, "-o", at["dense"], "--seed", str(seed)],
        ["prune", at["dense"], "-o", at["masked"], "--amount", str(amount)],
        ["finalize", at["masked"], "-o", at["final"], "--seed", str(seed)],
        ["export", at["final"], "-o", at["onnx"], *export],
    )
    release.pack()
    return release


@cache
def released(model: str) -> Release:
    """Return the honest release of a model, made by one run of a recipe and never changed."""
    folder = lab() / model
    recipe = folder / "recipe.toml"
    folder.mkdir()
    recipe.write_text(write_recipe(model))
    run_honest(["run", str(recipe), "--artifacts", str(folder / "runs")])
    shutil.copytree(folder / "runs/recipe", folder / "report")
    report = json.loads((folder / "report/report.json").read_bytes())
    made = {one["stage"]: one["result"] for one in report["provenance"]["stages"]}
    for part, stage in PARTS.items():
        shutil.copytree(folder / "runs/.store/objects" / made[stage], folder / part)
    return Release(folder)


def write_recipe(model: str, dataset: str = "") -> str:
    """Return the recipe of an honest release, with ``digits`` or another dataset of LeNet."""
    name, *inputs = LOADED[model]
    real = model == "lenet"
    tables = [dict(pair.split("=") for pair in one.split(",")) for one in inputs]
    return RECIPE.format(
        model=name.replace("networks.py", str(lab() / "networks.py")),
        dataset=(dataset or f"{lab() / 'networks.py'}:digits") if real else "",
        inputs="".join(
            "[[load.inputs]]\n" + "".join(f'{key} = "{text}"\n' for key, text in one.items())
            for one in tables
        ),
        limits=", ".join(f'"{limit}"' for limit in (LIMITS if real else LIMITS[:2])),
    )


def copy_of(model: str, folder: Path) -> Release:
    """Return a copy of an honest release to plant a fault into."""
    copy = folder / model
    shutil.copytree(released(model).folder, copy, ignore=shutil.ignore_patterns("runs"))
    for path in copy.rglob("*"):  # stored outputs are read-only
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    return Release(copy)


def rewrite(path: Path, **changes: Any) -> None:
    """Replace some keys of the JSON object in a file."""
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
