"""Honest releases: with other seeds, and with every form of export, storage and model."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import honest_edits as edits
from tests.faults import honest_tools as tools
from tests.faults.commands import run_all, run_honest
from tests.faults.lab import LOADED, build, copy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.fault import Command

    Edit = Callable[[Path], None]
    Make = Callable[[Path], Sequence[Command]]

__all__ = ["RUNS", "VARIATIONS", "Variation", "judge_honest_release", "judge_variation"]

RUNS = 200

MOST_PRUNED = {"heads": 0.5, "words": 0.7}
"""Most that is pruned of a model: beyond it, a layer has no weight left, and the model is dead."""
NETWORKS = Path(__file__).with_name("honest_networks.py")


def judge_honest_release(number: int, folder: Path) -> str | None:
    """Make release ``number`` and judge it; return what the gate said if it did not pass.

    Every seed is another one, so are the amount of pruning and the number of samples.
    """
    drawn = random.Random(number)
    model = list(LOADED)[number % len(LOADED)]
    amount = min(drawn.choice((0.0, 0.3, 0.5, 0.7, 0.9)), MOST_PRUNED.get(model, 1.0))
    release = build(folder / model, model, number, amount)
    samples = str(drawn.randint(3, 64))
    few = ("--samples", str(drawn.randint(20, 300))) if model == "lenet" else ()
    options = ("--random-samples", samples, "--seed", str(number), *few)
    judged = release.gate("--skip", "accuracy.drop")  # pruned by up to 90 %, without fine-tuning
    done = run_all([release.verify(*options), judged])
    return None if done.code == 0 else done.text


@dataclass(frozen=True, slots=True)
class Variation:
    """An honest release that differs from the usual one.

    Attributes:
        name: The difference.
        make: Function that makes the release in a folder and returns the commands that must pass.
        quick: Whether it runs in the fast suite.
    """

    name: str
    make: Make
    quick: bool = False


def judge_variation(variation: Variation, folder: Path) -> str | None:
    """Make a release and judge it; return what the commands said if they did not pass."""
    done = run_all(variation.make(folder))
    return None if done.code == 0 else f"exit {done.code}: {done.text}"


def _edited(model: str, edit: Edit, folder: Path) -> Sequence[Command]:
    """Judge an honest release whose exported file ``edit`` stored in another way."""
    release = copy_of(model, folder)
    edit(release.model)
    release.pack()
    return release.checks()


def _chain(*steps: Edit) -> Edit:
    """Return the edit that makes several edits in turn."""

    def edit(path: Path) -> None:
        for step in steps:
            step(path)

    return edit


def _exported(model: str, options: Sequence[str], folder: Path) -> Sequence[Command]:
    """Judge a release that was exported with other options."""
    return build(folder / model, model, export=options).checks()


def _of(source: str, *inputs: str, options: Sequence[str] = (), amount: float = 0.5) -> Make:
    """Return what judges a model of ``honest_networks.py``, with options of ``verify``."""

    def make(folder: Path) -> Sequence[Command]:
        given = (f"{NETWORKS}:{source}", *inputs)
        release = build(folder / "model", "", amount=amount, source=given)
        return [release.verify(*options), release.gate()]

    return make


def _packed(level: str, folder: Path) -> Sequence[Command]:
    release = copy_of("lenet", folder)
    source, target = str(release / "onnx"), str(release.packed)
    run_honest(["pack", source, "-o", target, "--level", level, "--force"])
    return release.checks()


def _two_files(edit: Edit, folder: Path) -> Sequence[Command]:
    """Compare two files of one model without torch."""
    release = copy_of("words", folder)
    (folder / "other").mkdir()
    other = folder / "other/model.onnx"
    other.write_bytes(release.model.read_bytes())
    edit(other)
    files = [str(release.model), str(other)]
    return [["verify", *files, "-o", str(release / "parity"), "--force", "--same"], release.gate()]


def _edit(name: str, model: str, edit: Edit, *, quick: bool = False) -> Variation:
    return Variation(f"{name} ({model})", partial(_edited, model, edit), quick)


def _export(model: str, *options: str, quick: bool = False) -> Variation:
    return Variation(
        f"export {' '.join(options)} ({model})", partial(_exported, model, options), quick
    )


NAN = ("--tolerances", "outputs=*,nonfinite=true")

VARIATIONS = (
    *(_export("heads", "--opset", str(opset)) for opset in range(18, 24)),
    *(_export("words", "--opset", str(opset)) for opset in (18, 23)),
    *(_export(model, "--exporter", "torchscript") for model in LOADED),
    *(_export(model, "--no-dynamic-batch") for model in ("lenet", "mixed")),
    _export("heads", "--output-names", "classes", "--output-names", "levels"),
    _edit("initializers renamed", "heads", edits.rename_initializers, quick=True),
    _edit("initializers renamed", "words", edits.rename_initializers),
    _edit("everything renamed", "words", edits.rename_everything, quick=True),
    _edit("dynamic axes renamed", "words", edits.rename_axes),
    *(_edit("onnxruntime basic", model, tools.optimise()) for model in LOADED),
    *(_edit("onnxruntime extended", model, tools.optimise(tools.EXTENDED)) for model in LOADED),
    _edit("external data in one file", "heads", edits.store_apart(together=True), quick=True),
    _edit("external data in many files", "words", edits.store_apart(together=False)),
    _edit("weights in Constant nodes", "words", edits.store_as_constants, quick=True),
    _edit("weights in Constant nodes", "lenet", edits.store_as_constants),
    _edit(
        "another exporter's, weights transposed",
        "heads",
        _chain(edits.forget_export, edits.store_transposed),
    ),
    _edit("an unused initializer", "lenet", edits.store_unused, quick=True),
    _edit("functions", "heads", edits.wrap_in_function(inline=False)),
    _edit("functions inlined", "heads", edits.wrap_in_function(inline=True)),
    _edit("opset 22 by onnx", "words", tools.convert_opset(22)),
    *(_edit("onnxscript", model, tools.fold_constants) for model in ("heads", "words")),
    *(_edit("onnxslim", model, tools.slim) for model in LOADED),
    *(_edit("onnxsim", model, tools.simplify) for model in ("heads", "words")),
    _edit("shapes inferred again", "words", edits.clear_shapes),
    _edit("annotations and Identity", "heads", edits.add_annotations, quick=True),
    _edit("nodes in another order", "words", edits.reverse_order),
    *(
        _edit(f"another exporter's, {name}", "words", _chain(edits.forget_export, edit))
        for name, edit in (
            ("as it is", edits.clear_shapes),
            ("renamed", edits.rename_everything),
            ("optimised", tools.optimise()),
            ("in Constant nodes", edits.store_as_constants),
            ("of opset 22", tools.convert_opset(22)),
        )
    ),
    *(Variation(f"pack {level}", partial(_packed, level)) for level in ("fast", "small", "max")),
    Variation("tied weights and padding", _of("Tied", "name=ids,shape=6,dtype=int64")),
    Variation(
        "NaN by a mask",
        _of("Masked", "name=states,shape=5x8", "name=keep,shape=5,dtype=bool", options=NAN),
    ),
    Variation("NaN by a logarithm", _of("Logarithm", "name=x,shape=8", options=NAN)),
    Variation("BatchNorm behind layers", _of("Normalized", "name=x,shape=8x12")),
    Variation("BatchNorm in a row of layers", _of("folded", "shape=3x8x8"), quick=True),
    Variation("BatchNorm that stays", _of("Before", "name=x,shape=3x8x8")),
    Variation("LSTM and GRU", _of("Recurrent", "name=x,shape=7x5")),
    Variation("MultiheadAttention", _of("Attentive", "name=x,shape=5x8")),
    Variation("weights that are derived or unused", _of("Derived", "name=x,shape=3x8x8")),
    Variation("both branches of an If", _of("Branching", "name=x,shape=4,batch_axis=none")),
    Variation("a layer used three times", _of("Shared", "name=x,shape=6")),
    Variation(
        "axes of size 1 while exporting", _of("Any", "name=x,shape=3xheight/width,example=3x1x1")
    ),
    Variation("two dynamic axes", _of("Any", "name=x,shape=3xheight/width")),
    Variation("no batch axis", _of("Alone", "name=x,shape=3x8x8,batch_axis=none")),
    Variation(
        "bytes and whole numbers",
        _of(
            "Counted", "name=a,shape=4,dtype=uint8", "name=b,shape=3,dtype=int64", "name=c,shape=5"
        ),
    ),
    Variation("float16", _of("half", "shape=8,dtype=float16")),
    Variation("bfloat16", _of("brain", "shape=8,dtype=bfloat16")),
    Variation("float64", _of("double", "shape=8,dtype=float64")),
    Variation("nothing pruned", _of("folded", "shape=3x8x8", amount=0.0)),
    Variation("nearly everything pruned", _of("Recurrent", "name=x,shape=7x5", amount=0.9)),
    Variation("two files, optimised", partial(_two_files, tools.optimise())),
    Variation("two files, renamed", partial(_two_files, edits.rename_everything)),
)
"""Releases that must pass; each has something that a check could take for a fault."""
