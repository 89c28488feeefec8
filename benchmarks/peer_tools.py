"""Tools whose checks are compared with those of ``prunepack``, and the commands that run them.

Each gets two ONNX files in the way that its documentation recommends for a build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKS", "PEERS", "Peer"]

CHECKS = Path(__file__).with_name("peer_checks")

Commands = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool, and a way of using it.

    Attributes:
        package: The package, whose version is reported.
        environment: Its environment, a file of ``peer_requirements``.
        how: The command or call, for the table.
        commands: Returns the commands to run in turn, until one fails, from its ``bin``, the
            reference and the faulty file. They run in a folder that holds ``inputs.npz``: one
            batch, by the names of the inputs.
        telling: Pattern of a line that reports a fault; the last such line counts.
        writes: A file that it writes only if it accepts; empty if it writes no such file.
        note: Settings and restrictions, for the table.
        is_call: Whether it is a function, not a command, so that it has no exit code.
    """

    package: str
    environment: str
    how: str
    commands: Callable[[Path, Path, Path], Commands]
    telling: str
    writes: str = ""
    note: str = ""
    is_call: bool = False


def _polygraphy(here: Path, reference: Path, faulty: Path) -> Commands:
    run = [str(here / "polygraphy"), "run"]
    script = ["--data-loader-script", str(CHECKS / "polygraphy_inputs.py")]
    save = ["--save-inputs", "inputs.json", "--save-outputs", "outputs.json"]
    load = ["--load-inputs", "inputs.json", "--load-outputs", "outputs.json"]
    return [
        [*run, str(reference), "--onnxrt", *script, *save],
        [*run, str(faulty), "--onnxrt", *load],
    ]


def _check(name: str, *last: str) -> Callable[[Path, Path, Path], Commands]:
    """Return the command that runs a module of ``peer_checks`` on a pair."""

    def commands(here: Path, reference: Path, faulty: Path) -> Commands:
        run = [str(here / "python"), "-m", f"benchmarks.peer_checks.{name}"]
        return [[*run, str(reference), str(faulty), *last]]

    return commands


PEERS = {
    "Polygraphy": Peer(
        "polygraphy",
        "polygraphy",
        "polygraphy run A --onnxrt --save-inputs … --save-outputs …; "
        "polygraphy run B --onnxrt --load-inputs … --load-outputs …",
        _polygraphy,
        r"FAILED \| simple \| .*|Output names did not match exactly|\[!\] .*"
        r"|Buffer (?:name|dtype) .* does not match .*",
        note="default tolerances, 1e-5 and 1e-5",
    ),
    "Optimum, command": Peer(
        "optimum-onnx",
        "optimum",
        "optimum-cli export onnx --atol",
        _check("optimum_export", "inputs.npz", "out"),
        r"^(The ONNX export succeeded with the warning: .*|\w+Error: .*|- .*: max diff = .*)",
        writes="out/model.onnx",
        note="its default tolerance, 1e-5; the file that it validates was replaced by B",
    ),
    "Optimum, call": Peer(
        "optimum-onnx",
        "optimum",
        "optimum.exporters.onnx.validate_model_outputs(…)",
        _check("optimum_export", "inputs.npz", "out"),
        r"^(\S*Error: .*|- .*: max diff = .*)",
        writes="call/returned",
        is_call=True,
        note="its default tolerance, 1e-5",
    ),
    "onnxslim": Peer(
        "onnxslim",
        "onnxslim",
        "onnxslim A OUT --model-check --model-check-inputs …",
        _check("onnxslim_command", "inputs.npz", "out/model.onnx"),
        r"Model output .*mismatch.*|^\S*Error: .*",
        writes="out/model.onnx",
        note="its own tolerances, 1e-4 and 1e-3; what it compares with A was replaced by B",
    ),
    "Olive": Peer(
        "olive-ai",
        "olive",
        "olive run --config … with OnnxDiscrepancyCheck, max_mae 1e-5",
        _check("olive_workflow", "."),
        r"^\s+- .*exceeds threshold.*|^\S*Error: .*",
        writes="out/model.onnx",
        note="by default nothing fails it; it makes up its own inputs, all ones",
    ),
}
"""The tools by their names in the table."""
